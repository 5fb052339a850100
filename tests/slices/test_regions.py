"""What each label has of a plane: no place twice, no line between labels lost, crossings cut."""

from __future__ import annotations

import numpy as np
import pytest

from neurfield.slices import Contour, Plane, Slice, Slices, inner_labels, inside, label_at, regions
from neurfield.slices.arrangement import arrangement
from neurfield.slices.crossed import crossing_pairs
from neurfield.slices.regions import ANY

PLANE = Plane.of([0.0, 0.0, 1.0], 0.0)


def box(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])


def circle(x: float, y: float, radius: float, corners: int = 40) -> np.ndarray:
    turn = 2.0 * np.pi * np.arange(corners) / corners
    return np.array([x, y]) + radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)


def length(contours: tuple[Contour, ...]) -> float:
    each = [c.corners - np.roll(c.corners, 1, axis=0) for c in contours]
    return sum(float(np.linalg.norm(edges, axis=1).sum()) for edges in each)


CASES = {
    "apart": [(box(0, 0, 1, 1), 1), (box(2, 0, 3, 1), 2)],
    "touching along a side": [(box(0, 0, 1, 1), 1), (box(1, 0, 2, 1), 2)],
    "touching along part of a side": [(box(0, 0, 1, 3), 1), (box(1, 1, 2, 1.7), 2)],
    "nested": [(circle(0, 0, 2), 1), (circle(0.1, 0.1, 1), 2)],
    "nested twice, with a hole": [
        (circle(0, 0, 3), 4), (circle(0, 0, 2), 2), (circle(0, 0, 1), 7), (circle(0, 0, 0.5), 7)
    ],
    "crossing": [(circle(0, 0, 1), 1), (circle(1.03, 0.07, 0.9), 2)],
    "three at a point": [(box(0, 0, 1, 1), 1), (box(1, 0, 2, 1), 2), (box(0, 1, 2, 2), 3)],
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_regions_are_what_label_at_says_and_no_place_is_two_labels(name: str) -> None:
    one = Slice(PLANE, tuple(Contour(corners, label) for corners, label in CASES[name]), 1)
    found = regions(Slices("s", (one,)))
    corners = np.concatenate([corners for corners, _ in CASES[name]])
    random = np.random.default_rng(0)
    points = random.uniform(corners.min(axis=0) - 0.2, corners.max(axis=0) + 0.2, (4000, 2))
    owner = label_at(one, points)
    for label, of in found.items():
        loops = [contour.corners for contour in of.slices[0].contours]
        wanted = owner > 0 if label == ANY else owner == label
        assert (inside(points, loops) == wanted).all(), label


def test_lines_between_labels_are_of_both_and_not_around_all_of_them() -> None:
    one = Slice(PLANE, tuple(Contour(corners, label) for corners, label in CASES["three at a point"]), 1)
    found = {label: of.slices[0].contours for label, of in regions(Slices("s", (one,))).items()}
    assert length(found[ANY]) == pytest.approx(8.0)
    assert length(found[1]) == pytest.approx(4.0) and length(found[3]) == pytest.approx(6.0)


def test_edges_of_an_arrangement_cross_nowhere_and_lie_once() -> None:
    corners, edges = arrangement([box(0, 0, 2, 2), box(1, 1, 3, 3), box(2, 0, 4, 1)])
    ends = corners[edges]
    assert len({tuple(row) for row in np.round(corners, 9).tolist()}) == len(corners)
    total = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1).sum()
    assert total == pytest.approx(8.0 + 8.0 + 6.0 - 2.0)  # two units of sides are shared
    assert not len(crossing_pairs(ends, np.arange(len(ends))))


def test_one_label_alone_is_left_as_it_is() -> None:
    one = Slice(PLANE, (Contour(box(0, 0, 1, 1), 5),), 1)
    found = regions(Slices("s", (one,)))
    assert set(found) == {ANY, 5} and found[5].slices[0].contours[0].corners is one.contours[0].corners


NESTED = {
    "organs in a body": ([(circle(0, 0, 3), 1), (circle(1, 0, 1), 2), (circle(1, 0, 0.4), 3)],
                         {1: (2, 3), 2: (3,)}),
    "beside each other": ([(circle(0, 0, 1), 1), (circle(3, 0, 0.5), 2)], {}),
    "a hole left for it": ([(circle(0, 0, 3), 1), (circle(0, 0, 1), 1), (circle(0, 0, 1), 2)], {}),
    "an island in a hole": ([(circle(0, 0, 3), 1), (circle(0, 0, 2), 1), (circle(0, 0, 1), 2)], {}),
    "a little out": ([(box(0, 0, 9, 9), 1), (box(8.05, 4, 9.05, 5), 2)], {1: (2,)}),
    "half out": ([(box(0, 0, 9, 9), 1), (box(8.5, 4, 9.5, 5), 2)], {}),
    "thin as a wire": ([(box(0, 0, 9, 9), 1), (box(1, 4, 8, 4.001), 2)], {1: (2,)}),
    "twice the same": ([(circle(0, 0, 2), 1), (circle(0, 0, 2), 2)], {1: (2,), 2: (1,)}),
}  # fmt: skip


@pytest.mark.parametrize("name", NESTED)
def test_a_label_goes_around_those_that_lie_in_its_contours(name: str) -> None:
    given, wanted = NESTED[name]
    one = Slice(PLANE, tuple(Contour(corners, label) for corners, label in given), 1)
    slices = Slices("s", (one, Slice(PLANE, (), 2)))
    inner = inner_labels(slices)
    assert inner == wanted
    owner_of = {label: {label, *inner.get(label, ())} for label in slices.labels}
    corners = np.concatenate([corners for corners, _ in given])
    points = np.random.default_rng(0).uniform(corners.min(axis=0) - 0.2, corners.max(axis=0) + 0.2, (3000, 2))
    owner = label_at(one, points)
    for label, of in regions(slices, inner).items():
        loops = [contour.corners for contour in of.slices[0].contours]
        wanted_inside = owner > 0 if label == ANY else np.isin(owner, list(owner_of[label]))
        assert (inside(points, loops) == wanted_inside).all(), label
