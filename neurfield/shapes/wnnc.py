"""Oriented normals from the winding number alone (WNNC).

Lin et al. 2024: "Fast and Globally Consistent Normal Orientation based on the Winding Number Normal
Consistency".
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import normalize

from neurfield.ops import WindingTree

ROUNDS = 20


def wnnc_elements(
    points: Tensor,
    widths: tuple[float, float],
    rounds: int = ROUNDS,
    progress: Callable[[float], None] | None = None,
) -> Tensor:
    """Vectors [N, 3] that point outwards, each an area times a normal up to one factor for all.

    Each round takes a step of least squares towards the winding number 1/2 at every point (Lu et al. 2022,
    PGR, Eq. 9), by the exact length along its gradient, and then turns each vector to where the winding
    number falls most steeply (Lin et al. 2024, section 4.2). The width below which pairs count for nothing
    shrinks meanwhile, so that the whole is decided before details.

    Args:
        points: float32 [N, 3] around zero, of size one.
        widths: of the last round and of the first, in units of the points.
        rounds: how many.
        progress: told the part that is done.
    """
    tree = WindingTree(points)
    elements = torch.zeros_like(points)
    last, first = widths
    for done in range(rounds):
        width = first + (last - first) * done / max(1, rounds - 1)
        downhill = tree.adjoint(0.5 - tree.flux(elements, width=width), width)
        change = tree.flux(downhill, width=width)
        length = downhill.square().sum() / change.square().sum().clamp(min=1e-30)
        elements = elements + length * downhill
        elements = elements.norm(dim=1, keepdim=True) * normalize(tree.slope(elements, width), dim=1)
        if progress is not None:
            progress((done + 1) / rounds)
    return elements
