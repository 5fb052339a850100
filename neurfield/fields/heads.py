"""Heads: further outputs of a field's network."""

from __future__ import annotations

from typing import NamedTuple


class Head(NamedTuple):
    """What a further output of a field is.

    Attributes:
        width: numbers a point.
        like_sdf: whether each of them is the SDF and a difference of its own, which starts at zero. It
            follows the SDF where nothing else is asked of it, and asks nothing of the SDF's own row in turn.
        start: what all of its numbers are before the first step; None: drawn at random.
    """

    width: int
    like_sdf: bool = False
    start: float | None = None


def make_occupancy() -> Head:
    """Occupancy, a number of no unit beside the SDF (Occ-SDF, Lyu et al. 2023, Sec. 3).

    Positive in free space, as the SDF is, where it starts from; how steep it is across a surface is its own
    affair.
    """
    return Head(1, like_sdf=True)
