"""Exact distances and winding numbers of points to a mesh of triangles, whatever holes it has."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.reference import triangle_tree as reference

__all__ = ["NearestOnMesh", "TriangleTree"]

BETA = 2.0  # radii of a node away from which it is seen from afar (Barill et al. 2018, section 4)


class NearestOnMesh(NamedTuple):
    """The points of a mesh that are nearest to N points.

    Attributes:
        distance: [N], not negative.
        point: [N, 3] on the mesh.
        face: int64 [N], the triangle that it lies on.
    """

    distance: Tensor
    point: Tensor
    face: Tensor


class TriangleTree:
    """A tree of boxes over triangles, built once.

    Natively for float32 on the CPU (sums are in double); else every triangle is asked for every point.

    Args:
        corners: [F, 3, 3] of the triangles, in the coordinates of the points.

    Raises:
        ValueError: there are none, or some corner is not finite.

    Example:
        >>> corners = torch.tensor([[[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
        >>> TriangleTree(corners).nearest(torch.tensor([[0.2, 0.2, 0.5]])).distance
        tensor([0.5000])
    """

    def __init__(self, corners: Tensor) -> None:
        if corners.ndim != 3 or corners.shape[1:] != (3, 3) or len(corners) == 0:
            raise ValueError(f"TriangleTree: corners must be [F, 3, 3] with F > 0, got {list(corners.shape)}")
        if not bool(corners.isfinite().all()):
            raise ValueError("TriangleTree: some corners are not finite")
        self.corners = corners.detach().contiguous()
        self._tree: Any = None

    @torch.no_grad()
    def nearest(self, points: Tensor) -> NearestOnMesh:
        """What is nearest to points [N, 3]; NaN and face 0 where a point is not finite.

        Of triangles equally near any one may be named.

        Raises:
            ValueError: points are not [N, 3], or lie on another device.
        """
        points, tree = self._asked(points)
        if tree is None:
            return NearestOnMesh(*reference.nearest(self.corners, points))
        distance, place = torch.empty(len(points)), torch.empty(len(points), 3)
        face = torch.empty(len(points), dtype=torch.int64)
        tree.nearest(points, distance, place, face)
        return NearestOnMesh(distance, place, face)

    @torch.no_grad()
    def winding(self, points: Tensor, beta: float = BETA) -> Tensor:
        """The generalised winding number [N] of the mesh around points [N, 3].

        Of a closed mesh whose faces turn outwards it is 1 inside and 0 outside; of one with holes it falls
        from one to the other across them (Jacobson et al. 2013). Nodes more than `beta` of their radii away
        are seen as dipoles with moments up to the second (Barill et al., Fast Winding Numbers for Soups and
        Clouds, 2018): for 2 within some 5e-3 of the sum over all triangles.

        Raises:
            ValueError: as `nearest`.
        """
        points, tree = self._asked(points)
        if tree is None:
            return reference.winding(self.corners, points)
        winding = torch.empty(len(points))
        tree.winding(points, beta, winding)
        return winding

    def _asked(self, points: Tensor) -> tuple[Tensor, Any]:
        """The points as kernels want them, and the native tree; None where there is none for them."""
        if points.ndim != 2 or points.shape[1] != 3:
            raise ValueError(f"TriangleTree: points must be [N, 3], got {list(points.shape)}")
        points = points.detach()
        kernels = native.kernels(points, self.corners, needs="TriangleTree")
        if kernels is None:
            return points, None
        if self._tree is None:
            self._tree = kernels.TriangleTree(self.corners)
        return points.contiguous(), self._tree
