"""In which axes normals of monocular networks are, judged by where they look and how depth leans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neurfield.scenes.prior_readings import PriorLook, facing_shares, other_normals

_FACING, _ALONG = 0.95, 0.85  # of all normals look towards the camera, and of those along any of its axes
_LEANING = 0.3  # mean cosine that right priors have by far, and no wrong ones


@dataclass(frozen=True)
class JudgedNormals:
    """What was measured of the normals of some frames.

    Attributes:
        facing: the share that looks towards the camera, NaN where none is known.
        along: the least share among those along an axis of the camera.
        leaning: mean cosine between where they say that depth grows and where prior depth does; NaN: nothing
            tells.
    """

    facing: float
    along: float
    leaning: float

    @property
    def faces(self) -> bool:
        """Whether they look towards the camera."""
        return self.facing > _FACING and self.along > _ALONG

    @property
    def right(self) -> bool:
        """Whether they look towards the camera, and lean as depth does where that is known."""
        return self.faces and not self.leaning < _LEANING

    @property
    def cosine(self) -> str:
        """How they lean, in words."""
        return f"cosine {self.leaning:.2f}"

    def complaint(self) -> str:
        """What is wrong with them."""
        only = "" if self.facing > _FACING else "only "
        said = f"{only}{100 * self.facing:.0f} % look towards the camera"
        if self.facing > _FACING and not self.along > _ALONG:
            said += f", but {100 * self.along:.0f} % of those along one of its axes"
        if self.leaning < _LEANING:
            said += f", and they do not lean as the prior depth does ({self.cosine})"
        return said


def judge_normals(looks: Sequence[PriorLook], sense: float, reading: int | None = None) -> JudgedNormals:
    """Measure the normals of some frames.

    Args:
        looks: of frames with normals.
        sense: 1 where prior depth grows with depth, -1 for disparity, NaN where it is not to be asked.
        reading: of `other_normals`, that they are turned to first; None: as they are.
    """
    turns = [None if reading is None else other_normals(look)[reading][1] for look in looks]
    facing, along = facing_shares(looks, turns)
    leaning = [look.leaning(turn) for look, turn in zip(looks, turns)]
    known = [value for value in leaning if np.isfinite(value)]
    return JudgedNormals(facing, along, sense * float(np.mean(known)) if known else float("nan"))


def explained(looks: Sequence[PriorLook], sense: float) -> tuple[str, JudgedNormals] | None:
    """The other axes in which normals would be right, in words, and how right; None if in none."""
    if not looks:
        return None
    words = [what for what, _ in other_normals(looks[0])]
    judged = [(judge_normals(looks, sense, k), what) for k, what in enumerate(words)]
    right = [
        (one.facing + one.along + float(np.nan_to_num(one.leaning)), k)
        for k, (one, _) in enumerate(judged)
        if one.right
    ]
    if not right:
        return None
    best = max(right)[1]
    return judged[best][1], judged[best][0]
