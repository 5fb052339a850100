"""Marching cubes on a dense grid: native and reference agree, closed for any values, as the sparse path."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from neurfield.ops import marching_cubes, native
from neurfield.ops.reference.marching_cubes import marching_cubes_reference
from neurfield.surfaces import extract_level_set

needs_native = pytest.mark.skipif(native.module is None, reason="native kernels are not built")
BOTH = [
    pytest.param(marching_cubes, marks=needs_native, id="native"),
    pytest.param(marching_cubes_reference, id="reference"),
]
Extract = Callable[[Tensor, float], tuple[Tensor, Tensor]]


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def noise(shape: tuple[int, ...], seed: int, missing: float = 0.0) -> Tensor:
    """Random values, some exactly zero; a share `missing` of them not finite."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(shape, generator=generator)
    values[torch.rand(shape, generator=generator) < 0.1] = 0.0
    for bad in (torch.nan, torch.inf, -torch.inf):
        values[torch.rand(shape, generator=generator) < missing / 3] = bad
    return values


def sphere(n: int, radius: float) -> Tensor:
    """Distances to a sphere around the middle of n^3 points, in units of the grid."""
    axis = torch.arange(n) - (n - 1) / 2
    return torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij")).norm(dim=0) - radius


def borders(faces: Tensor) -> set[tuple[int, int]]:
    """Directed edges without their counterpart; no edge may be there twice in one direction."""
    directed = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    uses = Counter(map(tuple, directed.tolist()))
    assert set(uses.values()) <= {1}
    return {(a, b) for a, b in uses if (b, a) not in uses}


@needs_native
@settings(max_examples=60, deadline=None)
@given(
    # Rows of 64, 127 and 128 points are where words begin and end.
    shape=st.tuples(
        st.integers(2, 6),
        st.integers(2, 6),
        st.one_of(st.integers(2, 20), st.sampled_from([63, 64, 65, 126, 127, 128, 129, 190])),
    ),
    seed=st.integers(0, 1000),
    level=st.sampled_from([0.0, 0.37]),
    missing=st.sampled_from([0.0, 0.02, 0.3]),
)
def test_native_is_the_reference_bit_for_bit(
    shape: tuple[int, int, int], seed: int, level: float, missing: float
) -> None:
    values = noise(shape, seed, missing)
    mine, exact = marching_cubes(values, level), marching_cubes_reference(values, level)
    assert torch.equal(mine[0], exact[0]) and torch.equal(mine[1], exact[1])


@pytest.mark.parametrize("extract", BOTH)
@pytest.mark.parametrize("seed", range(3))
def test_noise_has_a_closed_surface(extract: Extract, seed: int) -> None:
    values = noise((9, 10, 67), seed)
    vertices, faces = extract(values, 0.0)
    last = torch.tensor(values.shape) - 1
    for edge in borders(faces):
        ends = vertices[list(edge)]
        assert (((ends == 0) | (ends == last)).all(dim=0)).any()  # both ends on the same side of the grid
    assert torch.equal(faces.unique(), torch.arange(len(vertices)))


@pytest.mark.parametrize("extract", BOTH)
def test_a_sphere_has_its_volume_and_normals_to_greater_values(extract: Extract) -> None:
    vertices, faces = extract(sphere(41, 15.3), 0.0)
    assert not borders(faces)
    found = trimesh.Trimesh(vertices.numpy(), faces.numpy(), process=False)
    assert found.euler_number == 2
    assert found.volume == pytest.approx(4 / 3 * np.pi * 15.3**3, rel=0.005)


def test_it_is_the_mesh_of_the_sparse_path() -> None:
    n, voxel = 65, 0.25

    def field(points: Tensor) -> Tensor:
        return points.norm(dim=1) - 5.3 + 0.3 * torch.sin(2.0 * points).prod(dim=1)

    axis = (torch.arange(n, dtype=torch.float64) * voxel - 8.0).float()
    values = field(torch.cartesian_prod(axis, axis, axis)).view(n, n, n)
    dense = marching_cubes(values, origin=(-8.0, -8.0, -8.0), spacing=voxel)
    sparse = extract_level_set(field, np.array([[-8.0] * 3, [8.0] * 3]), voxel)
    triangles = [np.asarray(v)[np.asarray(f)].reshape(-1, 9) for v, f in (dense, sparse)]
    assert len(dense[0]) == len(sparse[0])
    np.testing.assert_array_equal(*[t[np.lexsort(t.T)] for t in triangles])


