"""Losses on the field itself."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import normalize


def eikonal(gradient: Tensor) -> Tensor:
    """Mean (|g| - 1)^2 of SDF gradients [N, 3]: a distance field has unit slope (Gropp et al. 2020).

    Example:
        >>> eikonal(torch.tensor([[0.0, 0.0, 1.0], [0.0, 3.0, 4.0]]))
        tensor(8.)
    """
    return (gradient.norm(dim=1) - 1.0).square().mean()


def normal_smoothness(gradient: Tensor, neighbour_gradient: Tensor) -> Tensor:
    """Mean |n - n'| of unit normals at points and at points a small step away.

    As in UNISURF (Oechsle et al. 2021, Eq. 11).

    Args:
        gradient: [N, 3] of the SDF at points.
        neighbour_gradient: [N, 3] of the SDF beside each.
    """
    return normal_differences(gradient, neighbour_gradient).mean()


def normal_differences(gradient: Tensor, neighbour_gradient: Tensor) -> Tensor:
    """|n - n'| [N] of unit normals; arguments as for `normal_smoothness`."""
    difference = normalize(gradient, dim=1, eps=1e-5) - normalize(neighbour_gradient, dim=1, eps=1e-5)
    return difference.square().sum(dim=1).add(1e-12).sqrt()
