"""Points that dense stereo is sure of."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from neurfield.moment import Moment
from neurfield.parts import Number
from neurfield.points.point_set import PointSet, Source
from neurfield.rays import UnitFrame
from neurfield.scenes import Scene

MOST_POINTS = 1_000_000  # that are held
Count = Annotated[int, Number(least=1)]

Weighted = tuple[np.ndarray, np.ndarray]  # points [P, 3], world, and how much each counts [P]


class StereoPoints(Source):
    """Points of the surface by dense stereo, drawn by their confidence, those inside the box.

    Args:
        stereo_points: gives points [P, 3], world, and weights [P].
        frame: the unit coordinates.
        unit_box: xmin ymin zmin xmax ymax zmax, unit coordinates.
        device: of the points.
        count: points a step.
        band: unit lengths; points farther than that from the field's surface are taken for mistakes.
    """

    offers = frozenset({"points.stereo"})

    def __init__(
        self,
        stereo_points: Callable[[], Weighted],
        frame: UnitFrame,
        unit_box: list[float],
        device: torch.device,
        *,
        count: Count = 2048,
        band: Annotated[float, Number(above=0.0)] = 0.02,
    ) -> None:
        self._about = stereo_points, frame, unit_box, device
        self.count, self.band = count, band

    @cached_property
    def candidates(self) -> tuple[Tensor, Tensor]:
        """All points [P, 3], unit coordinates, and the running sum of their weights [P], 1 at the end."""
        make, frame, unit_box, device = self._about
        world, weight = make()
        points = torch.from_numpy(frame.unit_from_world(world)).float()
        low, high = torch.tensor(unit_box).view(2, 3)
        kept = ((points > low) & (points < high)).all(dim=1) & (torch.from_numpy(weight) > 0)
        sums = torch.from_numpy(weight).double()[kept].cumsum(0)
        return points[kept].to(device), (sums / sums[-1:]).float().to(device)

    def prepare(self) -> None:
        """Find which of the points are in the box."""
        _ = self.candidates

    def draw(self, moment: Moment) -> tuple[Tensor, ...]:
        """Indices [count] of random points, once rays take part."""
        points, sums = self.candidates
        if not len(points) or moment.points_alone:
            return ()
        random = torch.rand(self.count, generator=moment.generator, device=points.device)
        return (torch.searchsorted(sums, random).clamp_max(len(points) - 1),)

    def sets(self, *drawn: Tensor) -> dict[str, PointSet]:
        """One set, "stereo", with the size "band"."""
        return {"stereo": PointSet(self.candidates[0][drawn[0]], sizes={"band": self.band})}


def confident_points(scene: Scene, least: float = 0.3, most: int = MOST_POINTS) -> Weighted:
    """The pixels of a scene's stereo maps as points, with their confidence; none where it has no maps.

    Args:
        scene: of a fit.
        least: confidence.
        most: points; beyond that, evenly spread ones.

    Returns:
        Points [P, 3] float64, world, and their confidence float32 [P].
    """
    points, weights = [np.zeros((0, 3))], [np.zeros(0, np.float32)]
    each = max(1, most // max(1, len(scene)))
    for i in range(len(scene)):
        depth, confidence = scene.array("stereo_depth", i), scene.array("stereo_confidence", i)
        if depth is None or confidence is None:
            continue
        row, column = np.nonzero((depth > 0) & (confidence >= least))
        some = np.unique(np.linspace(0, len(row) - 1, min(len(row), each)).round().astype(int))
        row, column = row[some], column[some]
        scale = np.array([scene.cameras.width[i] / depth.shape[1], scene.cameras.height[i] / depth.shape[0]])
        uv = (np.stack([column, row], axis=1) + 0.5) * scale
        origins, directions, z_per_t = scene.cameras.rays(np.full(len(uv), i), uv)
        points.append(origins + (depth[row, column] / z_per_t)[:, None] * directions)
        weights.append(confidence[row, column].astype(np.float32))
    return np.concatenate(points), np.concatenate(weights)
