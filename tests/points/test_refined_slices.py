"""Levels of points around contours: where they lie, what is known of them, in which order they are seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from neurfield.errors import UserError
from neurfield.moment import Moment
from neurfield.parts import load_config
from neurfield.points import RefinedSlices
from neurfield.points.epochs import Epochs
from neurfield.slices import Contour, Plane, Slice, Slices, inside
from neurfield.slices.planar import distance
from neurfield.slices.refined import around_contours, count_around, hull_points
from neurfield.slices.unit_slices import UnitSlices

CPU = torch.device("cpu")


def square(half: float) -> np.ndarray:
    return half * np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def frames(empty: bool = False) -> UnitSlices:
    """A square tube in three planes, far from the origin; with `empty` a fourth one that does not meet it."""
    both = (Contour(square(3.0)), Contour(square(1.0)))
    planes = [Slice(Plane.of([0.0, 0.0, 1.0], 100.0 + 2.0 * z), both, z) for z in range(3)]
    planes += [Slice(Plane.of([0.0, 0.0, 1.0], 106.0), (), 3)] if empty else []
    return UnitSlices(Slices("tube", tuple(planes)))


def source(**numbers: object) -> RefinedSlices:
    usual = {"count": 100, "anywhere": 20, "hull": 30, "epochs": (2, 1, 2, 1, 1, 3)}
    return RefinedSlices(frames(), CPU, 0, **(usual | numbers))  # type: ignore[arg-type]


def test_points_lie_at_their_distance_and_know_their_side() -> None:
    unit, radius = frames(), 0.02
    points, outside = around_contours(unit, radius, 4, 0, np.random.default_rng(0))
    assert len(points) == len(outside) == count_around(unit, 4, 0) == 4 * (24 + 3 * 24)
    world = unit.frame.world_from_unit(points)
    for one in unit.slices.slices:
        rows = np.abs(world @ one.plane.normal - one.plane.offset) < 1e-6
        assert rows.sum() == len(points) // 3
        flat, loops = one.plane.flat(world[rows]), unit.loops(one)
        away, known = distance(flat, loops) / unit.frame.half, outside[rows]
        assert np.abs(away[known == 0.5]).max() < 1e-5 and (known == 0.5).sum() == 4 * 8
        # On circles around corners some are nearer to an edge than to the corner.
        assert away[known != 0.5].max() < radius + 1e-5
        assert (np.abs(away[known != 0.5] - radius) < 1e-5).sum() >= 2 * 4 * 8
        clear = away > 1e-4
        assert (inside(flat, loops) == (known == 0.0))[clear & (known != 0.5)].all()
        assert {0.0, 0.5, 1.0} == set(known)


def test_the_hole_and_a_plane_without_contours_are_outside() -> None:
    unit = frames(empty=True)
    points, outside = around_contours(unit, 0.01, 2, 500, np.random.default_rng(0))
    world = unit.frame.world_from_unit(points)
    in_empty = np.abs(world[:, 2] - 106.0) < 1e-6
    assert in_empty.sum() == 500 and (outside[in_empty] == 1.0).all()
    largest = np.abs(world[:, :2]).max(axis=1)
    hole = ~in_empty & (largest < 0.9)
    wall = ~in_empty & (largest > 1.1) & (largest < 2.9)
    assert hole.sum() > 20 and (outside[hole] == 1.0).all()
    assert wall.sum() > 200 and (outside[wall] == 0.0).all()


def test_the_hull_goes_around_all_corners_by_area() -> None:
    unit = frames()
    points = unit.frame.world_from_unit(hull_points(unit, 4000, 0.05, np.random.default_rng(0)))
    off = np.abs(points - [0.0, 0.0, 102.0]) / [3.15, 3.15, 2.1]
    assert np.abs(off.max(axis=1) - 1.0).max() < 1e-6  # on a box that is 5 % larger
    ends = (off[:, 2] > 1.0 - 1e-6).mean()
    assert ends == pytest.approx(2 * 6.3**2 / (2 * 6.3**2 + 4 * 6.3 * 4.2), abs=0.03)


def test_an_epoch_sees_every_point_of_the_last_three_levels_once() -> None:
    points = source()
    sizes = [30 + count_around(points.slices, each, 20) for each in (2, 2, 3, 3, 4, 5)]
    assert points.sizes == [sum(sizes[max(0, k - 2) : k + 1]) for k in range(6)]
    steps = points.course.steps
    assert steps == sum(n * -(-size // 100) for n, size in zip((2, 1, 2, 1, 1, 3), points.sizes))
    seen: dict[tuple[int, int], list[torch.Tensor]] = {}
    for step in range(steps):
        place = points.course.at(step / steps)
        drawn, outside = points.draw(Moment(step, step / steps))
        assert len(drawn) == len(outside) <= 100
        seen.setdefault((place.level, place.epoch), []).append(torch.cat([drawn, outside[:, None]], dim=1))
    assert [epoch for _, epoch in seen] == list(range(10))
    for (level, _), batches in seen.items():
        levels = [points._level(k) for k in range(max(0, level - 2), level + 1)]
        whole = torch.cat([torch.cat([a, b[:, None]], dim=1) for a, b in levels])
        met = torch.cat(batches)
        assert len(met) == len(whole) == points.sizes[level]
        key = np.lexsort(met.numpy().T), np.lexsort(whole.numpy().T)
        assert torch.equal(met[key[0]], whole[key[1]])
    first, second = (torch.cat(seen[0, epoch]) for epoch in (0, 1))
    assert not torch.equal(first, second)  # another order


def test_a_step_follows_from_its_number_alone() -> None:
    points, again = source(), source()
    steps = points.course.steps
    for step in (steps - 1, 0, steps // 2):
        a, b = (one.draw(Moment(step, step / steps)) for one in (points, again))
        assert all(torch.equal(x, y) for x, y in zip(a, b))
        again.draw(Moment(0, 0.0))
    assert len(points._sets) <= 3


def test_levels_come_nearer_to_contours() -> None:
    points = source(radii=[1 / 16, 1 / 32, 1 / 32, 1 / 64, 1 / 64, 1 / 128], anywhere=1)
    reach = []
    for level in range(6):
        places, known = points._level(level)
        world = points.slices.frame.world_from_unit(places[known == 0.0].double().numpy())
        loops = points.slices.loops(points.slices.slices.slices[0])
        reach.append(float(np.quantile(distance(world[:, :2], loops), 0.9)) / points.slices.frame.half)
    assert reach == pytest.approx([1 / 16, 1 / 32, 1 / 32, 1 / 64, 1 / 64, 1 / 128], rel=1e-3)


def test_rates_fall_by_epochs() -> None:
    points = source(epochs=[5, 5, 5, 5, 5, 5], rate_every=10)
    steps = points.course.steps
    rates = {points.course.at(s / steps).epoch: points.learning(s / steps) for s in range(steps)}
    assert [rates[epoch] for epoch in (0, 9, 10, 11, 20, 21, 29)] == pytest.approx(
        [1.0, 1.0, 1.0, 0.9, 0.9, 0.81, 0.81]
    )


def test_epochs_are_counted() -> None:
    course = Epochs((2, 1), (3, 2))
    assert course.steps == 8
    places = [course.at(step / 8) for step in range(9)]
    assert [(p.level, p.epoch, p.batch) for p in places] == [
        (0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 1, 0), (0, 1, 1), (0, 1, 2), (1, 2, 0), (1, 2, 1), (1, 2, 1),
    ]  # fmt: skip
    for steps in (7, 11_100, 44_449):  # none is left out or met twice
        course = Epochs((steps,), (1,))
        assert [course.at(step / steps).epoch for step in range(steps)] == list(range(steps))


def test_lists_of_other_lengths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"'points.refined_slices': radii, around, epochs: one number a level"
    ):
        load_config("orex", overrides=["points.refined_slices.epochs=[1, 2]"])
