"""The lattice and its surface: native against the reference, closed for any values, in its own order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.level_set import LevelSet, level_set
from neurfield.ops.reference.level_set import DenseLevelSet

needs_native = pytest.mark.skipif(native.module is None, reason="native kernels are not built")
BOTH = [pytest.param(level_set, marks=needs_native, id="native"), pytest.param(DenseLevelSet, id="reference")]
Maker = Callable[[tuple[int, int, int]], LevelSet]


def all_points(cubes: tuple[int, int, int]) -> Tensor:
    return torch.cartesian_prod(*[torch.arange(n + 1, dtype=torch.int32) for n in cubes])


def filled(make: Maker, values: Tensor) -> LevelSet:
    """A lattice with every point known."""
    cubes = tuple(n - 1 for n in values.shape)
    lattice = make(cubes)  # type: ignore[arg-type]
    lattice.put(all_points(cubes), values.reshape(-1))  # type: ignore[arg-type]
    return lattice


def noise(shape: tuple[int, int, int], seed: int) -> Tensor:
    """Random values, some exactly zero: every case of the table, with vertices on corners."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(shape, generator=generator)
    values[torch.rand(shape, generator=generator) < 0.1] = 0.0
    return values


def edge_uses(faces: Tensor) -> Counter[tuple[int, int]]:
    directed = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    return Counter(map(tuple, directed.tolist()))


@needs_native
@settings(max_examples=25, deadline=None)
@given(
    shape=st.tuples(*[st.integers(2, 20)] * 3), seed=st.integers(0, 1000), level=st.sampled_from([0.0, 0.37])
)
def test_native_is_the_reference_bit_for_bit(shape: tuple[int, int, int], seed: int, level: float) -> None:
    values = noise(shape, seed)
    mine, exact = (filled(make, values).extract(level) for make in (level_set, DenseLevelSet))
    assert torch.equal(mine[0], exact[0]) and torch.equal(mine[1], exact[1])


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize("seed", range(3))
def test_noise_has_a_closed_surface(make: Maker, seed: int) -> None:
    values = noise((19, 10, 17), seed)
    vertices, faces = filled(make, values).extract(0.0)
    uses = edge_uses(faces)
    assert set(uses.values()) == {1}  # no edge twice in one direction
    last = torch.tensor(values.shape) - 1
    for a, b in uses:
        if (b, a) not in uses:  # a border: both ends on the same side of the lattice
            ends = vertices[[a, b]]
            assert (((ends == 0) | (ends == last)).all(dim=0)).any()
    assert sorted(set(faces.reshape(-1).tolist())) == list(range(len(vertices)))


@pytest.mark.parametrize("make", BOTH)
def test_vertices_are_where_the_values_cross(make: Maker) -> None:
    values = noise((9, 9, 9), 5)
    level = 0.2
    vertices, _ = filled(make, values).extract(level)
    low = vertices.floor().long().minimum(torch.tensor(values.shape) - 2)
    fraction = vertices - low
    on_edge = (fraction == 0) | (fraction == 1)
    assert (on_edge.sum(dim=1) >= 2).all()
    interpolated = torch.zeros(len(vertices), dtype=torch.float64)
    for corner in torch.cartesian_prod(*[torch.arange(2)] * 3):
        weight = torch.where(corner == 1, fraction, 1 - fraction).prod(dim=1)
        interpolated += weight * values[tuple((low + corner).unbind(1))].double()
    torch.testing.assert_close(interpolated, torch.full_like(interpolated, level), rtol=0, atol=1e-6)


@pytest.mark.parametrize("make", BOTH)
def test_what_is_wanted_is_asked_once_and_the_frontier_completes_the_surface(make: Maker) -> None:
    cubes = (40, 21, 33)
    centre = torch.tensor([20.0, 10.0, 16.0])

    def field(points: Tensor) -> Tensor:
        return (points - centre).norm(dim=1) - 8.3

    lattice = make(cubes)
    asked: list[tuple[int, ...]] = []
    lattice.want_cells(torch.tensor([[26, 10, 16]], dtype=torch.int32), 4)  # one spot on the sphere
    while lattice.wanted():
        while lattice.wanted():
            points = lattice.take(100)
            asked += map(tuple, points.tolist())
            lattice.give(field(points.float()))
        lattice.want_frontier(0.0)
    assert len(asked) == len(set(asked)) < 41 * 22 * 34
    whole = filled(make, field(all_points(cubes).float()).view(41, 22, 34)).extract(0.0)
    found = lattice.extract(0.0)
    assert torch.equal(found[0], whole[0]) and torch.equal(found[1], whole[1])


@pytest.mark.parametrize("make", BOTH)
def test_known_points_are_not_asked_again_and_cells_end_with_the_lattice(make: Maker) -> None:
    lattice = make((3, 3, 3))
    lattice.put(torch.tensor([[3, 3, 3]], dtype=torch.int32), torch.tensor([2.0]))
    lattice.want_cells(torch.tensor([[2, 2, 2]], dtype=torch.int32), 2)
    points = lattice.take(100)
    assert lattice.wanted() == len(points) == 7 and int(points.max()) == 3
    lattice.give(torch.ones(7))
    assert lattice.wanted() == 0 and len(lattice.take(5)) == 0


@pytest.mark.parametrize("make", BOTH)
def test_no_crossing_no_surface(make: Maker) -> None:
    for values in (torch.ones(5, 4, 3), -torch.ones(5, 4, 3)):
        vertices, faces = filled(make, values).extract(0.0)
        assert vertices.shape == (0, 3) and faces.shape == (0, 3)
    vertices, faces = make((5, 5, 5)).extract(0.0)
    assert vertices.shape == (0, 3) and faces.shape == (0, 3)


def test_impossible_lattices_are_refused() -> None:
    with pytest.raises(ValueError, match="cubes"):
        level_set((4, 0, 4))
    with pytest.raises(ValueError, match="cubes"):
        level_set((4, 1 << 21, 4))


@needs_native
def test_values_of_another_number_are_refused() -> None:
    lattice = level_set((4, 4, 4))
    lattice.want_cells(np_int([[0, 0, 0]]), 2)
    lattice.take(10)
    with pytest.raises(ValueError, match="values"):
        lattice.give(torch.zeros(9))
    with pytest.raises(ValueError, match="outside"):
        lattice.put(np_int([[5, 0, 0]]), torch.zeros(1))


def np_int(rows: list[list[int]]) -> Tensor:
    return torch.from_numpy(np.array(rows, dtype=np.int32))
