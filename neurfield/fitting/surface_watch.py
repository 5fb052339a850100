"""Notices that the surface has left the box, before hours are spent on a field that has none."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from neurfield.errors import FitWentWrong
from neurfield.parts.groups import Data
from neurfield.scenes import Scene

LEAST_EXPECTED = 0.15  # of the rays that ought to end at a surface; where there is one, most of them do
LEAST_ANYWHERE = 0.002  # where it is not known how many rays ought to
MEMORY = 0.01  # share of the newest step in the mean
START = 8.0  # times the least: where nothing is met, it takes 200 steps to be sure
LOOK_EVERY = 25  # steps between two looks at the mean, for which a GPU is waited for

# A room of dark pictures lost its surface within 40 steps and met one again after some 550: opacity grew
# all the while, twofold in 50 to 100 steps, from 1e-4 on. One that has left for good fades.
GROWTH = 1.5  # of the rays' opacity over its least in the 150 steps before, from which a surface comes back
_KEPT = 8  # looks
FAINT = 1e-4  # opacity, up to which growth means nothing


class SurfaceLeft(FitWentWrong):
    """Rays meet no surface any more, and the fit is to be stopped, or was stopped.

    Attributes:
        checkpoint: the last state of a fit that was stopped.
    """

    def __init__(self, words: str, checkpoint: Path | None = None) -> None:
        super().__init__(words)
        self.checkpoint = checkpoint


class SurfaceWatch:
    """A slow mean of the share of rays that end at a surface, of those that ought to.

    Once it is below `least`, the surface has left, unless the same rays' opacity grows.

    Args:
        least: share of rays.
        advice: what to do then, for people.
        device: of the rays.
    """

    def __init__(self, least: float, advice: str, device: torch.device | str = "cpu") -> None:
        self.least, self.advice = least, advice
        self.mean = torch.zeros((), device=device)
        self.opacity = torch.zeros((), device=device)
        self.reset()

    def reset(self) -> None:
        """Look anew."""
        self.mean.fill_(START * self.least)
        self.opacity.zero_()
        self.opacities: list[float] = []  # means of the steps between two looks, the newest
        self.looked = 0

    def look(self, opacity: Tensor, ought: Tensor | None) -> None:
        """Count the rays of a step.

        Args:
            opacity: [R] of the rays.
            ought: [R] 1 for those that ought to end at a surface, else 0; None: all.

        Raises:
            SurfaceLeft: there was hardly any surface for long enough.
        """
        opacity = opacity.detach()
        hit = (opacity > 0.5).float()
        ought = torch.ones_like(hit) if ought is None else ought
        expected = ought.sum()
        share = (hit * ought).sum() / expected.clamp_min(1.0)
        self.mean += MEMORY * (share - self.mean) * (expected > 0)
        self.opacity += (opacity * ought).sum() / expected.clamp_min(1.0) / LOOK_EVERY
        self.looked += 1
        if self.looked % LOOK_EVERY:
            return
        mean, seen = torch.stack([self.mean, self.opacity]).tolist()
        self.opacity.zero_()
        self.opacities = [*self.opacities[1 - _KEPT :], seen]
        if mean < self.least and not self._comes_back():
            raise SurfaceLeft(
                f"the surface has left the box ({100.0 * mean:.2g} % of the rays that ought to end at it "
                f"do): {self.advice}"
            )

    def _comes_back(self) -> bool:
        """Whether rays have clearly more opacity now than they had before."""
        if len(self.opacities) < 3:
            return False
        now = sum(self.opacities[-2:]) / 2
        return now > FAINT and now > GROWTH * min(self.opacities[:-2])


def least_share(scene: Scene, data: Data) -> float:
    """The share of rays below which there is no surface.

    In a room whose box nobody chose every ray ought to end at a wall, before a masked object those within the
    masks.
    """
    whole_room = scene.kind == "inside" and not data.box
    outlined = scene.kind == "outside" and "mask" in scene.sources and scene.mask_says == "object"
    return LEAST_EXPECTED if whole_room or outlined else LEAST_ANYWHERE
