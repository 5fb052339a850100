"""What all encodings have in common: how they are called, and what they refuse."""

from __future__ import annotations

from torch import Tensor, nn

from neurfield.ops.points import check_device, check_points


class Encoding(nn.Module):
    """Features of points: `encoding(points, active_levels=None)` gives [N, output_dim] for [N, dimensions].

    Subclasses say what they make of points outside their domain, which is [0, 1]^dimensions where they say
    nothing else. Features of stages from `active_levels` on are exact zeros (coarse to fine), None takes all.
    """

    dimensions: int
    output_dim: int
    levels: int = 1

    def _check(self, points: Tensor) -> None:
        """Raises ValueError unless points are [N, dimensions], finite, and go with the parameters."""
        parameter = next(self.parameters(), None)
        if parameter is not None:
            check_device(type(self).__name__, points, parameter)
        check_points(
            type(self).__name__, points, self.dimensions, None if parameter is None else parameter.dtype
        )
