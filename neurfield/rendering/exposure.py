"""How the pictures of one scene differ: from its colours to those of each picture."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Literal, Protocol

import torch
from torch import Tensor, nn

from neurfield.parts import Number
from neurfield.scenes import Cameras


class Exposure(Protocol):
    """What a picture makes of the scene's colours.

    It may be a torch module with `parameter_groups`, and then it is learnt. A method `prepare` is called
    once, before the first step. What stands behind the field is seen through it where it is learnt.
    """

    def shown(self, rgb: Tensor, opacity: Tensor, camera: Tensor) -> Tensor:
        """Colours [R, 3] as a picture shows them.

        Args:
            rgb: [R, 3], the scene's colours times `opacity`.
            opacity: [R] of what has these colours, in 0..1.
            camera: int64 [R], whose rays; -1: none of the fit's, for which colours are the scene's own.
        """
        ...


class Gains(Protocol):
    """What was measured of exposure, as `StereoMaps` have it.

    Attributes:
        gain: [n], a picture's greys times it can be compared with others'; None: exposure is steady.
    """

    @property
    def gain(self) -> Tensor | None: ...


class Affine(nn.Module):
    """A gain and an offset of each picture and channel, learnt: exposure and white balance that changed.

    Log gains and offsets are zero in the mean over the pictures, because the scene's own colours could take
    it, and are pulled to zero. They begin with the gains by which matched points have one grey everywhere.

    Args:
        cameras: one for each picture.
        stereo: gives maps of matched pictures, with gains; or None.
        device: of the numbers.
        when: they are learnt always, or only where matched pictures show that exposure changes.
        pull: weight of the mean square of log gains and offsets beside the losses.
    """

    def __init__(
        self,
        cameras: Cameras,
        stereo: Callable[[], Gains | None],
        device: torch.device,
        *,
        when: Literal["always", "measured"] = "always",
        pull: Annotated[float, Number(least=0.0)] = 0.01,
    ) -> None:
        super().__init__()
        self.stereo, self.when, self.pull, self.begun, self.learns = stereo, when, pull, False, False
        self.log_gain = self._numbers(len(cameras), device)
        self.offset = self._numbers(len(cameras), device)
        self.active: Tensor
        self.register_buffer("active", torch.zeros((), device=device))
        self.register_load_state_dict_post_hook(lambda *_: self._begin(bool(self.active)))

    def _numbers(self, pictures: int, device: torch.device) -> nn.Parameter:
        """Numbers [n, 3] that are pulled to zero wherever they get a gradient."""
        numbers = nn.Parameter(torch.zeros(pictures, 3, device=device))
        scale = 2.0 * self.pull / max(1, numbers.numel())
        numbers.register_hook(lambda gradient: gradient + scale * numbers.detach())
        return numbers

    def _begin(self, learns: bool) -> None:
        self.begun, self.learns = True, learns

    @torch.no_grad()
    def prepare(self) -> None:
        """Begin with the gains that were measured, unless it has begun already."""
        if self.begun:
            return
        maps = self.stereo()
        gain = None if maps is None else maps.gain
        self._begin(self.when == "always" or gain is not None)
        self.active.fill_(float(self.learns))
        if gain is not None:
            self.log_gain[:] = -gain.to(self.log_gain).log()[:, None]

    @property
    def words(self) -> str:
        """What is learnt, for people; "": nothing."""
        if not self.learns:
            return ""
        log_gain = self.log_gain.detach().mean(dim=1)
        stops = float(log_gain.max() - log_gain.min()) / math.log(2.0)
        shown = f"exposure changes between pictures by up to {stops:.1f} stops (of display values): "
        return f"{shown}a gain and an offset of each are learnt (exposure.affine)"

    def shown(self, rgb: Tensor, opacity: Tensor, camera: Tensor) -> Tensor:
        """Colours [R, 3] as a picture shows them, as `Exposure.shown`."""
        if not self.learns:
            return rgb
        gain, offset = (self._of_cameras(numbers)[camera] for numbers in (self.log_gain, self.offset))
        return rgb * gain.exp() + offset * opacity[:, None]

    @staticmethod
    def _of_cameras(numbers: Tensor) -> Tensor:
        """Numbers [n + 1, 3] of zero mean, and last those of no camera."""
        return nn.functional.pad(numbers - numbers.mean(dim=0), (0, 0, 0, 1))

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Its parameters by how they learn."""
        return {"encoding": [self.log_gain, self.offset]}