@pytest.mark.parametrize("extract", BOTH)
def test_cubes_with_values_that_are_not_finite_are_left_out(extract: Extract) -> None:
    values = sphere(21, 7.2)
    whole = extract(values, 0.0)
    values[:, :, 10] = torch.tensor([torch.nan, torch.inf, -torch.inf]).repeat(7)
    vertices, faces = extract(values, 0.0)
    assert 0 < len(faces) < len(whole[1])
    z = vertices[faces][..., 2]
    assert ((z <= 9).all(dim=1) | (z >= 11).all(dim=1)).all()
    assert torch.isfinite(vertices).all()
    assert torch.equal(faces.unique(), torch.arange(len(vertices)))  # no vertex without a face


@pytest.mark.parametrize("extract", BOTH)
def test_vertices_are_finite_for_huge_and_tiny_values(extract: Extract) -> None:
    generator = torch.Generator().manual_seed(3)
    values = torch.randn(8, 9, 70, generator=generator)
    values *= torch.tensor([3.4e38, 1e-42, 1.0])[torch.randint(3, values.shape, generator=generator)]
    values = values.clamp(-3.4e38, 3.4e38)
    vertices, _ = extract(values, 0.0)
    assert torch.isfinite(vertices).all() and (vertices >= 0).all()
    assert (vertices <= torch.tensor(values.shape) - 1).all()


@pytest.mark.parametrize("extract", BOTH)
def test_a_level_hit_exactly_keeps_the_surface_closed(extract: Extract) -> None:
    values = sphere(17, 6.0).round()  # whole numbers: zero on many points
    _, faces = extract(values, 0.0)
    assert len(faces) and not borders(faces)


def test_origin_spacing_and_other_inputs() -> None:
    values = sphere(20, 6.3)
    vertices, faces = marching_cubes(values, 0.5)
    moved = marching_cubes(values, 0.5, origin=(1.0, -2.0, 300.0), spacing=(0.5, 0.25, 2.0))
    expected = torch.tensor([1.0, -2.0, 300.0]) + vertices * torch.tensor([0.5, 0.25, 2.0]).double()
    torch.testing.assert_close(moved[0], expected, rtol=0, atol=1e-12)
    assert torch.equal(moved[1], faces)
    strided = values.new_zeros(20, 40, 20)
    strided[:, ::2] = values
    for same in (strided[:, ::2], values.double(), values.clone().requires_grad_()):
        again = marching_cubes(same, 0.5)
        assert torch.equal(again[0], vertices) and torch.equal(again[1], faces)


@pytest.mark.parametrize("shape", [(0, 0, 0), (1, 1, 1), (5, 1, 5), (5, 4, 3), (2, 2, 2)])
def test_no_crossing_no_surface(shape: tuple[int, int, int]) -> None:
    for values in (torch.ones(shape), -torch.ones(shape), torch.full(shape, torch.nan)):
        vertices, faces = marching_cubes(values)
        assert vertices.shape == (0, 3) and vertices.dtype == torch.float64
        assert faces.shape == (0, 3) and faces.dtype == torch.int64


@pytest.mark.parametrize("missing", [0.0, 0.05])
def test_the_number_of_threads_changes_nothing(threads: Callable[[int], None], missing: float) -> None:
    values = noise((37, 29, 70), 4, missing)
    results = []
    for count in (1, 2, 5):
        threads(count)
        results.append(marching_cubes(values))
    for vertices, faces in results[1:]:
        assert torch.equal(vertices, results[0][0]) and torch.equal(faces, results[0][1])


def test_many_vertices_in_a_plane() -> None:
    """More than wait in a queue before they are written."""
    values = noise((3, 90, 130), 6)
    mine, exact = marching_cubes(values), marching_cubes_reference(values, 0.0)
    assert torch.equal(mine[0], exact[0]) and torch.equal(mine[1], exact[1])


def test_what_is_no_grid_is_refused() -> None:
    grid = torch.randn(4, 4, 4)
    with pytest.raises(ValueError, match="values"):
        marching_cubes(grid[0])
    with pytest.raises(ValueError, match="values"):
        marching_cubes(grid.long())
    with pytest.raises(ValueError, match="level"):
        marching_cubes(grid, torch.nan)
    with pytest.raises(ValueError, match="spacing"):
        marching_cubes(grid, spacing=0.0)
    with pytest.raises(ValueError, match="origin"):
        marching_cubes(grid, origin=(0.0, 0.0))
