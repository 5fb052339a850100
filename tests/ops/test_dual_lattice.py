"""Cells that rise: their halves, the points and edges they share, and that native and reference agree."""

from __future__ import annotations

import numpy as np
import pytest

from neurfield.ops import native
from neurfield.ops.dual_lattice import edges_between, halved_cells, shared_points
from neurfield.ops.lattice_keys import find, keys, numbered, points_of
from neurfield.ops.reference import dual_lattice as reference

needs_native = pytest.mark.skipif(native.module is None, reason="no native kernels")


def random_cells(count: int, side: int, seed: int, far: int = 0) -> np.ndarray:
    """Cells that rise, close enough together to have neighbours; from `far` on."""
    found = np.random.default_rng(seed).integers(0, side, (count, 3)) + far
    return points_of(np.unique(keys(found)))


CASES = [
    (0, 5, 0), (1, 5, 0), (2, 2, 0), (40, 4, 0), (63, 4, 7), (700, 11, 0), (5000, 19, 0), (300, 6, 2**20 - 9),
]  # fmt: skip


@needs_native
@pytest.mark.parametrize(("count", "side", "far"), CASES)
def test_native_is_the_reference(count: int, side: int, far: int) -> None:
    assert hasattr(native.module, "DualLattice") and hasattr(native.module, "surface_halve_cells")
    for seed in range(4):
        cells = random_cells(count, side, seed, far)
        for stride in (1, 2, 3):
            if stride * (far + side) >= 1 << 21:
                continue
            for got, wanted in zip(shared_points(cells, stride), reference.shared_points(cells, stride)):
                assert np.array_equal(got, wanted) and got.dtype == np.int64
        for got, wanted in zip(edges_between(cells), reference.edges_between(cells)):
            assert np.array_equal(got, wanted) and got.dtype == np.int64
        if 2 * (far + side) >= 1 << 21:
            continue
        for counts in ([2 * (far + side)] * 3, [far + side, 2 * far + 1, 2 * (far + side) - 1]):
            halves = halved_cells(cells, np.array(counts))
            assert np.array_equal(halves, reference.halved_cells(cells, np.array(counts)))


def test_points_of_two_cells_are_shared() -> None:
    cells = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 1], [3, 3, 3]])
    for stride, alone, both in ((1, 8, 4), (2, 27, 9)):
        points, index = shared_points(cells, stride)
        assert len(points) == 4 * alone - 2 * both and (np.diff(keys(points)) > 0).all()
        box = reference.box_of(stride + 1)
        assert np.array_equal(points[index], stride * cells[:, None] + box)


def test_an_edge_has_its_four_cells_around_it() -> None:
    block = reference.box_of(2) + 4
    edges = edges_between(block)
    assert edges.axis.tolist() == [0, 0, 1, 1, 2, 2]  # from the middle to each side
    for quad, axis in zip(block[edges.cells], edges.axis):
        assert np.ptp(quad, axis=0).tolist() == [int(a != axis) for a in range(3)]
        turn = np.cross(quad[1] - quad[0], quad[2] - quad[1])
        assert turn[axis] == 1  # counter-clockwise from above
        assert np.array_equal(quad.max(axis=0), quad[2])
    assert len(edges_between(block[:-1]).cells) < len(edges.cells)


def test_halves_beyond_the_last_cell_are_left_out() -> None:
    halves = halved_cells(np.array([[0, 0, 0], [1, 0, 0]]), np.array([3, 1, 2]))
    assert halves.tolist() == [[0, 0, 0], [0, 0, 1], [1, 0, 0], [1, 0, 1], [2, 0, 0], [2, 0, 1]]


@pytest.mark.parametrize("cells", [[[1, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]], [[0, -1, 0]]])
def test_cells_that_do_not_rise_are_refused(cells: list[list[int]]) -> None:
    for refuse in (edges_between, lambda c: shared_points(c, 2), lambda c: halved_cells(c, np.full(3, 9))):
        with pytest.raises(ValueError, match="cells must rise from 0"):
            refuse(np.array(cells))


def test_strided_cells_are_taken() -> None:
    cells = random_cells(200, 6, 1)
    wide = np.concatenate([cells, cells], axis=1)[:, :3]
    assert np.array_equal(shared_points(wide, 2)[1], shared_points(cells, 2)[1])
    assert np.array_equal(edges_between(np.asfortranarray(cells)).cells, edges_between(cells).cells)


def test_keys_sort_as_points_and_are_found_again() -> None:
    cells = random_cells(300, 9, 2, far=2**21 - 9)
    assert np.array_equal(points_of(keys(cells)), cells)
    values, rows = numbered(keys(cells[::-1].reshape(-1, 1, 3)))
    assert rows.shape == (len(cells), 1) and np.array_equal(values[rows[:, 0]], keys(cells)[::-1])
    assert find(values, values[::2] + 0).tolist() == list(range(0, len(values), 2))
    assert find(values, np.array([-1, 0])).tolist() == [-1, -1] and find(values[:0], values[:1]).tolist() == [
        -1
    ]
