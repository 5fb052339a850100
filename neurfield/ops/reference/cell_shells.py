"""What is known of cells' networks without asking them, in plain torch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import max_pool3d

from neurfield.ops.cells import MATTER, local_columns
from neurfield.ops.reference import fused_mlp

DOUBT, LEAST = 2.0, 4e-5  # as in csrc/kilo/cell_shells_cpu.cpp
MOST = 100


def shells(
    table: Tensor,
    edge: float,
    octaves: int,
    fine: int,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    activation: str,
    beta: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Values [K, F + 1, F + 1, F + 1], errors [K, F, F, F], sides [X F, Y F, Z F] of F = `fine`."""
    dtype, count, side = weights[0].dtype, len(weights[0]), 2.0 / fine
    corners = _places(torch.arange(fine + 1, dtype=dtype))
    offsets = _places(torch.tensor([0.0, 0.5, 1.0], dtype=dtype))
    offsets = offsets[(offsets == 0.5).sum(dim=1) > 1]  # a voxel's middle and those of its sides
    voxels = _places(torch.arange(fine, dtype=dtype))
    looks = (voxels[:, None] + offsets).view(-1, 3)
    values = torch.empty(count, fine + 1, fine + 1, fine + 1, dtype=dtype)
    errors = torch.empty(count, fine, fine, fine, dtype=dtype)
    known = torch.where(table == MATTER, -1, 1).to(torch.int8)
    known = known.repeat_interleave(fine, 0).repeat_interleave(fine, 1).repeat_interleave(fine, 2)

    def asked(cell: int, places: Tensor) -> Tensor:
        network = [w[cell] for w in weights], [b[cell] for b in biases]
        columns = local_columns(places * side - 1.0, octaves)
        return fused_mlp.forward(columns, *network, activation, beta, "none", False)[0][:, 0]

    for cell in range(count):
        values[cell] = asked(cell, corners).view(values.shape[1:])
        cut = values[cell].unfold(0, 2, 1).unfold(1, 2, 1).unfold(2, 2, 1).reshape(-1, 8)
        x, y, z = offsets.unbind(1)
        between = torch.stack(
            [(x * a + (1 - x) * (1 - a)) * (y * b + (1 - y) * (1 - b)) * (z * c + (1 - z) * (1 - c))
             for a in (0, 1) for b in (0, 1) for c in (0, 1)], dim=1
        )  # fmt: skip
        seen = asked(cell, looks).view(-1, 7)
        wrong = DOUBT * (cut @ between.T - seen).abs().amax(dim=1) + 2.0 * LEAST
        outside, matter = cut.amin(dim=1) > side, cut.amax(dim=1) < -side
        errors[cell] = (0.5 * edge * torch.where(outside | matter, 0.0, wrong)).view(errors.shape[1:])
        outside = outside | ((cut.amin(dim=1) > wrong) & ~matter)
        matter = matter | ((cut.amax(dim=1) < -wrong) & ~outside)
        at = (table == cell).nonzero()[0] * fine
        own = known[at[0] : at[0] + fine, at[1] : at[1] + fine, at[2] : at[2] + fine]
        own.copy_((outside.to(torch.int8) - matter.to(torch.int8)).view(own.shape))
    return values * (0.5 * edge), errors, _counted(known)


def _places(axis: Tensor) -> Tensor:
    return torch.cartesian_prod(axis, axis, axis)


def _counted(known: Tensor) -> Tensor:
    """Times how near the next voxel that is not known to be on the same side is, at most 100."""
    near = torch.full(known.shape, MOST)
    most = known.float()[None, None]
    least = -most
    for far in range(1, min(MOST, max(known.shape))):
        most, least = (max_pool3d(signs, 3, 1, 1) for signs in (most, least))  # of `far` voxels around each
        near[(most != -least)[0, 0] & (near == MOST)] = far
    return (known * near).to(torch.int8)
