"""What a fit is made of beside its parts: the data it uses, and how it is trained; declared as parts are.

`fitted.py` says which methods have which of these groups.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from neurfield.parts.numbers import Number

PRESETS = ("quick", "default", "best")
DEVICES = ("auto", "cpu", "cuda")
_Count = Annotated[int, Number(least=1)]
_Times = Annotated[int, Number(least=0)]
_Rate = Annotated[float, Number(least=0.0)]


@dataclass(kw_only=True)
class Data:
    """Which of the scene's sources are used.

    Args:
        sensor_depth: which measured depth; auto takes exact where the scene has it, else noisy, else off.
        prior_depth: use ambiguous depth of a monocular network, scale and shift unknown per image.
        prior_normal: use normals of a monocular network.
        stereo: match the pictures with each other where no depth was measured.
        matching: preset of that (`neurfield scene stereo`): how finely pictures are searched.
        intrinsic: use pictures of reflectance and shading where the scene has them.
        segment: use segments, maps of instance ids.
        mask: use masks where the scene has them.
        holdout_every: every n-th frame is kept from all of the fit, for image scores; 0 keeps none.
        box: world xmin, ymin, zmin, xmax, ymax, zmax; empty: from the scene.
    """

    sensor_depth: Literal["auto", "exact", "noisy", "off"] = "auto"
    prior_depth: bool = False
    prior_normal: bool = False
    stereo: bool = False
    matching: Literal["quick", "default", "best"] = "default"
    intrinsic: bool = False
    segment: bool = False
    mask: bool = True
    holdout_every: _Times = 0
    box: list[float] = field(default_factory=list)

    def wrong(self) -> str | None:
        """The key that is wrong, and why; None if none is."""
        if self.holdout_every == 1:
            return (
                "'data.holdout_every': 1 would keep every frame from the fit: "
                "give 2 or more to keep every n-th, or 0 to fit all"
            )
        if len(self.box) not in (0, 6):
            return f"'data.box': six numbers are needed (min and max), got {len(self.box)}"
        return None


@dataclass(kw_only=True)
class Train:
    """Steps, learning rates, and how often something is written.

    Args:
        steps: of the whole fit.
        lr_table: initial learning rate of encodings' tables.
        lr_network: initial learning rate of networks.
        lr_end: final over initial learning rate.
        lr_course: from the first to the last: a cosine, or by equal factors.
        warmup: steps over which learning rates rise from nothing, linearly.
        log_every: steps between two lines of the log.
        save_every: steps between two checkpoints; 0: only the last step has one.
        preview_every: steps between two previews; 0: none.
    """

    steps: _Count = 5000
    lr_table: _Rate = 1e-2
    lr_network: _Rate = 2e-3
    lr_end: _Rate = 0.03
    lr_course: Literal["cosine", "exponential"] = "cosine"
    warmup: _Times = 50
    log_every: _Count = 100
    save_every: _Times = 1000
    preview_every: _Times = 1000

    def wrong(self) -> str | None:
        """Nothing beyond what each number says itself."""
        return None


@dataclass(kw_only=True)
class PictureTrain(Train):
    """The same of a fit to a picture.

    Args:
        lr_network: initial learning rate of the network.
        lr_kernels: initial learning rate of kernels.
    """

    lr_network: _Rate = 1e-2
    lr_kernels: _Rate = 5e-3
