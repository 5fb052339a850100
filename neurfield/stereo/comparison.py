"""How pictures are compared: with several sources, and where each reference has one source alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from neurfield.ops import StereoPictures
from neurfield.stereo.ranges import Search

MOST_PLANES = 256  # of a search in steps of a pixel: 0.8 kB a pixel


@dataclass(frozen=True)
class Comparison:
    """How windows are compared and maps held to each other.

    Attributes:
        full_size: whether pictures are searched at full size however large they are.
        tolerance: grey levels by which pictures may differ where they show the same, at no cost.
        by_pixels: whether planes lie at most a pixel apart in the sources, as far as there are enough.
        relative: difference of depth with which two maps agree.
        planar_relative: and in plain regions that were filled.
        pixels: of reprojection with which they do.
        rounds: in which maps are held to each other, at least, where they are at all.
        little: share of matched pixels below which it is told that hardly anything matches: chance alone
            makes some of them agree.
        sweep: numbers of `sweep_depth` that differ from its own.
        patches: those of `refine_planes`.

    Windows are small: wide ones give what lies behind an outline the depth of what is before it.
    """

    full_size: bool = False
    tolerance: float = 0.0
    by_pixels: bool = False
    relative: float = 0.01
    planar_relative: float = 0.015
    pixels: float = 2.0
    rounds: int = 1
    little: float = 0.1
    sweep: Mapping[str, Any] = field(default_factory=lambda: {"radius": 1})
    patches: Mapping[str, Any] = field(default_factory=lambda: {"radius": 2})

    def planes(
        self, pictures: StereoPictures, references: Tensor, sources: Tensor, search: Search, least: int
    ) -> int:
        """How many planes to sweep: `least`, and with `by_pixels` more, up to MOST_PLANES.

        Args:
            pictures: of the size that is searched.
            references: int64 [R].
            sources: int64 [R, S], -1 = none.
            search: of the references.
            least: number of planes.
        """
        if not self.by_pixels:
            return least
        h, w = pictures.grey.shape[1:]
        corners = torch.tensor([[x, y, 1.0] for x in (0, w) for y in (0, h)], dtype=torch.float64)
        a, b = pictures.pair(references[:, None], sources, torch.float64)
        rays = torch.einsum("rsij,kj->rski", a, corners)
        ends = [rays + (b * end.double()[:, None, None])[:, :, None] for end in (search.low, search.high)]
        seen = (sources >= 0)[..., None] & (ends[0][..., 2] > 0) & (ends[1][..., 2] > 0)
        far, near = (end[..., :2] / end[..., 2:] for end in ends)
        apart = torch.where(seen, (near - far).norm(dim=-1), torch.zeros(()).double())
        return max(least, min(MOST_PLANES, math.ceil(float(apart.max())) + 1))


SEVERAL = Comparison()
# One source is not outvoted where gloss or a lens make its brightness another, so brightness is not taken to
# the letter; small windows at full size keep thin things, and as they say less, a path pays more for a step.
# The angle between two photographs may be small, so that a pixel is more than a hundredth of the depth. The
# other map alone tells what is wrong, so it is asked twice, and three pixels off may be the same thing.
SINGLE = Comparison(
    full_size=True, tolerance=4.0, by_pixels=True, relative=0.05, planar_relative=0.05, pixels=3.0, rounds=2,
    little=0.2, sweep={"radius": 2, "next_step": 14, "jump": 24, "flat_jump": 160},
)  # fmt: skip


def comparison_of(sources: Tensor) -> Comparison:
    """SINGLE where no reference has more than one of the sources int64 [R, S] (-1 = none), else SEVERAL."""
    return SINGLE if int((sources >= 0).sum(dim=1).max()) <= 1 else SEVERAL
