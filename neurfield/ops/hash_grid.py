"""Multiresolution hash grid: features of points in 3-D, twice differentiable.

Müller et al. 2022, laid out as tiny-cuda-nn does. `hash_grid_encode` is the op with autograd. The functions
under it work on plain values, natively for float32 on the CPU and by the torch reference elsewhere; a fused
query builds on them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurfield.ops import native
from neurfield.ops.reference import hash_grid as reference

_LARGEST_DENSE_RESOLUTION = 1625  # beyond it the number of vertices no longer fits 32 bits
INTERPOLATIONS = ("linear", "smoothstep")


@dataclass(frozen=True)
class GridLayout:
    """Where each level's entries lie in the flat table [n_entries * features], and how fine each level is.

    A level is dense if its vertices fit in 2**log2_table_size entries, hashed otherwise. `growth` is the
    ratio of resolutions from level to level.
    """

    levels: int = 16
    features: int = 2
    log2_table_size: int = 19
    base_resolution: int = 16
    growth: float = 1.38

    def __post_init__(self) -> None:
        if self.features not in (1, 2, 4):
            raise ValueError(f"GridLayout: features must be 1, 2 or 4, got {self.features}")
        if self.levels < 1 or self.base_resolution < 2 or self.growth < 1.0:
            raise ValueError(
                f"GridLayout: need levels >= 1, base_resolution >= 2 and growth >= 1, got {self}"
            )
        if not 3 <= self.log2_table_size <= 30:
            raise ValueError(f"GridLayout: log2_table_size must be 3 to 30, got {self.log2_table_size}")

    @cached_property
    def scales(self) -> tuple[float, ...]:
        """Lattice units per unit of length, each an exact float32: base_resolution * growth**level - 1."""
        log2_growth = np.float32(math.log2(np.float32(self.growth)))
        # The power is rounded from float64: no library's float32 exp2 shall decide how the levels round up.
        powers = [np.float32(2.0 ** float(np.float32(level) * log2_growth)) for level in range(self.levels)]
        return tuple(float(power * np.float32(self.base_resolution) - np.float32(1.0)) for power in powers)

    @cached_property
    def resolutions(self) -> tuple[int, ...]:
        """Vertices along an axis, per level."""
        return tuple(math.ceil(scale) + 1 for scale in self.scales)

    @cached_property
    def hashed(self) -> tuple[bool, ...]:
        """Whether a level shares its entries by hashing."""
        largest = 2**self.log2_table_size
        return tuple(r > _LARGEST_DENSE_RESOLUTION or r**3 > largest for r in self.resolutions)

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """First entry of each level, and the number of entries of all: levels + 1 numbers."""
        offsets = [0]
        for resolution, hashed in zip(self.resolutions, self.hashed):
            size = 2**self.log2_table_size if hashed else (resolution**3 + 7) // 8 * 8
            offsets.append(offsets[-1] + min(size, 2**self.log2_table_size))
        return tuple(offsets)

    @property
    def n_entries(self) -> int:
        return self.offsets[-1]

    @property
    def n_parameters(self) -> int:
        return self.n_entries * self.features

    @property
    def output_dim(self) -> int:
        return self.levels * self.features


def hash_grid_encode(
    points: Tensor,
    table: Tensor,
    layout: GridLayout,
    interpolation: str = "linear",
    active_levels: int | None = None,
) -> Tensor:
    """Features of points, differentiable twice with respect to the points and the table.

    Args:
        points: [N, 3], meant for [0, 1]^3; others are legal and wrap around or hash.
        table: [layout.n_parameters], level by level, entry by entry, the features of an entry side by side.
        interpolation: "linear", or "smoothstep" whose derivatives are continuous across cells.
        active_levels: levels from this one on give exact zeros (coarse to fine); None for all.

    Returns:
        [N, levels * features], the coarsest level first.

    Raises:
        ValueError: a shape or the interpolation is wrong.
    """
    _check(points, table, layout, interpolation)
    if not native.serves(points, table):
        return reference.encode(points, table, layout, interpolation, active_levels)
    return _Encode.apply(points, table, layout, interpolation, active_levels)


def encode(
    points: Tensor,
    table: Tensor,
    layout: GridLayout,
    interpolation: str = "linear",
    active_levels: int | None = None,
) -> Tensor:
    """Features [N, levels * features], no derivatives: `hash_grid_encode` for marching and extraction."""
    if not native.serves(points, table):
        with torch.no_grad():
            return reference.encode(points, table, layout, interpolation, active_levels)
    features = points.new_empty(len(points), layout.output_dim)
    _kernel("encode", layout, interpolation, active_levels, points, table, features, None)
    return features


def encode_with_jacobian(
    points: Tensor,
    table: Tensor,
    layout: GridLayout,
    interpolation: str = "linear",
    active_levels: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Features [N, levels * features] and their jacobian with respect to the points.

    The jacobian is meant for `jacobian_product` and `jacobian_t_product` alone: the reference's is
    [N, 3, levels * features], the kernels' [tiles, levels, 3, features * lanes], in the order they compute
    it.
    """
    if not native.serves(points, table):
        return reference.encode_with_jacobian(points, table, layout, interpolation, active_levels)
    assert native.module is not None
    lanes = native.module.hash_grid_lanes
    features = points.new_empty(len(points), layout.output_dim)
    jacobian = points.new_empty(-(-len(points) // lanes), layout.levels, 3, layout.features * lanes)
    _kernel("encode", layout, interpolation, active_levels, points, table, features, jacobian)
    return features, jacobian


def jacobian_t_product(jacobian: Tensor, cotangent: Tensor) -> Tensor:
    """[N, 3]: the gradient of the points from that of their features, `cotangent` [N, levels * features]."""
    if jacobian.ndim == 3:
        return torch.matmul(jacobian, cotangent.unsqueeze(2)).squeeze(2)
    assert native.module is not None
    out = cotangent.new_empty(len(cotangent), 3)
    native.module.hash_grid_jacobian_t_product(jacobian, cotangent.detach().contiguous(), out)
    return out


def jacobian_product(jacobian: Tensor, tangent: Tensor) -> Tensor:
    """[N, levels * features]: the change of the features as the points move along `tangent` [N, 3]."""
    if jacobian.ndim == 3:
        return torch.matmul(tangent.unsqueeze(1), jacobian).squeeze(1)
    assert native.module is not None
    _, levels, _, lanes_by_features = jacobian.shape
    out = tangent.new_empty(len(tangent), levels * lanes_by_features // native.module.hash_grid_lanes)
    native.module.hash_grid_jacobian_product(jacobian, tangent.detach().contiguous(), out)
    return out


def accumulate_table_gradient(
    points: Tensor,
    d_features: Tensor | None,
    tangent: Tensor | None,
    d_value_gradient: Tensor | None,
    table_gradient: Tensor,
    layout: GridLayout,
    interpolation: str = "linear",
    active_levels: int | None = None,
) -> None:
    """Add w * d_features + (grad w . tangent) * d_value_gradient to each corner's entry, w being its weight.

    The first term is the gradient through the features, the second that through their spatial derivatives
    (NeuS2, Sec. 3.3); one pass serves both. The result does not depend on the number of threads.

    Args:
        points, tangent: [N, 3].
        d_features, d_value_gradient: [N, levels * features]; the latter comes with `tangent` or not at all.
        table_gradient: [layout.n_parameters], contiguous, changed in place.
    """
    how = (layout, interpolation, active_levels)
    if not native.serves(points, table_gradient):
        reference.accumulate_table_gradient(
            points, d_features, tangent, d_value_gradient, table_gradient, *how
        )
        return
    if not table_gradient.is_contiguous():
        raise ValueError(
            "accumulate_table_gradient: table_gradient is written in place, it must be contiguous"
        )
    _kernel("scatter", *how, points, d_features, tangent, d_value_gradient, table_gradient)


def _hessian_product(
    points: Tensor,
    table: Tensor,
    weights: Tensor,
    vectors: Tensor,
    layout: GridLayout,
    interpolation: str,
    active_levels: int | None,
) -> Tensor:
    """[N, 3]: second derivatives of features, weighted by [N, levels * features], times vectors [N, 3]."""
    out = points.new_empty(len(points), 3)
    _kernel("hessian_product", layout, interpolation, active_levels, points, table, weights, vectors, out)
    return out


class _Encode(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        points: Tensor,
        table: Tensor,
        layout: GridLayout,
        interpolation: str,
        active_levels: int | None,
    ) -> Tensor:
        ctx.how = (layout, interpolation, active_levels)
        jacobian = None
        if ctx.needs_input_grad[0]:
            features, jacobian = encode_with_jacobian(points, table, *ctx.how)
        else:
            features = encode(points, table, *ctx.how)
        ctx.save_for_backward(points, table, jacobian)
        return features

    @staticmethod
    def backward(ctx: Any, d_features: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        points, table, jacobian = ctx.saved_tensors
        for_table = ctx.needs_input_grad[1]
        d_points, d_table = _EncodeBackward.apply(d_features, points, table, jacobian, for_table, *ctx.how)
        return d_points, d_table, None, None, None


class _EncodeBackward(torch.autograd.Function):
    """The backward of `_Encode`, a function of its own so that losses on spatial gradients have gradients."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        d_features: Tensor,
        points: Tensor,
        table: Tensor,
        jacobian: Tensor | None,
        for_table: bool,
        *how: Any,
    ) -> tuple[Tensor | None, Tensor | None]:
        ctx.how = how
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(d_features, points, table, jacobian)
        d_points = None if jacobian is None else jacobian_t_product(jacobian, d_features)
        d_table = None
        if for_table:
            d_table = torch.zeros_like(table)
            accumulate_table_gradient(points, d_features, None, None, d_table, *how)
        return d_points, d_table

    @staticmethod
    @once_differentiable
    def backward(  # type: ignore[override]
        ctx: Any, by_d_points: Tensor | None, by_d_table: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        d_features, points, table, jacobian = ctx.saved_tensors
        for_d_features, for_points, for_table = ctx.needs_input_grad[:3]
        to_d_features = to_points = to_table = None
        if by_d_points is not None:
            if for_d_features:
                to_d_features = jacobian_product(jacobian, by_d_points)
            if for_points:
                to_points = _hessian_product(points, table, d_features, by_d_points, *ctx.how)
            if for_table:
                to_table = torch.zeros_like(table)
                accumulate_table_gradient(points, None, by_d_points, d_features, to_table, *ctx.how)
        if by_d_table is not None:
            # The table's gradient is linear in d_features: by_d_table is the table of another encoding.
            features, change = encode_with_jacobian(points, by_d_table, *ctx.how)
            along_points = jacobian_t_product(change, d_features)
            to_d_features = features if to_d_features is None else to_d_features + features
            to_points = along_points if to_points is None else to_points + along_points
        return to_d_features, to_points, to_table, None, None, None, None, None


@lru_cache(maxsize=32)
def _native_grid(layout: GridLayout) -> Any:
    assert native.module is not None
    return native.module.HashGrid(
        layout.scales, layout.resolutions, layout.offsets, layout.hashed, layout.features
    )


def _kernel(
    name: str, layout: GridLayout, interpolation: str, active_levels: int | None, *tensors: Tensor | None
) -> None:
    """Calls a native kernel; the last arguments are written, and so were allocated contiguous."""
    active = layout.levels if active_levels is None else min(max(active_levels, 0), layout.levels)
    kernel = getattr(native.module, f"hash_grid_{name}")
    values = [None if t is None else t.detach().contiguous() for t in tensors]
    kernel(_native_grid(layout), _is_smooth(interpolation), active, *values)


def _is_smooth(interpolation: str) -> bool:
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"interpolation must be one of {', '.join(INTERPOLATIONS)}, got {interpolation!r}")
    return interpolation == "smoothstep"


def _check(points: Tensor, table: Tensor, layout: GridLayout, interpolation: str) -> None:
    _is_smooth(interpolation)
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(f"hash_grid_encode: points must be [N, 3], got {list(points.shape)}")
    if table.shape != (layout.n_parameters,):
        wanted = f"[{layout.n_parameters}] for {layout}"
        raise ValueError(f"hash_grid_encode: table must be {wanted}, got {list(table.shape)}")
