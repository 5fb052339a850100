"""A shape in the unit coordinates of its box, where fields are fitted to it."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from neurfield.ops import TriangleTree
from neurfield.rays import UnitFrame
from neurfield.shapes.shape import Shape
from neurfield.shapes.sides import Sides, cumulated, sides_of, spread


class UnitShape:
    """A shape with its box and what is asked of it there: distances, sides, places on it.

    Args:
        shape: in the world.
        box: [2, 3] minimum and maximum, world; None: the shape's own.
    """

    def __init__(self, shape: Shape, box: np.ndarray | None = None) -> None:
        self.shape = shape
        self.box = shape.box if box is None else np.asarray(box, np.float64).reshape(2, 3)
        self.frame = UnitFrame.around(self.box)
        self.unit_box = self.frame.box_in_unit(self.box)

    @cached_property
    def points(self) -> Tensor:
        """[V, 3] float32 of the vertices."""
        return torch.from_numpy(self.frame.unit_from_world(self.shape.vertices)).float()

    @cached_property
    def sides(self) -> Sides:
        """Of a mesh: whether it has an inside."""
        return sides_of(TriangleTree(self.points[torch.from_numpy(self.shape.faces)]))

    @cached_property
    def tree(self) -> TriangleTree:
        """Of a mesh, its faces turned outwards where all turned inwards."""
        corners = self.points[torch.from_numpy(self.shape.faces)]
        return TriangleTree(corners.flip(1) if self.sides.flipped else corners)

    @cached_property
    def cumulative(self) -> Tensor:
        """Sums of the areas of a mesh's triangles, for `sample`."""
        return cumulated(self.tree.corners)

    def sample(self, count: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Points [count, 3] of a mesh by area, and its outward unit normals [count, 3] there."""
        return spread(self.tree.corners, count, generator, self.cumulative)

    def distance(self, points: Tensor) -> Tensor:
        """[N] from points [N, 3] to a mesh, without sign."""
        return self.tree.nearest(points).distance

    def inside(self, points: Tensor) -> Tensor:
        """bool [N]: points [N, 3] around which a mesh winds more than half a time."""
        return self.tree.winding(points) > 0.5

    def sdf(self, points: Tensor) -> Tensor:
        """[N] from points [N, 3] to a mesh, negative inside."""
        distance = self.distance(points)
        return torch.where(self.inside(points), -distance, distance)
