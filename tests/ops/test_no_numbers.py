"""Kernels that make indices of coordinates survive any of them, and what is no number spoils nothing else.

Public operations on points refuse such points on the CPU; here the kernels themselves are asked, as a GPU's
are, where nobody looks.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from neurfield.ops import grid, native
from neurfield.ops.closed_forms import frequency
from neurfield.ops.grid_layout import GridLayout
from neurfield.ops.level_set import level_set
from neurfield.ops.plane_layout import PlaneLayout
from neurfield.ops.radial_basis import kernel_activations, radial_basis_encode
from neurfield.ops.reference import closed_forms as closed_reference
from neurfield.ops.simplex_layout import SimplexLayout
from neurfield.ops.triplane import _gather, _pull, _scatter

pytestmark = pytest.mark.skipif(native.module is None, reason="no native kernels here")
COUNT = 200
VALUES = [float("nan"), float("inf"), -float("inf"), 3e38, -3e38, 2.5e9, -2.5e9]


def spoilt(dimensions: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Points [COUNT, dimensions], which of them are whole, and the same points without such numbers."""
    random = torch.Generator().manual_seed(0)
    clean = torch.rand(COUNT, dimensions, generator=random)
    for value in VALUES:
        for axes in (slice(None), slice(0, 1), slice(dimensions - 1, None)):
            points, whole = clean.clone(), torch.ones(COUNT, dtype=torch.bool)
            points[5::7, axes] = value
            whole[5::7] = False
            yield points, whole, clean


def layouts() -> list[GridLayout | SimplexLayout]:
    sizes = {"levels": 3, "features": 2, "log2_table_size": 8, "base_resolution": 3, "growth": 2.5}
    return [
        kind(**sizes, dimensions=d) for kind in (GridLayout, SimplexLayout) for d in (2, 3, 4)
    ]  # dense levels and hashed ones


@pytest.mark.parametrize("layout", layouts(), ids=lambda a: f"{type(a).__name__}{a.dimensions}")
@pytest.mark.parametrize("interpolation", ["linear", "smoothstep"])
def test_grids(layout: GridLayout, interpolation: str) -> None:
    random = torch.Generator().manual_seed(1)
    table = torch.randn(layout.n_parameters, generator=random)
    d_features = torch.randn(COUNT, layout.output_dim, generator=random)
    for points, whole, clean in spoilt(layout.dimensions):
        wanted = grid.encode(clean, table, layout, interpolation)
        assert torch.equal(grid.encode(points, table, layout, interpolation)[whole], wanted[whole])
        found, jacobian = grid.encode_with_jacobian(points, table, layout, interpolation)
        wanted, known = grid.encode_with_jacobian(clean, table, layout, interpolation)
        assert torch.equal(found[whole], wanted[whole])
        slopes = [grid.jacobian_t_product(j, d_features)[whole] for j in (jacobian, known)]
        assert torch.equal(*slopes)
        into = torch.zeros(layout.n_parameters)
        grid.accumulate_table_gradient(points, d_features, None, None, into, layout, interpolation)
        assert into.shape == table.shape


@pytest.mark.parametrize("dimensions", [3, 4])
def test_planes(dimensions: int) -> None:
    layout = PlaneLayout(dimensions, (3, 7), 4)
    random = torch.Generator().manual_seed(1)
    texels = torch.randn(layout.n_parameters, generator=random)
    d_features = torch.randn(COUNT, layout.output_dim, generator=random)
    how = (layout, "linear", None)
    for points, whole, clean in spoilt(dimensions):
        found, wanted = (_gather(p, None, texels, how)[whole] for p in (points, clean))
        assert torch.equal(found, wanted)
        slopes = [_pull(p, None, texels, d_features, how)[whole] for p in (points, clean)]
        assert torch.equal(*slopes)
        assert torch.isfinite(_scatter(points, d_features, None, None, how)).all()


@pytest.mark.parametrize("d", [2, 3, 4])
def test_radial_bases(d: int) -> None:
    random = torch.Generator().manual_seed(1)
    centres = torch.rand(300, d, generator=random)
    shapes = torch.randn(300, d * (d + 1) // 2, generator=random)
    features = torch.randn(300, 3, generator=random)
    for points, whole, clean in spoilt(d):
        near = torch.randint(300, (COUNT, 4), generator=random, dtype=torch.int32)
        found, wanted = (kernel_activations(p, centres, shapes, near) for p in (points, clean))
        assert torch.equal(found[whole], wanted[whole])
        if not torch.isfinite(points).all():
            with pytest.raises(ValueError, match="radial_basis_encode: points"):
                radial_basis_encode(points, centres, shapes, features)
    near[3, 2] = 300
    with pytest.raises(ValueError, match="neighbour"):
        kernel_activations(clean, centres, shapes, near)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_blobs_of_no_number_are_none(order: int) -> None:
    bins = 7
    for points, whole, clean in spoilt(2):
        found, wanted = torch.empty(COUNT, 2 * bins), torch.empty(COUNT, 2 * bins)
        native.module.one_blob(points, bins, order, found)
        native.module.one_blob(clean, bins, order, wanted)
        assert torch.equal(found[whole], wanted[whole])
        if order == 0:
            expected = closed_reference.one_blob(points.double(), bins)
            lost = points.isnan().repeat_interleave(bins, dim=1)
            assert expected[lost].isnan().all() and found[lost].isnan().all()


def test_waves_of_no_number_are_none() -> None:
    for points, whole, _ in spoilt(3):
        if torch.isfinite(points).all():
            continue
        with pytest.raises(ValueError, match="is not finite"):
            frequency(points, 4)
        out = torch.empty(COUNT, 24)
        native.module.frequency(points, 4, 4, 0, out)
        assert torch.isfinite(out[whole]).all()


@pytest.mark.parametrize("value", VALUES)
def test_level_sets(value: float) -> None:
    random = torch.Generator().manual_seed(0)
    lattice = level_set((20, 20, 20), 0.0, 1.25)
    points = torch.randint(0, 21, (400, 3), generator=random, dtype=torch.int32)
    values = points.float().norm(dim=1) - 12.0
    values[::5] = value
    lattice.put(points, values, reach=8)
    for step in (4, 2, 1):
        lattice.want_unsettled(step)
        while lattice.wanted():
            taken = lattice.take(1000)
            given = taken.float().norm(dim=1) - 12.0
            given[::9] = value
            lattice.give(given, step)
    lattice.want_frontier()
    vertices, faces = lattice.extract()
    assert faces.numel() == 0 or int(faces.max()) < len(vertices)
