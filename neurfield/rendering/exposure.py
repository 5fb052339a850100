"""How the pictures of one scene differ: from its colours to those of each picture."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Literal, Protocol

import torch
from torch import Tensor, nn

from neurfield.parts import Number
from neurfield.rendering.decided import Decided
from neurfield.scenes import Cameras


class Exposure(Protocol):
    """What a picture makes of the scene's colours.

    It may be a torch module with `parameter_groups`, and then it is learnt. A method `prepare` is called
    once, before the first step. What stands behind the field is seen through it where it is learnt.

    A part whose numbers have `codes` hands so many numbers of each picture to the colour, after the field's
    feature: a method `codes_of(camera)` gives them [R, codes]. Without a picture they are zero.
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


class Affine(Decided):
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
        super().__init__(device)
        self.stereo, self.when = stereo, when
        self.log_gain = pulled_numbers(len(cameras), 3, pull, device)
        self.offset = pulled_numbers(len(cameras), 3, pull, device)

    @torch.no_grad()
    def prepare(self) -> None:
        """Begin with the gains that were measured, unless it has begun already."""
        if self.begun:
            return
        maps = self.stereo()
        gain = None if maps is None else maps.gain
        self.decide(self.when == "always" or gain is not None)
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
        gain, offset = (about_mean(numbers)[camera] for numbers in (self.log_gain, self.offset))
        return rgb * gain.exp() + offset * opacity[:, None]

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Its parameters by how they learn."""
        return {"encoding": [self.log_gain, self.offset]}


class Appearance(nn.Module):
    """A few numbers of each picture that its colours depend on, learnt (NeRF-W, Martin-Brualla et al. 2021).

    They tell more than a gain, such as another light, and so more of what is the scene's own. What stands
    behind the field looks the same in all pictures. They are zero in the mean, and pulled to zero.

    Args:
        cameras: one for each picture.
        device: of the numbers.
        codes: numbers of each picture.
        pull: weight of their mean square beside the losses.
    """

    def __init__(
        self,
        cameras: Cameras,
        device: torch.device,
        *,
        codes: Annotated[int, Number(least=1)] = 8,
        pull: Annotated[float, Number(least=0.0)] = 0.01,
    ) -> None:
        super().__init__()
        self.numbers = pulled_numbers(len(cameras), codes, pull, device)

    def shown(self, rgb: Tensor, opacity: Tensor, camera: Tensor) -> Tensor:
        """The same colours: those of the field know of the picture already."""
        return rgb

    def codes_of(self, camera: Tensor) -> Tensor:
        """Numbers [R, codes] of the pictures of rays; of no camera zeros."""
        return about_mean(self.numbers)[camera]

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Its parameters by how they learn."""
        return {"encoding": [self.numbers]}


def pulled_numbers(pictures: int, each: int, pull: float, device: torch.device) -> nn.Parameter:
    """Numbers [n, K] that are zero, and learn as if a loss had `pull` times their mean square beside others.

    Args:
        pictures: n.
        each: K.
        pull: weight.
        device: of the numbers.
    """
    numbers = nn.Parameter(torch.zeros(pictures, each, device=device))
    scale = 2.0 * pull / max(1, numbers.numel())
    numbers.register_hook(lambda gradient: gradient + scale * numbers.detach())
    return numbers


def about_mean(numbers: Tensor) -> Tensor:
    """Numbers [n + 1, K] of n pictures less their mean, and last zeros, for no picture."""
    return nn.functional.pad(numbers - numbers.mean(dim=0), (0, 0, 0, 1))
