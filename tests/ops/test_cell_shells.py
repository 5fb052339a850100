"""What is known of cells' networks without asking them: native against the reference, and that it is true."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from neurfield.ops import cell_query, cell_shells, cell_trace
from neurfield.ops.cell_shells import CellShells
from neurfield.ops.reference import cell_shells as reference
from tests.ops.test_cell_networks import grid, needs_native, networks, planes

SOFT = 5.0


def smooth(dtype=torch.float32, seed: int = 3):  # type: ignore[no-untyped-def]
    """Three networks of six cells whose surface is no wilder than voxels of a sixteenth of an edge show."""
    table, low, edge, octaves = grid(1)[:4]
    weights, biases = networks(3, 3 + 6 * octaves, (16, 16), 1, dtype, seed)
    weights[-1] = weights[-1] * 0.3
    biases[-1] = biases[-1] + torch.tensor([[0.1], [0.0], [-0.1]], dtype=dtype)
    return table, low, edge, octaves, weights, biases


def asked(of, points: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
    return cell_query(points, *of, beta=SOFT)[0][:, 0]


@needs_native
def test_native_shells_are_those_of_the_reference() -> None:
    table, low, edge, octaves, weights, biases = smooth()
    found = cell_shells(table, low, edge, octaves, weights, biases, beta=SOFT)
    fine = found.values.shape[1] - 1
    doubles = [w.double() for w in weights], [b.double() for b in biases]
    values, errors, sides = reference.shells(table, edge, octaves, fine, *doubles, "softplus", SOFT)
    torch.testing.assert_close(found.values.double(), values, atol=1e-6, rtol=1e-5)
    assert ((found.errors.double() - errors).abs() < 1e-6).float().mean() > 0.999  # rounding chooses voxels
    assert (found.sides == sides).float().mean() > 0.99
    assert (found.sides == 0).any() and (found.sides > 1).any() and (found.sides < -1).any()


@pytest.mark.parametrize("native_too", [True, False])
@pytest.mark.parametrize("seed", [3, 4, 5])
def test_sides_and_errors_are_true_of_the_networks(native_too: bool, seed: int) -> None:
    of = smooth(torch.float32 if native_too else torch.float64, seed)
    table, low, edge = of[:3]
    shells = cell_shells(*of, beta=SOFT)
    fine = shells.values.shape[1] - 1
    points = torch.rand(20000, 3, generator=torch.Generator().manual_seed(5), dtype=of[4][0].dtype)
    points = torch.tensor(low) + points * edge * torch.tensor(table.shape)
    voxel = ((points - torch.tensor(low)) / edge * fine).long().minimum(torch.tensor(shells.sides.shape) - 1)
    known, number = shells.sides[tuple(voxel.unbind(1))], table[tuple((voxel // fine).unbind(1))]
    value = torch.where(number == -2, -edge, torch.where(number == -1, edge, asked(of, points)))
    sure = known != 0
    assert sure.float().mean() > 0.5
    assert torch.equal(known[sure] > 0, value[sure] > 0.0)
    near = ~sure & (number >= 0)
    inner, cell = (voxel % fine)[near], number[near].long()
    at = (points[near] - torch.tensor(low)) / edge * fine - voxel[near]
    between = torch.zeros_like(value[near])
    for corner in torch.cartesian_prod(*[torch.arange(2)] * 3):
        share = torch.where(corner == 1, at, 1.0 - at).prod(dim=1)
        between += share * shells.values[(cell, *(inner + corner).unbind(1))]
    error = shells.errors[(cell, *inner.unbind(1))]
    assert near.sum() > 500
    beyond = ((between - value[near]).abs() - error) / edge
    assert (beyond <= 0.0).float().mean() > 0.999
    assert beyond.max() < 2e-3  # the least step
    assert error.mean() < 0.02 * edge  # and says something: a voxel is 0.06 edges


def test_voxels_know_how_many_around_them_are_on_their_side() -> None:
    table, edge, weights, biases = planes(0.0)
    shells = cell_shells(table, [-1.0] * 3, edge, 0, weights, biases, "relu")
    column = shells.sides[3, 5].int()
    surface = (column == 0).nonzero()[:, 0]
    assert (
        1 <= len(surface) <= 4 and (column[: surface[0]] < 0).all() and (column[surface[-1] + 1 :] > 0).all()
    )
    below = torch.arange(int(surface[0]), 0, -1)
    assert torch.equal(-column[: surface[0]], below.int())


@needs_native
@pytest.mark.parametrize("seed", [3, 4, 5])
def test_rays_that_are_told_nothing_go_as_those_that_are_told_all(seed: int) -> None:
    of = smooth(seed=seed)
    generator = torch.Generator().manual_seed(3)
    origins = torch.tensor(of[1]) + torch.rand(3000, 3, generator=generator) * torch.tensor([0.4, 1.2, 0.8])
    directions = torch.nn.functional.normalize(torch.randn(3000, 3, generator=generator), dim=1)
    rays = origins, directions, torch.zeros(3000), torch.full((3000,), 0.8)
    steep = torch.full((3,), 6.0)
    shells = cell_shells(*of, beta=SOFT)
    blind = CellShells(shells.values, torch.full_like(shells.errors, 9.0), shells.sides.clone())
    blind.sides[:, : 3 * (shells.values.shape[1] - 1)] = 0
    empty = (of[0].repeat_interleave(16, 0).repeat_interleave(16, 1).repeat_interleave(16, 2) < 0).nonzero()
    blind.sides[tuple(empty.unbind(1))] = shells.sides[tuple(empty.unbind(1))].sign()
    found, expected = (cell_trace(*rays, *of, steep, beta=SOFT, shells=s) for s in (shells, blind))
    assert (found.isfinite() == expected.isfinite()).float().mean() > 0.995
    both = found.isfinite() & expected.isfinite()
    assert both.sum() > 200
    assert ((found - expected)[both].abs() < 1e-3 * of[2]).float().mean() > 0.99
    short = torch.where(found.isfinite(), 0.9 * found, 0.8)
    assert not cell_trace(*rays[:3], short, *of, steep, beta=SOFT, shells=shells).isfinite().any()
