"""Quads around crossed edges: their faces, answers that cannot be, sheets; native and reference agree."""

from __future__ import annotations

import numpy as np
import pytest

from neurfield.ops import native
from neurfield.ops.dual_lattice import edges_between
from neurfield.ops.quad_sheets import Sides, repaired, sides_of, split
from neurfield.ops.reference import quad_sheets as reference
from neurfield.ops.reference.dual_lattice import box_of

needs_native = pytest.mark.skipif(native.module is None, reason="no native kernels")


def random_quads(side: int, share: float, seed: int) -> tuple[np.ndarray, int]:
    """Some of the edges of a block of cells, as quads, and how many cells there are."""
    quads = edges_between(box_of(side)).cells
    return quads[np.random.default_rng(seed).random(len(quads)) < share], side**3


def same(got: Sides, wanted: tuple[np.ndarray, ...]) -> bool:
    return all(np.array_equal(a, b) and a.dtype == np.int64 for a, b in zip(got, wanted, strict=True))


@needs_native
@pytest.mark.parametrize(
    ("side", "share"), [(1, 1.0), (2, 1.0), (2, 0.5), (5, 0.1), (7, 0.5), (9, 0.9), (9, 0.0)]
)
def test_native_is_the_reference(side: int, share: float) -> None:
    assert hasattr(native.module, "surface_split_sheets")
    for seed in range(4):
        quads, cells = random_quads(side, share, seed)
        sides = sides_of(quads, cells)
        assert same(sides, reference.sides_of(quads, cells))
        generator = np.random.default_rng(seed + 100)
        group = generator.integers(0, 2, quads.shape)
        got = split(quads, cells, sides, group)
        wanted = reference.split(quads, cells, sides.face, sides.uses, group)
        assert all(np.array_equal(a, b) for a, b in zip(got, wanted, strict=True))
        count = generator.choice([0, 1, 2, 3], len(quads), p=[0.45, 0.45, 0.05, 0.05])
        reach = generator.random(len(quads)) * 2.0
        for noise in (0.0, 0.2):
            crossed = repaired(count, sides, reach, noise)
            assert crossed.dtype == bool
            assert np.array_equal(crossed, reference.repaired(count, sides.face, reach, 1.05 + 2.0 * noise))


@needs_native
def test_any_numbers_will_do_for_cells() -> None:
    quads = np.random.default_rng(3).integers(0, 50, (400, 4))
    assert same(sides_of(quads, 50), reference.sides_of(quads, 50))


def test_a_block_of_eight_cells_has_twelve_faces_within() -> None:
    quads, cells = random_quads(2, 1.0, 0)
    sides = sides_of(quads, cells)
    assert len(sides.uses) == 12 and (sides.uses == 2).all()
    assert np.array_equal(sides.face.reshape(-1)[sides.first], np.arange(12))


def test_two_sheets_in_a_cell_get_a_vertex_each() -> None:
    # Edges around two opposite corners of the middle cell of 27: nothing joins them but the cell.
    edges = edges_between(box_of(3))
    middle = 13
    at = box_of(3)[edges.cells[:, 2]]
    low = (at == 1).all(axis=1)
    top = np.array([(at + np.eye(3, dtype=int)[edges.axis] == 2).all(axis=1)]).reshape(-1)
    quads = edges.cells[low | top]
    assert low.sum() == top.sum() == 3
    sides = sides_of(quads, 27)
    vertex, cell = split(quads, 27, sides, np.zeros(quads.shape, dtype=np.int64))
    assert (cell == middle).sum() == 2 or (sides.uses % 2 == 1).any()
    assert np.array_equal(cell[vertex], quads)


def test_an_answer_against_all_around_it_is_turned_over() -> None:
    # The plane between two layers of cells: every edge that stands on it is crossed, but for one answer.
    edges = edges_between(box_of(7))
    flat = (edges.axis == 2) & (box_of(7)[edges.cells[:, 2], 2] == 3)
    sides = sides_of(edges.cells, 7**3)
    wrong = np.flatnonzero(flat)[len(np.flatnonzero(flat)) // 2]
    count = flat.astype(np.int64)
    count[wrong] = 0
    assert np.array_equal(repaired(count, sides, np.full(len(flat), 0.9), 0.0), flat)
    assert not repaired(count, sides, np.full(len(flat), 1.2), 0.0)[wrong]  # too far off to be crossed
    count[wrong] = 2
    assert not repaired(np.where(flat, 2, 0), sides, np.full(len(flat), 0.9), 0.0).any()


def test_what_does_not_fit_is_refused() -> None:
    quads, cells = random_quads(3, 1.0, 0)
    sides = sides_of(quads, cells)
    with pytest.raises(ValueError, match="quads must be of cells 0 to 4"):
        sides_of(quads, 5)
    with pytest.raises(ValueError, match="quads must be of cells 0 to 4"):
        split(quads, 5, sides, np.zeros_like(quads))
    if native.module is not None:
        with pytest.raises(ValueError, match="'group' must be 0 to 3"):
            split(quads, cells, sides, np.full(quads.shape, 4))


def test_strided_quads_are_taken() -> None:
    quads, cells = random_quads(4, 0.6, 1)
    wide = np.concatenate([quads, quads], axis=1)[:, :4]
    assert same(sides_of(wide, cells), tuple(sides_of(quads, cells)))
