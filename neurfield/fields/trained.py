"""Values of a field that autograd goes through: by its parameters, and by points that ask for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from neurfield.encodings import Concatenation, Encoding
from neurfield.encodings.grid_encoding import GridEncoding
from neurfield.ops.grid_features import grid_features


def fitted_features(encoding: Encoding, points: Tensor, active_levels: int | None) -> Tensor:
    """An encoding's features without derivatives by the points.

    The gradients of a grid's table are added in place.
    """
    if isinstance(encoding, GridEncoding) and encoding.fuses:
        options: dict[str, Any] = {"interpolation": encoding.interpolation, "active_levels": active_levels}
        return grid_features(points, encoding.table, encoding.layout, **options)
    if isinstance(encoding, Concatenation):
        parts = [cast(Encoding, part) for part in encoding.encodings]
        active = [active_levels if active_levels is None else min(active_levels, p.levels) for p in parts]
        return torch.cat([fitted_features(part, points, a) for part, a in zip(parts, active)], dim=1)
    return encoding(points, active_levels)


def trained_values(
    points: Tensor, values: Callable[[Tensor], Tensor], slopes: Callable[[Tensor], Tensor]
) -> Tensor:
    """Values [N] of points [N, 3] whose derivative by the points is the field's own gradient.

    As that gradient is a value itself, it may be differentiated once more, as for an eikonal loss.

    Args:
        points: [N, 3].
        values: of points [N], differentiable by the field's parameters.
        slopes: gradients of points [N, 3], differentiable by parameters and points; asked for only where the
            points require it.
    """
    value = values(points.detach())
    if not (torch.is_grad_enabled() and points.requires_grad):
        return value
    return _Sloped.apply(value, points, (slopes(points),))


def one_line(field: nn.Module, *words: str) -> str:
    """What a field is, on one line: its class, some words, and how many parameters it has."""
    count = sum(parameter.numel() for parameter in field.parameters())
    return f"{type(field).__name__}({', '.join([*words, f'{count:,} parameters'])})"


def encoding_in_words(encoding: Encoding) -> str:
    """An encoding with its size: "HashGrid of 14 levels, 28 features"."""
    levels = f"{encoding.levels} levels, " if encoding.levels > 1 else ""
    return f"{type(encoding).__name__} of {levels}{encoding.output_dim} features"


class _Sloped(torch.autograd.Function):
    """Values of points; their slope is no input, so that a first derivative goes through the values alone."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, points: Tensor, slope: tuple[Tensor]) -> Tensor:  # type: ignore[override]
        (ctx.slope,) = slope
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, d_value: Tensor) -> tuple[Tensor, Tensor, None]:
        return d_value, d_value[:, None] * ctx.slope, None
