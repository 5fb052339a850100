"""The two sets of priors that every built-in room has."""

from __future__ import annotations

from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True)
class PriorSet:
    """How wrong the priors of one folder are; every range holds values that are drawn for each image.

    Attributes:
        folder: where they are.
        repeats: whether errors repeat from view to view.
        depth_error: mean relative error after the best scale and shift.
        curve: exponent by which far things are drawn nearer (below 0) or pushed away.
        lowest, span: where depth begins in 0..1 and how much of that it takes: the unknown shift and scale.
        normal_error: median angle in degrees.
        mean_over_median: the mean angle by the median.
    """

    folder: str
    repeats: bool
    depth_error: Range
    curve: Range
    lowest: Range
    span: Range
    normal_error: Range
    mean_over_median: float


# Errors of one view know nothing of those of the next.
FRESH = PriorSet(
    folder="priors",
    repeats=False,
    depth_error=(0.042, 0.058),
    curve=(-0.12, 0.12),
    lowest=(0.02, 0.20),
    span=(0.45, 0.80),
    normal_error=(9.2, 10.8),
    mean_over_median=1.6,
)
# Errors repeat from view to view, as a network's do, and all images are bent the same way.
REPEATING = PriorSet(
    folder="priors_repeating",
    repeats=True,
    depth_error=(0.040, 0.052),
    curve=(-0.20, -0.02),
    lowest=(0.02, 0.40),
    span=(0.25, 0.60),
    normal_error=(8.8, 10.2),
    mean_over_median=1.55,
)
PRIOR_SETS = (FRESH, REPEATING)
