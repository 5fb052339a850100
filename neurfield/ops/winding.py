"""Sums of winding numbers over many points: what lies far away counts as one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.reference import winding as reference


class WindingTree:
    """Points [N, 3] ready for the three sums that the winding number of a cloud needs.

    With r = target - point, s what a point carries, and pairs closer than a width left out, the sums are
    those of Lin et al. 2024 (WNNC), section 4; the constant 1 / 4 pi is left out, as there. Natively on the
    CPU in float32 by a tree (Barnes and Hut 1986) whose nodes stand for their points from far away: at the
    default `apart` within some per cent. Elsewhere all pairs are added up.

    Args:
        points: [N, 3], finite. In float32 they should lie around zero and be of size one.
        apart: how far off a node's points must lie to count as one, in radii of the node.

    Raises:
        ValueError: points are no [N, 3] of finite numbers.

    Example:
        >>> normals = torch.nn.functional.normalize(torch.randn(20000, 3), dim=1)
        >>> tree = WindingTree(normals)  # of a unit sphere
        >>> places = torch.tensor([[0.1, 0.2, 0.0], [2.0, 0.0, 0.0]])
        >>> inside, outside = tree.flux(normals / 20000, places)  # areas are 4 pi / 20000
        >>> abs(inside - 1) < 0.05, abs(outside) < 0.05
        (tensor(True), tensor(True))
    """

    def __init__(self, points: Tensor, apart: float = 2.0) -> None:
        if points.ndim != 2 or points.shape[1] != 3 or not torch.isfinite(points).all():
            raise ValueError(
                f"WindingTree: points must be [N, 3] of finite numbers, got {list(points.shape)}"
            )
        self.points, self.apart = points.detach().contiguous(), apart
        kernels = native.kernels(self.points, needs="WindingTree") if len(points) else None
        self._tree: Any = kernels.WindingTree(self.points) if kernels is not None else None

    def flux(self, vectors: Tensor, targets: Tensor | None = None, width: float = 0.0) -> Tensor:
        """Sums [T] of -r.s / |r|^3: 4 pi times the winding number, where s is a point's area times normal.

        Args:
            vectors: s [N, 3].
            targets: [T, 3]; None: the points themselves.
            width: pairs closer than this count for nothing.
        """
        self._check(vectors, 3)
        if self._tree is None:
            return reference.flux(self.points, vectors, self._targets(targets), width)
        if targets is None:
            return self._own(self._tree.flux, vectors, width, 1)[:, 0]
        return self._elsewhere(self._tree.flux_at, vectors, targets, width, 1)[:, 0]

    def adjoint(self, numbers: Tensor, width: float = 0.0) -> Tensor:
        """Sums [N, 3] of s r / |r|^3 at the points themselves: the transpose of `flux` there.

        Args:
            numbers: s [N].
            width: as for `flux`.
        """
        self._check(numbers[:, None], 1)
        if self._tree is None:
            return reference.adjoint(self.points, numbers, self.points, width)
        return self._own(self._tree.adjoint, numbers[:, None], width, 3)

    def slope(self, vectors: Tensor, width: float = 0.0, targets: Tensor | None = None) -> Tensor:
        """Sums [T, 3] of s / |r|^3 - 3 r (r.s) / |r|^5: minus the gradient of `flux`.

        Args:
            vectors: s [N, 3].
            width: as for `flux`.
            targets: as for `flux`.
        """
        self._check(vectors, 3)
        if self._tree is None:
            return reference.slope(self.points, vectors, self._targets(targets), width)
        if targets is None:
            return self._own(self._tree.slope, vectors, width, 3)
        return self._elsewhere(self._tree.slope_at, vectors, targets, width, 3)

    def _own(self, kernel: Any, values: Tensor, width: float, columns: int) -> Tensor:
        sums = values.new_empty(len(values), columns)
        kernel(values.detach().contiguous(), width, self.apart, sums)
        return sums

    def _elsewhere(self, kernel: Any, values: Tensor, targets: Tensor, width: float, columns: int) -> Tensor:
        where = self._targets(targets).detach().contiguous()
        sums = values.new_empty(len(where), columns)
        kernel(values.detach().contiguous(), where, width, self.apart, sums)
        return sums

    def _targets(self, targets: Tensor | None) -> Tensor:
        if targets is None:
            return self.points
        if targets.ndim != 2 or targets.shape[1] != 3 or targets.dtype != self.points.dtype:
            raise ValueError(
                f"WindingTree: targets must be {self.points.dtype} [T, 3], "
                f"got {targets.dtype} {list(targets.shape)}"
            )
        return targets

    def _check(self, values: Tensor, columns: int) -> None:
        if values.shape != (len(self.points), columns) or values.dtype != self.points.dtype:
            raise ValueError(
                f"WindingTree: a value of each point must be {self.points.dtype} "
                f"[{len(self.points)}, {columns}], got {values.dtype} {list(values.shape)}"
            )
