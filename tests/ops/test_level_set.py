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
Maker = Callable[..., LevelSet]


def all_points(cubes: tuple[int, int, int]) -> Tensor:
    return torch.cartesian_prod(*[torch.arange(n + 1, dtype=torch.int32) for n in cubes])


def filled(make: Maker, values: Tensor, level: float = 0.0) -> LevelSet:
    """A lattice with every point known."""
    nx, ny, nz = values.shape
    lattice = make((nx - 1, ny - 1, nz - 1), level)
    lattice.put(all_points((nx - 1, ny - 1, nz - 1)), values.reshape(-1))
    return lattice


def explored(lattice: LevelSet, field: Callable[[Tensor], Tensor], reach: int = 0) -> list[tuple[int, ...]]:
    """Gives values until nothing is wanted; the points that were asked for."""
    asked: list[tuple[int, ...]] = []

    def answer(reach: int) -> None:
        while lattice.wanted():
            points = lattice.take(100)
            asked.extend(map(tuple, points.tolist()))
            lattice.give(field(points.float()), reach)

    for step, every_other in [(4, True), (4, False), (2, False), (1, True), (1, False)]:
        lattice.want_unsettled(step, every_other)
        answer(min(reach, step))
    lattice.want_frontier()
    while lattice.wanted():
        answer(0)
        lattice.want_frontier()
    assert len(asked) == len(set(asked))
    return asked


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
    mine, exact = (filled(make, values, level).extract() for make in (level_set, DenseLevelSet))
    assert torch.equal(mine[0], exact[0]) and torch.equal(mine[1], exact[1])


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize("seed", range(3))
def test_noise_has_a_closed_surface(make: Maker, seed: int) -> None:
    values = noise((19, 10, 17), seed)
    vertices, faces = filled(make, values).extract()
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
    vertices, _ = filled(make, values, level).extract()
    low = vertices.floor().long().minimum(torch.tensor(values.shape) - 2)
    fraction = vertices - low
    on_edge = (fraction == 0) | (fraction == 1)
    assert (on_edge.sum(dim=1) >= 2).all()
    interpolated = torch.zeros(len(vertices), dtype=torch.float64)
    for corner in torch.cartesian_prod(*[torch.arange(2)] * 3):
        weight = torch.where(corner == 1, fraction, 1 - fraction).prod(dim=1)
        interpolated += weight * values[tuple((low + corner).unbind(1))].double()
    torch.testing.assert_close(interpolated, torch.full_like(interpolated, level), rtol=0, atol=1e-6)


def sphere(points: Tensor) -> Tensor:
    """Distances to a sphere in a lattice of 40, 21, 33 cubes."""
    return (points - torch.tensor([20.0, 10.0, 16.0])).norm(dim=1) - 8.3


@pytest.mark.parametrize("make", BOTH)
def test_the_frontier_completes_a_surface_of_which_one_spot_is_known(make: Maker) -> None:
    cubes = (40, 21, 33)
    lattice = make(cubes)
    spot = np_int([[28, 10, 16]])
    lattice.put(spot, sphere(spot.float()))
    assert len(explored(lattice, sphere)) < 41 * 22 * 34 / 2
    whole = filled(make, sphere(all_points(cubes).float()).view(41, 22, 34)).extract()
    found = lattice.extract()
    assert torch.equal(found[0], whole[0]) and torch.equal(found[1], whole[1])


@pytest.mark.parametrize("make", BOTH)
def test_settled_points_are_not_asked_for_and_change_nothing(make: Maker) -> None:
    cubes = (40, 21, 33)
    middles = torch.cartesian_prod(*[torch.arange(4, n, 8, dtype=torch.int32) for n in cubes])
    asked = []
    for slope in (1.0, torch.inf):
        lattice = make(cubes, 0.0, slope)
        lattice.put(middles, sphere(middles.float()), 8)
        asked.append(len(explored(lattice, sphere, reach=4)))
        whole = filled(make, sphere(all_points(cubes).float()).view(41, 22, 34)).extract()
        found = lattice.extract()
        assert torch.equal(found[0], whole[0]) and torch.equal(found[1], whole[1])
    assert asked[0] < asked[1] / 5


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize("seed", range(3))
def test_a_field_steeper_than_said_still_has_a_closed_surface(make: Maker, seed: int) -> None:
    """Noise settles points on the wrong side; what is found of its surface has no border all the same."""
    values = noise((25, 17, 33), seed)
    inner = values[1:-1, 1:-1, 1:-1]  # the surface is not to leave the lattice
    values = torch.nn.functional.pad(inner, (1,) * 6, value=5.0)
    lattice = make((24, 16, 32), 0.0, 0.2)
    start = torch.cartesian_prod(*[torch.arange(4, n, 8, dtype=torch.int32) for n in (24, 16, 32)])
    lattice.put(start, values[tuple(start.long().T)], 8)
    explored(lattice, lambda points: values[tuple(points.long().T)], reach=4)
    vertices, faces = lattice.extract()
    uses = edge_uses(faces)
    assert len(faces) > 100 and torch.isfinite(vertices).all()
    assert set(uses.values()) == {1} and all((b, a) in uses for a, b in uses)


