"""Which centres are nearest to a point: a tree built once, exact for every point, in its box or outside."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurfield.ops import native

__all__ = ["MAX_NEIGHBOURS", "KernelLookup"]

MAX_NEIGHBOURS = 8


class KernelLookup:
    """A tree over centres [M, d], d = 2 to 4, as they are now; `serves` tells whether they have changed.

    Natively for float32 on the CPU, and on a GPU, whose tree is built on the CPU once and copied; else a k-d
    tree of SciPy's in float64, through the CPU's memory.

    Raises:
        ValueError: centres are no [M, 2 to 4] of finite numbers, or there are none.
    """

    def __init__(self, centres: Tensor) -> None:
        if centres.ndim != 2 or not 2 <= centres.shape[1] <= 4 or len(centres) == 0:
            raise ValueError(
                f"KernelLookup: centres must be [M, 2 to 4] with M > 0, got {list(centres.shape)}"
            )
        self._origin, self._state = weakref.ref(centres), (centres.data_ptr(), centres._version)
        centres = centres.detach()
        if not torch.isfinite(centres).all():
            row = int((~torch.isfinite(centres)).any(1).nonzero()[0])
            raise ValueError(f"KernelLookup: centres[{row}] is not finite: {centres[row].tolist()}")
        self.count, self.dimensions = centres.shape
        self._centres = centres.clone()
        self._native: Any = None
        self._on_gpu: tuple[Tensor, Tensor] | None = None
        self._tree: Any = None

    def serves(self, centres: Tensor) -> bool:
        """Whether these centres [M, d] are what the tree was built for: same values, type and device.

        A GPU would have to be waited for, so there centres that nobody learns are not compared while they are
        the very tensor that the tree was built for and torch knows of no change.
        """
        mine = self._centres
        if centres.device != mine.device or centres.dtype != mine.dtype:
            return False
        if centres.is_cuda and not centres.requires_grad and self._is_origin(centres):
            return True
        return torch.equal(centres, mine)

    def _is_origin(self, centres: Tensor) -> bool:
        """Whether these are the tensor that the tree was built for, unchanged as far as torch knows."""
        state = (centres.data_ptr(), centres._version)
        return self._origin() is centres and state == self._state

    def nearest(self, points: Tensor, count: int) -> Tensor:
        """Indices int32 [N, count] of the centres nearest to points [N, d], the nearest first.

        Natively the lower index comes first where two centres are equally near; SciPy leaves it open. Points
        are looked up leaf by leaf, in whatever order they come. A point with a coordinate that is not finite
        has no nearest centre and gets 0 for every index, as does one so far away that squares overflow.

        Raises:
            ValueError: `count` is not between 1 and min(8, M), or points are not [N, d].
        """
        if not 1 <= count <= min(MAX_NEIGHBOURS, self.count):
            raise ValueError(
                f"KernelLookup: count must be 1 to {min(MAX_NEIGHBOURS, self.count)}, got {count}"
            )
        if points.ndim != 2 or points.shape[1] != self.dimensions:
            raise ValueError(f"KernelLookup: points must be [N, {self.dimensions}], got {list(points.shape)}")
        points = points.detach()
        kernels = native.kernels(points, self._centres)
        if hasattr(kernels, "kernel_lookup_find"):
            if self._on_gpu is None:
                tree, ids = kernels.kernel_lookup_build(self._centres.cpu().numpy())
                self._on_gpu = (
                    torch.from_numpy(tree).to(self._centres.device),
                    torch.from_numpy(ids).to(self._centres.device),
                )
            found = torch.empty(len(points), count, dtype=torch.int32, device=points.device)
            kernels.kernel_lookup_find(*self._on_gpu, points.contiguous(), found)
            return found
        if hasattr(kernels, "KernelLookup"):
            if self._native is None or type(self._native) is not kernels.KernelLookup:
                self._native = kernels.KernelLookup(self._centres.contiguous())
            found = torch.empty(len(points), count, dtype=torch.int32, device=points.device)
            self._native.find(points.contiguous(), found)
            return found
        return self._by_scipy(points, count)

    def _by_scipy(self, points: Tensor, count: int) -> Tensor:
        if self._tree is None:
            from scipy.spatial import cKDTree

            self._tree = cKDTree(self._centres.double().cpu().numpy())
        coordinates = points.double().cpu().numpy()
        finite = np.isfinite(coordinates).all(axis=1, keepdims=True)
        _, found = self._tree.query(np.where(finite, coordinates, 0.0), k=range(1, count + 1))
        found = np.where(finite, found, 0)
        return torch.from_numpy(found.astype(np.int32).reshape(len(points), count)).to(points.device)
