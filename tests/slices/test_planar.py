"""Insides and distances of closed lines, held to what is known of squares and circles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurfield.slices import Contour, Plane, inside, planar, signed_distance
from neurfield.slices.chains import chained
from neurfield.slices.crossed import crossing_pairs
from neurfield.slices.nesting import parents_of, turned
from neurfield.slices.planar import crossings, edges_of

SQUARE = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]])
HOLE = SQUARE * 0.5 + 1.0
ISLAND = SQUARE * 0.1 + 1.8


def test_a_hole_is_outside_and_an_island_in_it_inside() -> None:
    points = np.array([[0.5, 0.5], [1.5, 1.5], [2.0, 2.0], [9.0, 2.0]])
    assert inside(points, [SQUARE, HOLE, ISLAND]).tolist() == [True, False, True, False]
    assert inside(points, []).tolist() == [False] * 4


def test_corners_at_a_point_s_height_count_once() -> None:
    diamond = np.array([[0.0, -1.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    assert inside(np.array([[0.0, 0.0], [-2.0, 0.0], [-2.0, 1.0], [-2.0, -1.0]]), [diamond]).tolist() == [
        True, False, False, False
    ]  # fmt: skip


@pytest.mark.parametrize("at_once", [1, 7, 1 << 20])
def test_edges_to_the_right_are_counted_also_at_corners_heights(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planar, "_AT_ONCE", at_once)
    generator = np.random.default_rng(at_once)
    # Whole numbers, so that corners and points are often of one height, and some edges are level.
    loops = [generator.integers(-5, 6, (n, 2)).astype(float) for n in (1, 2, 3, 40)]
    points, edges = generator.integers(-6, 7, (60, 2)).astype(float), edges_of(loops)
    many = []
    for x, y in points:
        low, high = edges[..., 1].min(axis=1), edges[..., 1].max(axis=1)
        a, b = edges[(low <= y) & (y < high)].transpose(1, 0, 2)
        many.append((a[:, 0] + (y - a[:, 1]) / (b[:, 1] - a[:, 1]) * (b[:, 0] - a[:, 0]) > x).sum())
    assert crossings(points, edges).tolist() == many and max(many) > 3
    assert crossings(points[:0], edges).tolist() == [] and crossings(points, edges[:0]).tolist() == [0] * 60


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_distances_are_those_to_the_nearest_edge(seed: int) -> None:
    generator = np.random.default_rng(seed)
    loops = [generator.normal(size=(n, 2)) * 50.0 + 300.0 for n in generator.integers(3, 9, 3)]
    points = generator.normal(size=(40, 2)) * 80.0 + 300.0
    edges = edges_of(loops)
    a, along = edges[:, 0], edges[:, 1] - edges[:, 0]
    t = np.einsum("pei,ei->pe", points[:, None] - a, along) / (along**2).sum(axis=1)
    nearest = a + np.clip(t, 0.0, 1.0)[..., None] * along
    true = np.linalg.norm(points[:, None] - nearest, axis=2).min(axis=1)
    found = signed_distance(points, loops)
    assert np.allclose(np.abs(found), true, atol=1e-4 * 300)
    assert ((found < 0) == inside(points, loops)).all()


def test_a_plane_s_axes_turn_the_right_way_and_lead_back() -> None:
    plane = Plane.of([0.0, 3.0, -4.0], 2.5)
    assert np.allclose(plane.axes @ plane.axes.T, np.eye(2))
    assert np.allclose(plane.normal, [0.0, 0.6, -0.8]) and plane.offset == pytest.approx(2.5)
    points = np.random.default_rng(0).normal(size=(5, 3))
    back = plane.world(plane.flat(points)) + plane.heights(points)[:, None] * plane.normal
    assert np.allclose(back, points)


def test_holes_come_after_what_is_around_them_and_turn_the_other_way() -> None:
    contours = [Contour(ISLAND[::-1]), Contour(HOLE), Contour(SQUARE), Contour(HOLE, 2)]
    ordered = parents_of(turned(contours))
    assert [parent for _, parent in ordered] == [None, None, 0, None]
    areas = [contour.area for contour, _ in ordered]
    assert [area > 0 for area in areas] == [True, True, False, True]


def test_edges_are_joined_and_open_ends_counted() -> None:
    loops, open_lines = chained(np.array([[0, 1], [2, 1], [2, 0], [5, 6], [6, 7], [7, 8]]))
    assert sorted(len(loop) for loop in loops) == [3, 4] and open_lines == 1
    assert chained(np.zeros((0, 2), np.int64)) == ([], 0)
    figure_eight, open_lines = chained(np.array([[0, 1], [1, 2], [2, 0], [0, 3], [3, 4], [4, 0]]))
    assert open_lines == 0 and sum(len(loop) for loop in figure_eight) == 6


def test_crossings_are_found_and_touching_is_none() -> None:
    crossed = np.array([[0.0, 0.0], [4.0, 4.0], [4.0, 0.0], [0.0, 4.0]])
    edges = edges_of([crossed])
    assert crossing_pairs(edges, np.zeros(4, int)).tolist() == [[0, 0]]
    both = [SQUARE, SQUARE + 2.0]
    owner = np.repeat([0, 1], 4)
    assert crossing_pairs(np.concatenate([edges_of([one]) for one in both]), owner).tolist() == [[0, 1]]
    touching = [SQUARE, SQUARE + np.array([4.0, 0.0])]
    assert len(crossing_pairs(np.concatenate([edges_of([one]) for one in touching]), owner)) == 0
    long = np.concatenate(
        [edges_of([SQUARE * 1e3 - 2e3]), edges_of([SQUARE * 1e-2]), edges_of([SQUARE + 1999.0])]
    )
    assert crossing_pairs(long, np.repeat([0, 1, 2], 4)).tolist() == [[0, 2]]
