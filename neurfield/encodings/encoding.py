"""What all encodings have in common: how they are called, and what they refuse."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from neurfield.ops.points import check_device, check_points


class Encoding(nn.Module):
    """Features of points: `encoding(points, active_levels=None)`, [..., output_dim] for [..., dimensions].

    Subclasses have `forward` of points [N, dimensions], which are all points in a row. They say what they
    make of points outside their domain, which is [0, 1]^dimensions where they say nothing else. Features of
    stages from `active_levels` on are exact zeros (coarse to fine), None takes all.
    """

    dimensions: int
    output_dim: int
    levels: int = 1

    def __call__(self, points: Tensor, *args: Any, **kwargs: Any) -> Any:
        """`forward` of all points [..., dimensions]; further axes are those of its answer [..., output_dim].

        Raises:
            ValueError: points are of another shape.
        """
        if not isinstance(points, Tensor) or points.ndim == 2:
            return super().__call__(points, *args, **kwargs)
        if points.ndim == 0 or points.shape[-1] != self.dimensions:
            raise ValueError(
                f"{type(self).__name__}: points must be [..., {self.dimensions}], got {list(points.shape)}"
            )
        features = super().__call__(points.reshape(-1, self.dimensions), *args, **kwargs)
        return features.reshape(*points.shape[:-1], features.shape[-1])

    def _check(self, points: Tensor) -> None:
        """Raises ValueError unless points are [N, dimensions], finite, and go with the parameters."""
        parameter = next(self.parameters(), None)
        if parameter is not None:
            check_device(type(self).__name__, points, parameter)
        check_points(
            type(self).__name__, points, self.dimensions, None if parameter is None else parameter.dtype
        )