@needs_native
@settings(max_examples=25, deadline=None)
@given(
    shape=st.tuples(*[st.integers(2, 20)] * 3),
    seed=st.integers(0, 1000),
    slope=st.sampled_from([0.3, 1.0, 4.0]),
)
def test_native_asks_what_the_reference_asks(shape: tuple[int, int, int], seed: int, slope: float) -> None:
    values = noise(shape, seed)
    results = []
    for make in (level_set, DenseLevelSet):
        lattice = make([n - 1 for n in shape], 0.1, slope)
        start = torch.zeros(1, 3, dtype=torch.int32)
        lattice.put(start, values[:1, 0, 0], 8)
        asked = explored(lattice, lambda points: values[tuple(points.long().T)], reach=4)
        results.append((sorted(asked), *lattice.extract()))
    mine, exact = results
    assert mine[0] == exact[0]
    assert torch.equal(mine[1], exact[1]) and torch.equal(mine[2], exact[2])


@pytest.mark.parametrize("make", BOTH)
def test_known_points_are_not_asked_again_and_blocks_end_with_the_lattice(make: Maker) -> None:
    lattice = make((3, 3, 3))
    lattice.put(torch.tensor([[3, 3, 3]], dtype=torch.int32), torch.tensor([2.0]))
    lattice.want_unsettled()
    points = lattice.take(100)
    assert lattice.wanted() == len(points) == 63 and int(points.max()) == 3
    lattice.give(torch.ones(63))
    assert lattice.wanted() == 0 and len(lattice.take(5)) == 0


@pytest.mark.parametrize("make", BOTH)
def test_no_crossing_no_surface(make: Maker) -> None:
    for values in (torch.ones(5, 4, 3), -torch.ones(5, 4, 3)):
        vertices, faces = filled(make, values).extract()
        assert vertices.shape == (0, 3) and faces.shape == (0, 3)
    vertices, faces = make((5, 5, 5)).extract()
    assert vertices.shape == (0, 3) and faces.shape == (0, 3)


def test_impossible_lattices_are_refused() -> None:
    with pytest.raises(ValueError, match="cubes"):
        level_set((4, 0, 4))
    with pytest.raises(ValueError, match="cubes"):
        level_set((4, 1 << 21, 4))
    with pytest.raises(ValueError, match="slope"):
        level_set((4, 4, 4), 0.0, 0.0)


@needs_native
def test_values_of_another_number_are_refused() -> None:
    lattice = level_set((4, 4, 4))
    lattice.put(np_int([[0, 0, 0]]), torch.zeros(1))
    lattice.want_unsettled()
    lattice.take(10)
    with pytest.raises(ValueError, match="values"):
        lattice.give(torch.zeros(9))
    with pytest.raises(ValueError, match="outside"):
        lattice.put(np_int([[5, 0, 0]]), torch.zeros(1))


def np_int(rows: list[list[int]]) -> Tensor:
    return torch.from_numpy(np.array(rows, dtype=np.int32))


@needs_native
@pytest.mark.parametrize("cubes", [(5, 9, 7), (17, 8, 16), (24, 3, 1)])
def test_ambiguous_cubes_and_planes_are_the_references(cubes: tuple[int, int, int]) -> None:
    values = noise(tuple(n + 1 for n in cubes), 11)  # type: ignore[arg-type]
    mine, exact = (filled(make, values) for make in (level_set, DenseLevelSet))
    vertices, faces = mine.extract()
    exact.extract()
    one, other = mine.ambiguous(), exact.ambiguous()
    assert one is not None and other is not None and (len(one.places) > 0) == (len(other.places) > 0)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)
    for place, pattern, edges, corners in zip(one.places, one.patterns, one.edges, one.values, strict=True):
        assert [int(v >= 0.0) for v in corners] == [int(pattern) >> c & 1 for c in range(8)]
        at = vertices[torch.from_numpy(edges[edges >= 0])]
        assert ((at >= torch.from_numpy(place)) & (at <= torch.from_numpy(place) + 1)).all()
    for x in range(0, cubes[0] + 1, 8):
        on_plane = mine.on_plane(x)
        np.testing.assert_array_equal(on_plane, exact.on_plane(x))
        assert (vertices[torch.from_numpy(on_plane[:, 0])][:, 0] == x).all()
    assert len(faces)


@pytest.mark.parametrize("make", BOTH)
def test_a_lattice_that_begins_later_is_the_rest_of_the_whole(make: Maker) -> None:
    values = noise((25, 9, 12), 4)
    values[values == 0.0] = 0.5  # vertices at corners would be of both parts
    whole = filled(make, values)
    vertices, faces = whole.extract()
    rest = make((24, 8, 11), 0.0, np.inf, first=8)
    points = all_points((24, 8, 11))
    points = points[points[:, 0] >= 8]
    rest.put(points, values[8:].reshape(-1))
    rest.want_frontier()
    assert rest.wanted() == 0
    later, its_faces = rest.extract()
    mine = vertices[:, 0] >= 8
    inside = (vertices[faces][..., 0] >= 8).all(dim=1)
    assert len(its_faces) == int(inside.sum()) and torch.equal(later, vertices[mine])
    if make is level_set:
        with pytest.raises(ValueError, match="outside"):
            rest.put(torch.tensor([[7, 0, 0]], dtype=torch.int32), torch.zeros(1))
        with pytest.raises(ValueError, match="multiple of 8"):
            level_set((24, 8, 11), first=4)
