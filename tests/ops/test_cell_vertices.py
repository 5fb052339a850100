"""A cell's vertex from tangent planes: where it is, of which rank, and that native and reference agree."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from neurfield.ops import cell_vertices, native
from neurfield.ops.reference import cell_vertices as reference


def planes_through(point: Tensor, normals: Tensor) -> tuple[Tensor, Tensor]:
    """Feet on planes through a point, off it by random ways along them."""
    generator = torch.Generator().manual_seed(1)
    way = torch.randn(len(normals), 3, generator=generator, dtype=torch.float64) * 0.2
    return point + way - (way * normals).sum(dim=1, keepdim=True) * normals, normals


@pytest.mark.parametrize(("axes", "rank"), [([0, 0, 0], 1), ([0, 1, 0], 2), ([0, 1, 2], 3)])
def test_planes_meet_in_a_plane_an_edge_a_corner(axes: list[int], rank: int) -> None:
    turn, _ = torch.linalg.qr(
        torch.randn(3, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    )
    point = torch.tensor([0.6, 0.45, 0.5], dtype=torch.float64)
    feet, normals = planes_through(point + torch.tensor([3.0, 4.0, 5.0]).double(), turn[axes].repeat(2, 1))
    cells, samples = torch.tensor([[3, 4, 5]]), torch.arange(6)[None]
    vertices, ranks, directions = cell_vertices(cells, samples, feet, normals)
    assert ranks.tolist() == [rank]
    off = (vertices[0] - cells[0] - point) @ turn.T
    assert off[sorted(set(axes))].abs().max() < 1e-9
    if rank == 1:
        assert (directions[0] @ turn[0]).abs() == pytest.approx(1.0)
    if rank == 2:
        assert (directions[0] @ turn[2]).abs() == pytest.approx(1.0)
    clamped, ranks, _ = cell_vertices(cells, samples, feet, normals, slacks=None)
    assert ranks.tolist() == [rank] and ((clamped - cells >= 0) & (clamped - cells <= 1)).all()


def test_a_plane_has_its_vertex_in_the_middle_of_its_part_of_the_cell() -> None:
    feet = torch.tensor([[0.1, 0.1, 0.3], [0.2, 0.1, 0.3], [0.1, 0.3, 0.3]], dtype=torch.float64)
    normals = torch.tensor([[0.0, 0.0, 1.0]], dtype=torch.float64).expand(3, 3)
    vertices, _, _ = cell_vertices(torch.zeros(1, 3, dtype=torch.int64), torch.arange(3)[None], feet, normals)
    assert vertices[0].tolist() == pytest.approx([0.5, 0.5, 0.3])


def test_too_few_samples_or_a_plane_elsewhere_are_no_vertex() -> None:
    cells, normals = torch.zeros(1, 3, dtype=torch.int64), torch.eye(3, dtype=torch.float64)[[2, 2, 2]]
    far = torch.tensor([[0.5, 0.5, 1.4]] * 3, dtype=torch.float64)
    for samples, feet in ((torch.tensor([[0, 1, 2]]), far), (torch.tensor([[0, 1, -1]]), far - 0.9)):
        vertices, ranks, directions = cell_vertices(cells, samples, feet, normals)
        assert ranks.tolist() == [0] and not vertices.any() and not directions.any()
    assert cell_vertices(cells, torch.tensor([[0, -1, -1]]), far, normals, slacks=None)[0][0, 2] == 1.0


def random_cells(count: int, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Cells around creased surfaces, with samples missing and a few without any."""
    generator = torch.Generator().manual_seed(seed)
    cells = torch.randint(0, 1000, (count, 3), generator=generator)
    of_cell = torch.randint(1, 4, (count, 1, 1), generator=generator)
    axes = torch.linalg.qr(torch.randn(count, 3, 3, generator=generator, dtype=torch.float64))[0]
    which = torch.randint(0, 3, (count, 13, 1), generator=generator) % of_cell
    normals = axes.gather(1, which.expand(-1, -1, 3))
    normals = torch.nn.functional.normalize(
        normals + 0.01 * torch.randn(normals.shape, generator=generator), dim=2
    )
    feet = cells[:, None] + 3.0 * torch.rand(count, 13, 3, generator=generator, dtype=torch.float64) - 1.0
    plane = cells + torch.rand(count, 3, generator=generator, dtype=torch.float64) * 1.4 - 0.2
    feet = feet - ((feet - plane[:, None]) * normals).sum(dim=2, keepdim=True) * normals
    samples = torch.arange(count * 13).view(count, 13)
    lost = torch.rand(samples.shape, generator=generator) < torch.rand(count, 1, generator=generator)
    return cells, samples.where(~lost, -1), feet.view(-1, 3), normals.reshape(-1, 3)


@pytest.mark.skipif(native.module is None, reason="no native kernels")
@pytest.mark.parametrize("count", [0, 1, 777, 5000])
@pytest.mark.parametrize("clamped", [False, True])
def test_native_is_the_reference(count: int, clamped: bool) -> None:
    assert hasattr(native.module, "surface_cell_vertices")
    cells, samples, feet, normals = random_cells(count, count)
    got = cell_vertices(cells, samples, feet, normals, slacks=None if clamped else (1.0, 1.0, 0.15))
    wanted = (
        reference.clamped_vertices(cells, samples, feet, normals, 0.08)
        if clamped
        else reference.cell_vertices(cells, samples, feet, normals, 0.08, (1.0, 1.0, 0.15))
    )
    assert torch.equal(got[1], wanted[1])
    assert (got[0] - wanted[0]).abs().max() < 1e-9 if count else got[0].shape == (0, 3)
    # A direction is one of two, and none is told apart where singular values are alike.
    alike = (got[2] * wanted[2]).sum(dim=1).abs()
    assert (alike[(got[1] == 1) | (got[1] == 2)] > 0.999).all()


def test_strided_tensors_are_taken() -> None:
    cells, samples, feet, normals = random_cells(50, 0)
    wide = torch.cat([feet, normals], dim=1)
    a = cell_vertices(cells.T.contiguous().T, samples, wide[:, :3], wide[:, 3:])
    b = cell_vertices(cells, samples, feet, normals)
    assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c, s, f, n: (c[:, :2], s, f, n), "cells must be"),
        (lambda c, s, f, n: (c, s[:-1], f, n), "samples must be"),
        (lambda c, s, f, n: (c, s, f.float(), n), "feet must be"),
        (lambda c, s, f, n: (c, s, f, n[:-1]), "normals must be"),
        (lambda c, s, f, n: (c, s + len(f), f, n), "samples must be -1 to"),
    ],
)
def test_what_does_not_fit_is_named(change, says: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=says):
        cell_vertices(*change(*random_cells(5, 0)))
