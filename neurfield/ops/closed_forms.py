"""Encodings without parameters: waves, blobs and spherical harmonics, twice differentiable.

Each column of waves and blobs depends on one coordinate, so that its derivatives are columns of the same
kind, multiplied in autograd. High frequencies are as accurate as low ones: whole turns are taken off exactly,
which torch's sine of a float32 angle cannot do.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurfield.ops import native
from neurfield.ops.eager import eager
from neurfield.ops.points import check_points
from neurfield.ops.reference import closed_forms as reference

MAX_BANDS = 20
MAX_DEGREE = 4


@eager
def frequency(points: Tensor, bands: int, active_bands: int | None = None) -> Tensor:
    """Sines and cosines of 2^k pi x, [N, bands * 2 * D] of points [N, D] (Mildenhall et al. 2020).

    Per band k come the sines of all axes, then the cosines; D is at most 4. Bands from `active_bands` on are
    exact zeros. Periodic, so that any point is legal.

    Raises:
        ValueError: bands is not 1 to 20, or points are of a wrong shape or not finite.
    """
    if not 1 <= bands <= MAX_BANDS:
        raise ValueError(f"frequency: bands must be 1 to {MAX_BANDS}, got {bands}")
    _check("frequency", points)
    active = bands if active_bands is None else min(max(active_bands, 0), bands)
    if not native.serves(points):
        return reference.frequency(points, bands, active)
    return _Columns.apply(points, "frequency", (bands, active), 2 * bands, 0)


@eager
def one_blob(points: Tensor, bins: int) -> Tensor:
    """What each bin of [0, 1] holds of a blob around x, [N, D * bins] of points [N, D], axis by axis.

    Müller et al. 2019, with tiny-cuda-nn's quartic kernel, two bins wide. An axis's columns add up to one.
    The kernel wraps around, so that any point is legal; the derivative is continuous, the second has kinks at
    a bin's width from the edges of bins.

    Raises:
        ValueError: bins is less than 2, or points are of a wrong shape or not finite.
    """
    if bins < 2:
        raise ValueError(f"one_blob: bins must be at least 2, got {bins}")
    _check("one_blob", points)
    if not native.serves(points):
        return reference.one_blob(points, bins)
    return _Columns.apply(points, "one_blob", (bins,), bins, 0)


@eager
def spherical_harmonics(directions: Tensor, degree: int = 4) -> Tensor:
    """The first degree**2 real spherical harmonics of unit vectors [..., 3], as [..., degree**2].

    Order and signs are tiny-cuda-nn's (z polar, odd orders with the Condon-Shortley sign), but the input is
    the unit vector itself, not mapped to [0, 1]. Orthonormal over the sphere. Vectors of another length give
    the same polynomials, without that property.

    Raises:
        ValueError: degree is not 1 to 4.
    """
    if not 1 <= degree <= MAX_DEGREE:
        raise ValueError(f"spherical_harmonics: degree must be 1 to {MAX_DEGREE}, got {degree}")
    if not native.serves(directions):
        return reference.spherical_harmonics(directions, degree)
    values = _Harmonics.apply(directions.reshape(-1, 3), degree)
    return values.view(*directions.shape[:-1], degree**2)


class _Columns(torch.autograd.Function):
    """The `order`-th derivative of columns that depend on one coordinate each; `width` columns an axis."""

    @staticmethod
    def forward(ctx: Any, points: Tensor, name: str, how: tuple[int, ...], width: int, order: int) -> Tensor:  # type: ignore[override]
        ctx.how = (name, how, width, order)
        ctx.save_for_backward(points)
        out = points.new_empty(len(points), points.shape[1] * width)
        getattr(native.kernels(points), name)(points.detach().contiguous(), *how, order, out)
        return out

    @staticmethod
    @eager
    def backward(ctx: Any, d_columns: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        (points,), (name, how, width, order) = ctx.saved_tensors, ctx.how
        if order == 2:
            raise RuntimeError(f"{name}: differentiable twice, not three times")
        change = d_columns * _Columns.apply(points, name, how, width, order + 1)
        axes_last = name == "frequency"
        shape = (width, points.shape[1]) if axes_last else (points.shape[1], width)
        return change.view(len(points), *shape).sum(1 if axes_last else 2), None, None, None, None


class _Harmonics(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, directions: Tensor, degree: int) -> Tensor:  # type: ignore[override]
        ctx.degree = degree
        ctx.save_for_backward(directions)
        out = directions.new_empty(len(directions), degree**2)
        native.kernels(directions).spherical_harmonics(directions.detach().contiguous(), degree, out)
        return out

    @staticmethod
    @eager
    def backward(ctx: Any, d_values: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        (directions,) = ctx.saved_tensors
        return _HarmonicsGradient.apply(directions, d_values, ctx.degree), None


class _HarmonicsGradient(torch.autograd.Function):
    """The gradient of the directions; its own derivatives, rarely asked for, are the reference's."""

    @staticmethod
    def forward(ctx: Any, directions: Tensor, d_values: Tensor, degree: int) -> Tensor:  # type: ignore[override]
        ctx.degree = degree
        ctx.save_for_backward(directions, d_values)
        out = torch.empty_like(directions, memory_format=torch.contiguous_format)
        arguments = directions.detach().contiguous(), degree, d_values.detach().contiguous(), out
        native.kernels(directions, d_values).spherical_harmonics_t_product(*arguments)
        return out

    @staticmethod
    @eager
    @once_differentiable
    def backward(ctx: Any, by_directions: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        with torch.enable_grad():
            directions, d_values = (t.detach().requires_grad_() for t in ctx.saved_tensors)
            values = reference.spherical_harmonics(directions, ctx.degree)
            (found,) = torch.autograd.grad(
                values, directions, d_values, create_graph=True, materialize_grads=True
            )
            wanted = torch.autograd.grad(
                found, (directions, d_values), by_directions, allow_unused=True, materialize_grads=True
            )
        return *wanted, None


def _check(who: str, points: Tensor) -> None:
    if points.ndim != 2 or not 1 <= points.shape[1] <= 4:
        raise ValueError(f"{who}: points must be [N, 1 to 4], got {list(points.shape)}")
    check_points(who, points, points.shape[1])
