"""The sparse lattice on every device: the CPU's surface in the CPU's order, from as many values."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.ops.level_set import LevelSet, level_set
from neurfield.ops.level_set_cuda import CudaLevelSet
from neurfield.ops.reference.level_set import DenseLevelSet
from neurfield.surfaces import extract_level_set

Field = Callable[[Tensor], Tensor]


def sphere(points: Tensor) -> Tensor:
    return (points - points.new_tensor([12.3, 11.7, 13.1])).norm(dim=1) - 7.4


def torus(points: Tensor) -> Tensor:
    points = points - points.new_tensor([14.2, 14.6, 12.4])
    ring = points[:, :2].norm(dim=1) - 8.2
    return torch.stack([ring, points[:, 2]], dim=1).norm(dim=1) - 3.1


def two_blobs(points: Tensor) -> Tensor:
    one = (points - points.new_tensor([7.5, 8.0, 7.2])).norm(dim=1) - 4.3
    other = (points - points.new_tensor([20.1, 16.0, 15.9])).norm(dim=1) - 5.2
    return torch.minimum(one, other)


def slanted_plane(points: Tensor) -> Tensor:
    normal = points.new_tensor([2.0, 1.0, 2.0]) / 3.0
    return points @ normal - 19.4


CLOSED = {"sphere": (sphere, 2), "torus": (torus, 0), "two blobs": (two_blobs, 4)}
CUBES = (30, 29, 25)  # beyond whole blocks along each axis


def all_points(cubes: tuple[int, int, int]) -> Tensor:
    return torch.cartesian_prod(*[torch.arange(n + 1, dtype=torch.int32) for n in cubes])


def middles(cubes: tuple[int, int, int]) -> Tensor:
    """A point of every block."""
    return torch.cartesian_prod(*[torch.arange(0, n + 1, 8, dtype=torch.int32) for n in cubes])


def explored(lattice: LevelSet, field: Field, start: Tensor, reach: int) -> list[tuple[int, ...]]:
    """Gives values until nothing is wanted; the points that were asked for, in order."""
    asked: list[tuple[int, ...]] = []

    def answer(reach: int) -> None:
        while left := lattice.wanted():
            points = lattice.take(700)
            assert len(points) == min(left, 700) and points.device == lattice.device
            asked.extend(map(tuple, points.tolist()))
            lattice.give(field(points.float()), reach)

    lattice.put(start, field(start.float()), 2 * reach)
    for step, every_other in [(4, False), (2, False), (1, True), (1, False)]:
        lattice.want_unsettled(step, every_other)
        answer(min(reach, step))
    lattice.want_frontier()
    while lattice.wanted():
        answer(0)
        lattice.want_frontier()
    assert len(asked) == len(set(asked))
    return asked


def filled(lattice: LevelSet, cubes: tuple[int, int, int], values: Tensor) -> tuple[Tensor, Tensor]:
    lattice.put(all_points(cubes), values.reshape(-1))
    return lattice.extract()


def assert_same(mine: tuple[Tensor, Tensor], wanted: tuple[Tensor, Tensor]) -> None:
    """Bit for bit, in the same order."""
    assert mine[0].dtype == torch.float64 and mine[1].dtype == torch.int64
    assert torch.equal(mine[0].cpu(), wanted[0]) and torch.equal(mine[1].cpu(), wanted[1])


def directed_edges(faces: Tensor) -> Counter[tuple[int, int]]:
    directed = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    return Counter(map(tuple, directed.tolist()))


def noise(shape: tuple[int, int, int], seed: int) -> Tensor:
    """Random values, some exactly zero: every case of the table, with vertices on corners."""
    random = torch.Generator().manual_seed(seed)
    values = torch.randn(shape, generator=random)
    values[torch.rand(shape, generator=random) < 0.1] = 0.0
    return values


@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize(("level", "slope"), [(0.0, 1.0), (1.3, 1.0), (0.0, math.inf)])
def test_closed_whole_and_the_reference(device: torch.device, name: str, level: float, slope: float) -> None:
    field, euler = CLOSED[name]
    lattice = level_set(CUBES, level, slope, device)
    explored(lattice, field, middles(CUBES).to(lattice.device), reach=4)
    vertices, faces = (t.cpu() for t in lattice.extract())
    assert_same(
        (vertices, faces), filled(DenseLevelSet(CUBES, level), CUBES, field(all_points(CUBES).float()))
    )
    uses = directed_edges(faces)
    assert set(uses.values()) == {1} and all((b, a) in uses for a, b in uses)
    assert len(vertices) - len(uses) // 2 + len(faces) == euler
    assert len(faces.unique()) == len(vertices)
    a, b, c = vertices[faces].unbind(1)
    assert float((a * torch.linalg.cross(b, c)).sum()) > 0.0  # the normals point to where the field is


@pytest.mark.parametrize("reach", [0, 4])
@pytest.mark.parametrize("field", [torus, slanted_plane])
def test_asks_for_what_the_cpu_asks_for(device: torch.device, field: Field, reach: int) -> None:
    results = []
    for lattice in (level_set(CUBES, 0.2, 1.0, device), DenseLevelSet(CUBES, 0.2, 1.0)):
        # From one spot, so that blocks are added as the surface is followed.
        spot = torch.tensor([[4, 10, 20]], dtype=torch.int32)
        asked = explored(lattice, field, spot if field is slanted_plane else middles(CUBES), reach)
        results.append((sorted(asked), *lattice.extract()))
    assert results[0][0] == results[1][0]
    assert_same(results[0][1:], results[1][1:])
    assert len(results[0][2]) > 100


def test_the_border_is_the_lattice(device: torch.device) -> None:
    lattice = level_set(CUBES, 0.0, 1.0, device)
    explored(lattice, slanted_plane, middles(CUBES).to(lattice.device), reach=4)
    vertices, faces = (t.cpu() for t in lattice.extract())
    uses = directed_edges(faces)
    borders = torch.tensor([edge for edge in uses if edge[::-1] not in uses])
    ends = vertices[borders]
    assert len(borders) and ((ends == 0) | (ends == torch.tensor(CUBES))).all(dim=1).any(dim=1).all()


@pytest.mark.parametrize("shape", [(2, 2, 2), (9, 9, 9), (8, 17, 10), (11, 8, 18)])
@pytest.mark.parametrize("level", [0.0, 0.37])
def test_every_case_of_the_table(device: torch.device, shape: tuple[int, int, int], level: float) -> None:
    nx, ny, nz = shape
    cubes = (nx - 1, ny - 1, nz - 1)
    values = noise(shape, sum(shape))
    mine = filled(level_set(cubes, level, device=device), cubes, values.to(device))
    assert_same(mine, filled(DenseLevelSet(cubes, level), cubes, values))


@pytest.mark.parametrize("slope", [0.3, 1.0, 4.0])
def test_a_field_steeper_than_said_takes_the_same_way(device: torch.device, slope: float) -> None:
    """Noise settles points on the wrong side, contradicts itself and is followed all over the lattice."""
    cubes = (17, 11, 20)
    values = noise((18, 12, 21), 4)

    def field(points: Tensor) -> Tensor:
        return values.to(points.device)[tuple(points.long().T)]

    results = []
    for lattice in (level_set(cubes, 0.1, slope, device), DenseLevelSet(cubes, 0.1, slope)):
        asked = explored(lattice, field, torch.zeros(1, 3, dtype=torch.int32), reach=4)
        results.append((sorted(asked), *lattice.extract()))
    assert results[0][0] == results[1][0]
    assert_same(results[0][1:], results[1][1:])


@pytest.mark.parametrize("reach", [1, 2, 5, 8])
def test_a_value_settles_a_ball(device: torch.device, reach: int) -> None:
    """What is left to want shows what was settled, by a value of each side, in blocks that exist alone."""
    cubes = (26, 27, 25)
    blocks = all_points((3, 3, 3)) * 8
    blocks = blocks[blocks.sum(dim=1) % 3 != 0]
    points = torch.tensor([[12, 12, 12], [26, 0, 13], [3, 20, 25]], dtype=torch.int32)
    values = torch.tensor([5.3, -6.2, 2.4])
    wants = []
    for lattice in (level_set(cubes, 0.0, 1.0, device), DenseLevelSet(cubes, 0.0, 1.0)):
        lattice.put(blocks, torch.zeros(len(blocks)))
        lattice.put(points, values, reach)
        lattice.want_unsettled()
        wants.append(sorted(map(tuple, lattice.take(1 << 20).tolist())))
    assert wants[0] == wants[1]
    unsettled = DenseLevelSet(cubes)
    unsettled.put(torch.cat([blocks, points]), torch.zeros(len(blocks) + 3))
    unsettled.want_unsettled()
    assert unsettled.wanted() - len(wants[0]) > 10 * reach


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_all_outside_or_all_inside_is_no_surface(device: torch.device, sign: float) -> None:
    lattice = level_set((9, 12, 7), 0.0, math.inf, device)
    explored(lattice, lambda points: torch.full_like(points[:, 0], sign), middles((9, 12, 7)), reach=4)
    vertices, faces = lattice.extract()
    assert vertices.shape == (0, 3) and faces.shape == (0, 3)


def test_a_lattice_of_which_nothing_is_known(device: torch.device) -> None:
    lattice = level_set((5, 9, 5), device=device)
    lattice.put(torch.empty(0, 3, dtype=torch.int32), torch.empty(0), 4)
    lattice.want_unsettled()
    lattice.want_frontier()
    assert lattice.wanted() == 0 and lattice.take(3).shape == (0, 3)
    vertices, faces = lattice.extract()
    assert vertices.shape == (0, 3) and faces.shape == (0, 3)


def test_points_put_while_wanted_are_not_asked_for(device: torch.device) -> None:
    lattice = level_set((7, 7, 7), device=device)
    lattice.put(torch.tensor([[0, 0, 0]], dtype=torch.int32), torch.tensor([1.0]))
    lattice.want_unsettled(2)
    taken = lattice.take(20)
    lattice.give(torch.ones(20))
    known = torch.tensor([[6, 6, 6], [6, 6, 4], [1, 1, 1]], dtype=torch.int32)
    lattice.put(known, torch.ones(3))
    lattice.want_unsettled(2)
    rest = lattice.take(1000)
    assert lattice.wanted() == len(rest) == 64 - 1 - 20 - 2
    assert len(torch.cat([taken, rest]).cpu().unique(dim=0)) == 20 + len(rest)
    lattice.give(torch.ones(len(rest)))
    assert lattice.wanted() == 0


def test_a_second_value_replaces_the_first(device: torch.device) -> None:
    cubes = (8, 8, 8)
    lattice = level_set(cubes, device=device)
    filled(lattice, cubes, noise((9, 9, 9), 1))
    values = noise((9, 9, 9), 2)
    assert_same(filled(lattice, cubes, values), filled(DenseLevelSet(cubes), cubes, values))


def test_what_is_wrong_is_refused(device: torch.device) -> None:
    lattice = level_set((4, 4, 4), device=device)
    with pytest.raises(ValueError, match="outside"):
        lattice.put(torch.tensor([[5, 0, 0]], dtype=torch.int32), torch.zeros(1))
    lattice.put(torch.tensor([[4, 0, 0]], dtype=torch.int32), torch.zeros(1))
    with pytest.raises(ValueError, match="step"):
        lattice.want_unsettled(3)
    lattice.want_unsettled()
    lattice.take(10)
    with pytest.raises(ValueError, match="values"):
        lattice.give(torch.zeros(9))


def test_more_places_than_can_be_numbered_are_refused() -> None:
    with pytest.raises(UserError, match="larger voxel"):
        CudaLevelSet((1 << 20, 1 << 15, 1 << 15), 0.0, 1.0, "cpu")


@pytest.mark.parametrize("field", [torus, slanted_plane])
def test_meshes_are_those_of_every_point(device: torch.device, field: Field) -> None:
    box, voxel = np.array([[0.0, 1.0, 2.0], [27.0, 26.5, 24.0]]), 0.8
    asked = []

    def counting(points: Tensor) -> Tensor:
        assert points.device.type == device.type
        asked.append(len(points))
        return field(points)

    vertices, faces = extract_level_set(counting, box, voxel, chunk=2000, device=device)
    assert max(asked) <= 2000
    cubes = tuple(np.ceil((box[1] - box[0]) / voxel).astype(int).tolist())
    positions = torch.from_numpy(box[0]) + all_points(cubes).double() * voxel
    whole = filled(DenseLevelSet(cubes), cubes, field(positions.float()))
    assert len(faces) > 500 and np.array_equal(faces, whole[1].numpy())
    np.testing.assert_allclose(vertices, box[0] + whole[0].numpy() * voxel, atol=1e-5)
