"""What every distance field ought to be."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from neurfield.losses import geometric
from neurfield.losses.seen import Seen
from neurfield.parts import Number, needs


@needs("gradients")
def eikonal(seen: Seen) -> Tensor:
    """Mean (|g| - 1)^2 of gradients: a distance field has unit slope (Gropp et al. 2020)."""
    assert seen.gradients is not None
    return geometric.eikonal(seen.gradients)


@needs("pairs")
def smooth(
    seen: Seen,
    *,
    pairs: Annotated[int, Number(least=0)] = 512,
    distance: Annotated[float, Number(above=0.0)] = 0.005,
) -> Tensor:
    """Mean difference of unit normals at points and a small step away (UNISURF, Oechsle et al. 2021, Eq. 11).

    Args:
        pairs: points a step that get a neighbour.
        distance: at most, along each axis, to that neighbour, unit lengths (MonoSDF's).
    """
    assert seen.pairs is not None
    return geometric.normal_smoothness(*seen.pairs)
