"""The numbers of dense stereo, and three sets of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from neurfield.errors import UserError
from neurfield.wording import suggest


@dataclass(frozen=True)
class StereoSettings:
    """How much work goes into stereo.

    Attributes:
        longest: pixels; pictures with a longer side are reduced to it.
        every: every so many frames get maps, and all may help as sources; 0: each of fewer than 80 frames,
            every second of fewer than 160, else those that cover what all see.
        halved_from: pixels; pictures that show of what is matched a square of as many to a side, or more, are
            searched at half size. Where a thing is seen from all around without masks, a quarter counts.
        sources: pictures that a reference is compared with.
        planes: of the first search, along inverse depth.
        passes: rounds of PatchMatch after the search.
        geometric: rounds after these that hold each map to those of its sources.
        refine: whether planes are refined once more at full size.
        planar: whether plain regions take the plane that their rims lie on.
        seed: of the random planes.
    """

    longest: int = 1024
    every: int = 0
    halved_from: int = 256
    sources: int = 8
    planes: int = 96
    passes: int = 2
    geometric: int = 1
    refine: bool = True
    planar: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        least = {
            "longest": 32,
            "every": 0,
            "halved_from": 0,
            "sources": 1,
            "planes": 16,
            "passes": 0,
            "geometric": 0,
        }
        for name, smallest in least.items():
            if getattr(self, name) < smallest:
                raise UserError(f"stereo: {name} {getattr(self, name)}: at least {smallest} is needed")

    def stride(self, frames: int) -> int:
        """Every how many frames of a scene of fewer than 160 get maps."""
        return self.every or (1 if frames < 80 else 2)


PRESETS = {
    "quick": StereoSettings(longest=640, halved_from=128, sources=6, passes=1, geometric=0, refine=False),
    "default": StereoSettings(),
    "best": replace(
        StereoSettings(), longest=1600, every=1, halved_from=1024, planes=128, sources=12, geometric=2
    ),
}


def stereo_settings(preset: str = "default") -> StereoSettings:
    """The settings of a preset: quick, default or best.

    Raises:
        UserError: there is no such preset.
    """
    if preset not in PRESETS:
        hint = suggest(preset, list(PRESETS))
        raise UserError(f"preset '{preset}' is not known{hint}; there are: {', '.join(PRESETS)}")
    return PRESETS[preset]
