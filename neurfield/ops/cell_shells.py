"""What is known of cells' networks without asking them, by which rays come near the surface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.eager import eager
from neurfield.ops.reference import cell_shells as reference

ALONG = 192  # voxels along the grid's longest side, about: how fine cells are cut follows
COARSEST, FINEST = 4, 16  # voxels along a cell's edge


class CellShells(NamedTuple):
    """Networks as a lattice, and how far it is to be trusted; F voxels along a cell's edge.

    Attributes:
        values: [K, F + 1, F + 1, F + 1], the networks' distances at the voxels' corners, as lengths.
        errors: [K, F, F, F], how far a network may be from what lies between them, as lengths: an estimate,
            not a bound; 0 where no surface is near.
        sides: int8 [X F, Y F, Z F]: 0 where surface may be; n outside of it and -n in matter, where the n - 1
            voxels around are so, too.
    """

    values: Tensor
    errors: Tensor
    sides: Tensor


@eager
def cell_shells(
    table: Tensor,
    low: Sequence[float],
    edge: float,
    octaves: int,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    activation: str = "softplus",
    beta: float = 20.0,
) -> CellShells:
    """Ask every network once, at the corners of voxels, and in those near the surface at seven places.

    Those are the middles of a voxel and of its sides: what bends as a sum of squares along the axes is
    farthest from its lattice at one of them. Errors are twice the farthest that was seen. On one side is a
    voxel whose corners are all farther from zero than that, or, unasked, than the voxel is wide: what is
    thinner, between corners, may be overlooked.

    Args:
        table, low, edge, octaves, weights, biases, activation, beta: as for `cell_query`.
    """
    fine = max(COARSEST, min(FINEST, ALONG // max(table.shape)))
    parameters = [w.detach().contiguous() for w in weights], [b.detach().contiguous() for b in biases]
    kernels = native.kernels(*parameters[0], needs="cell_shells")
    if kernels is None:
        with torch.no_grad():
            return CellShells(*reference.shells(table, edge, octaves, fine, *parameters, activation, beta))
    plain, count = parameters[0][0], len(parameters[0][0])
    found = CellShells(
        plain.new_empty(count, *(fine + 1,) * 3),
        plain.new_empty(count, *(fine,) * 3),
        torch.empty([n * fine for n in table.shape], dtype=torch.int8),
    )
    network = kernels.Network(*parameters, activation, beta, "float32")
    rest = found.values, found.errors, found.sides.view(torch.uint8)
    kernels.cell_shells(table.contiguous(), list(low), edge, octaves, network, *rest)
    return found
