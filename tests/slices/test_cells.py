"""What planes around a place tell: of any direction, turned with them, nothing that they contradict."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from neurfield.slices import Plane, Slices, cut, parallel_planes, random_planes, signed_distance
from neurfield.slices.cells import Around, Cells
from neurfield.slices.unit_slices import MARGIN, UnitSlices

BALL = trimesh.creation.icosphere(4, 3.0)
BOX = np.asarray(BALL.bounds)
PLACES = np.random.default_rng(0).uniform(-3.4, 3.4, (4000, 3))
STACKS = [*parallel_planes(BOX, 5), *parallel_planes(BOX, 5, 0)]


def cells_of(slices: Slices, exact: bool = True) -> Cells:
    return UnitSlices(slices).cells(exact)


@pytest.mark.parametrize("planes", [random_planes(BOX, 15, 1), STACKS, parallel_planes(BOX, 9)])
def test_sides_that_are_told_are_true_of_a_ball(planes: list[Plane]) -> None:
    side = cells_of(cut(BALL, planes)).around(PLACES).sides(MARGIN)
    inside = np.linalg.norm(PLACES, axis=1) < 3.0
    assert ((side < 0) == inside)[side != 0].all()
    assert (side < 0).sum() > 0.3 * inside.sum() and (side > 0).sum() > 0.3 * (~inside).sum()


def test_between_parallel_planes_both_neighbours_are_asked_straight_above_and_below() -> None:
    slices = cut(BALL, parallel_planes(BOX, 9))
    places = PLACES[np.abs(PLACES[:, 2]) < 2.6]
    ordered = sorted(slices.slices, key=lambda one: float(one.plane.offset))
    heights = np.array([float(one.plane.offset) for one in ordered])
    below = np.searchsorted(heights, places[:, 2]) - 1
    each = np.stack([signed_distance(o.plane.flat(places), o.of_label(1)) for o in ordered])
    first, second = each[below, np.arange(len(places))], each[below + 1, np.arange(len(places))]
    margin = MARGIN * (heights[1] - heights[0])
    expected = (np.minimum(first, second) > margin).astype(float) - (np.maximum(first, second) < -margin)
    around = cells_of(slices).around(places)
    assert (around.sides(MARGIN) == expected).all() and {-1.0, 0.0, 1.0} == set(expected)


def test_between_parallel_planes_distances_are_interpolated_linearly() -> None:
    squares = [np.array([[-w, -w], [w, -w], [w, w], [-w, w]]) for w in (2.0, 3.0)]
    pairs = [(Plane.of([0.0, 0.0, 1.0], z), [square]) for z, square in zip((-1.0, 1.5), squares)]
    places = np.random.default_rng(3).uniform(-1.0, 1.0, (500, 3)) * [4.0, 4.0, 0.99]
    below, above = (signed_distance(plane.flat(places), loops) for plane, loops in pairs)
    share = (places[:, 2] + 1.0) / 2.5
    around = Cells(pairs, np.array([[-4.0, -4.0, -1.0], [4.0, 4.0, 1.5]]), exact=True).around(places)
    assert np.allclose(around.interpolated(9.0), (1.0 - share) * below + share * above)
    cut_off = (1.0 - share) * below.clip(-0.5, 0.5) + share * above.clip(-0.5, 0.5)
    assert np.allclose(around.interpolated(0.5), cut_off) and not np.allclose(below, below.clip(-0.5, 0.5))


def test_nothing_is_interpolated_where_no_line_meets_a_plane_and_one_end_alone_tells_its_own() -> None:
    nowhere, beyond = np.inf, 7.0
    lengths = np.array([[[nowhere], [nowhere]], [[nowhere], [beyond]], [[1.0], [1.0]], [[0.0], [1.0]]])
    told = np.array([[[nowhere], [nowhere]], [[nowhere], [-0.3]], [[nowhere], [-0.5]], [[0.2], [-0.9]]])
    found = Around(lengths, told).interpolated(1.0)
    assert np.isnan(found[0]) and np.allclose(found[1:], [-0.3, 0.25, 0.2])


def test_lines_that_end_close_by_are_told_more_of() -> None:
    lengths, told = np.array([[[1.0, 4.0], [1.0, 4.0]]]), np.array([[[-0.1, 0.1], [-0.1, 0.1]]])
    assert Around(lengths, told).interpolated(1.0)[0] == pytest.approx((16.0 * -0.1 + 0.1) / 17.0)


@pytest.mark.parametrize("planes", [random_planes(BOX, 8, 4), STACKS])
def test_what_is_told_turns_and_moves_with_the_planes(planes: list[Plane]) -> None:
    slices = cut(BALL, planes)
    turn = trimesh.transformations.random_rotation_matrix(np.array([0.2, 0.6, 0.9]))[:3, :3]
    away = np.array([5e5, 4.6e6, 300.0])
    pairs = [(one.plane, one.of_label(1)) for one in slices.slices]
    turned = [(Plane(turn @ plane.origin + away, plane.axes @ turn.T), loops) for plane, loops in pairs]
    first = Cells(pairs, BOX, exact=True).around(PLACES)
    second = Cells(turned, BOX + away, exact=True).around(PLACES @ turn.T + away)
    assert (first.sides(MARGIN) != second.sides(MARGIN)).mean() < 1e-3  # those that lie on an edge of it
    assert np.allclose(first.interpolated(0.5), second.interpolated(0.5), atol=1e-6)


def test_tables_tell_what_contours_do() -> None:
    slices = cut(BALL, random_planes(BOX, 6, 2))
    places = np.clip(PLACES, *(0.99 * slices.box))  # which is what tables hold
    exact, quick = (cells_of(slices, exact).around(places) for exact in (True, False))
    assert np.allclose(exact.lengths, quick.lengths)
    assert (exact.sides(MARGIN) * quick.sides(MARGIN) >= 0.0).all()
    assert (exact.sides(MARGIN) != quick.sides(MARGIN)).mean() < 0.01
    faced = np.isfinite(exact.told) & np.isfinite(quick.told)
    assert faced.any() and np.abs(exact.told[faced] - quick.told[faced]).max() < 0.05


def test_places_between_lie_where_lines_end_on_the_box_at_the_latest() -> None:
    """On a side itself a line misses it and ends on a plane beyond, where no table reaches."""
    unit = UnitSlices(cut(BALL, random_planes(BOX, 15, 1)), BOX)  # contours reach its sides
    places = unit.frame.world_from_unit(unit.between(3000).points.double().numpy())
    assert ((places > unit.box[0]) & (places < unit.box[1])).all()
    around = unit.cells().around(places)
    size = np.linalg.norm(np.ptp(unit.box, axis=0))
    assert np.isfinite(around.lengths).all() and around.lengths.max() < size


def test_a_cell_with_all_faces_outside_is_outside_and_one_without_faces_is_free() -> None:
    square = np.array([[50.0, 50.0], [51.0, 50.0], [51.0, 51.0]])
    sides = [Plane.of(np.eye(3)[k], offset) for k in range(3) for offset in (-1.0, 1.0)]
    places = np.random.default_rng(1).uniform(-0.99, 0.99, (200, 3))
    box = np.array([[-60.0] * 3, [60.0] * 3])
    assert (Cells([(plane, [square]) for plane in sides], box).around(places).sides(MARGIN) == 1.0).all()
    assert (Cells([(sides[0], [square])], box).around(places).sides(MARGIN) == 0.0).all()


def test_a_nearer_plane_of_the_other_side_makes_a_place_uncertain() -> None:
    lengths = np.array([[[1.0, 0.5], [1.0, 9.0]]] * 2)
    told = np.array([[[2.0, -0.1], [2.0, 0.1]], [[2.0, 0.1], [2.0, 0.1]]])
    assert Around(lengths, told).sides(MARGIN).tolist() == [0.0, 1.0]
