"""Normals of a raw cloud that point outwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch.nn.functional import normalize

from neurfield.ops import WindingTree
from neurfield.shapes.estimate import (
    CloudScale,
    check_points,
    cloud_scale,
    distinct_points,
    local_planes,
    threads,
)
from neurfield.shapes.mst import mst_orientation
from neurfield.shapes.wnnc import wnnc_elements

Progress = Callable[[str, float], None]

# Widths of WNNC in deviations of the noise and in spacings of the points that it works on, for the last round
# and for the first: 99.9 % right at 1 % of noise on shapes whose parts are thicker than the noise, where the
# published widths for clean clouds are no better than chance.
_LAST, _FIRST = (4.0, 2.0), (12.0, 8.0)
_WORKED_ON = 20_000  # points that WNNC orients; all others follow them
_FEWEST, _MOST = 12, 48  # neighbours of a plane
_GRAPH = 12  # neighbours along which the tree may go
_TRUSTED = 0.1  # radians by which the normal of a plane may err before the winding number's slope is better
_SHEETS_AT = 200  # points at which it is asked whether noise is two sheets
_OF_SHEETS = 2.0  # fourth moment of heights, in squares of the second, below which it is


@dataclass(frozen=True)
class Orientation:
    """Normals of a cloud, and what they were made with.

    Attributes:
        normals: [N, 3] float64, units, outward.
        scale: how dense and how noisy the cloud is.
        width: below which pairs of points counted for nothing in the last round, in the cloud's unit; None
            for "mst".
        neighbours: of the planes that the normals belong to; None where noise made the winding number's
            slope better.
        agreement: share of points at which the other method says the same side; None where it was not asked.
        two_sheets: whether what was taken for noise is two sheets, a plate too thin for its points.
    """

    normals: np.ndarray
    scale: CloudScale
    width: float | None
    neighbours: int | None
    agreement: float | None = None
    two_sheets: bool = False

    def doubt(self, scale: float = 1.0) -> str:
        """What is to be doubted of the sides, for people; "" where nothing is.

        Args:
            scale: of the lengths that people know, of one of the points.
        """
        if not self.two_sheets:
            return ""
        return (
            f"what looks like noise is two sheets, {2.0 * scale * self.scale.noise:.2g} apart: which side "
            "of them is outside cannot be told; denser points, or normals, would tell it"
        )


def orient_normals(
    points: np.ndarray,
    method: Literal["wnnc", "mst"] = "wnnc",
    compare: bool = False,
    progress: Progress | None = None,
) -> Orientation:
    """Outward normals of a cloud of points.

    "wnnc" lets the winding number decide (Lin et al. 2024): it asks no neighbour, so thin parts, close
    sheets and voids come out right, and noise is met by a width of a few of its deviations. "mst" goes along
    a tree of neighbours (Hoppe et al. 1992). Open surfaces have no outside: their sides are consistent, no
    more.

    Args:
        points: [N, 3], any unit, anywhere.
        method: as above.
        compare: ask the other method, too, and tell where they agree.
        progress: told what is done, and the part that is done.

    Raises:
        UserError: fewer than four points, one that is not finite, or all in one place.
    """
    # Two points in one place are one for all that follows.
    points, _, back = distinct_points(check_points(points))
    tell = progress or (lambda words, part: None)
    tell("measuring the cloud", 0.0)
    middle = (points.min(axis=0) + points.max(axis=0)) / 2.0
    size = np.ptp(points, axis=0).max() / 2.0
    unit = (points - middle) / size
    scale = cloud_scale(unit)
    tell("fitting planes", 0.0)
    count = int(np.clip(len(unit) * _share_within(unit, scale.reach), _FEWEST, _MOST))
    planes, neighbours, distance = local_planes(unit, count)
    error = 2.0 * scale.noise / max(float(np.median(distance[:, -1])) * np.sqrt(count), 1e-300)
    width, slope, signs = None, None, None
    if method == "wnnc" or compare:
        width, slope = _by_winding(unit, scale, tell)
    if method == "mst" or compare:
        tell("going along the tree", 0.0)
        signs = mst_orientation(unit, planes, neighbours[:, :_GRAPH], distance[:, -1] ** 2)
    if method == "wnnc":
        assert slope is not None
        side = np.where(np.einsum("ni,ni->n", planes, slope) < 0.0, -1.0, 1.0)
        fitted = error < _TRUSTED
        normals = side[:, None] * planes if fitted else slope
    else:
        assert signs is not None
        fitted, normals = True, signs[:, None] * planes
    agreement = None
    if compare:
        assert slope is not None and signs is not None
        same = np.einsum("ni,ni->n", slope, signs[:, None] * planes) > 0.0
        agreement = float(same[back].mean())
    return Orientation(
        normals[back],
        CloudScale(scale.spacing * size, scale.noise * size, scale.reach * size),
        None if method == "mst" or width is None else width * size,
        count if fitted else None,
        agreement,
        _two_sheets(unit, scale),
    )


def _by_winding(unit: np.ndarray, scale: CloudScale, tell: Progress) -> tuple[float, np.ndarray]:
    """The last width, and the winding number's slope [N, 3] as units."""
    from scipy.spatial import cKDTree

    chosen = np.random.default_rng(0).permutation(len(unit))[:_WORKED_ON]
    some = unit[chosen]
    spacing = float(np.median(cKDTree(some).query(some[:2000], 2, workers=threads())[0][:, 1]))
    last, first = (max(a * scale.noise, b * spacing) for a, b in (_LAST, _FIRST))
    points = torch.from_numpy(some).float()
    elements = wnnc_elements(
        points, (last, first), progress=lambda part: tell("asking the winding number", part)
    )
    slope = WindingTree(points).slope(elements, last, torch.from_numpy(unit).float())
    return last, normalize(slope, dim=1).double().numpy()


def _share_within(points: np.ndarray, radius: float) -> float:
    """The share of all points that lies around one of them, the median of a thousand."""
    from scipy.spatial import cKDTree

    places = points[np.random.default_rng(1).permutation(len(points))[:1000]]
    inside = cKDTree(points).query_ball_point(places, radius, return_length=True, workers=threads())
    return float(np.median(inside)) / len(points)


def _two_sheets(points: np.ndarray, scale: CloudScale) -> bool:
    """Whether what was taken for noise is two sheets: heights over a plane then lie at both ends.

    Their fourth moment is three squares of the second where they are noise, about one where they are sheets.
    """
    from scipy.spatial import cKDTree

    some = points[np.random.default_rng(2).permutation(len(points))[:_WORKED_ON]]
    tree, ratios = cKDTree(some), []
    for row in tree.query_ball_point(some[:_SHEETS_AT], scale.reach, workers=threads()):
        if len(row) < _MOST:
            continue
        offset = some[row] - some[row].mean(axis=0)
        square = (offset @ np.linalg.eigh(offset.T @ offset)[1][:, 0]) ** 2
        ratios.append((square**2).mean() / max(square.mean() ** 2, 1e-300))
    return len(ratios) > _SHEETS_AT // 2 and float(np.median(ratios)) < _OF_SHEETS
