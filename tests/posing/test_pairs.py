"""Which pictures are matched, and what is said of the cost beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from neurfield.posing.pairs import choose_pairs, estimate, in_blocks, near_pairs
from tests.posing.textured import orbit


@pytest.mark.parametrize("count", [2, 3, 40, 100])
def test_up_to_a_hundred_photos_are_matched_each_with_each(count):
    pairs = choose_pairs(count, ordered=False)
    assert len(pairs) == len(set(pairs)) == count * (count - 1) // 2


@pytest.mark.parametrize(
    ("count", "ordered"), [(101, False), (1000, False), (30, True), (3, True), (2, True)]
)
def test_others_are_matched_with_neighbours_far_ones_and_across_the_end(count, ordered):
    pairs = set(choose_pairs(count, ordered))
    assert all(i < j < count for i, j in pairs)
    reach = min(10, count - 1)
    assert all((i, i + k) in pairs for k in range(1, reach + 1) for i in range(count - k))
    assert all((i, i + k) in pairs for k in (16, 32, 64) for i in range(count - k))
    assert (0, count - 1) in pairs  # a walk around something closes
    assert len(pairs) <= 18 * count


@pytest.mark.parametrize(("count", "ordered", "most"), [(40, False, 64), (300, True, 64), (5, False, 1)])
def test_groups_are_the_same_pairs_of_few_pictures(count, ordered, most):
    pairs = choose_pairs(count, ordered)
    groups = in_blocks(pairs, most)
    assert sorted(pair for group in groups for pair in group) == pairs
    assert all(len(group) <= most for group in groups)
    assert all(len({i for pair in group for i in pair}) ** 2 <= 4 * most for group in groups)


def test_a_thousand_photos_are_told_in_minutes_and_gigabytes():
    cost = estimate([(1600, 1200)] * 1000, len(choose_pairs(1000, False)), 2)
    assert 1800 < cost.seconds < 6 * 3600 and 1e9 < cost.memory < 1e10 and 1e9 < cost.disk < 1e10
    assert " min, " in cost.words and cost.words.count(" GB") == 2


def test_more_threads_take_less_time_and_more_memory():
    one, four = (estimate([(1600, 1200)] * 40, 780, threads) for threads in (1, 4))
    many = estimate([(1600, 1200)] * 40, 780, 10_000)
    assert many.seconds > 0.05 * one.seconds  # poses are found on one
    assert four.seconds < one.seconds and four.memory > one.memory and four.disk == one.disk


def test_pictures_of_known_poses_are_matched_with_those_most_like_them():
    poses = orbit(count=60, step=6.0)  # once around
    turned_away = poses.copy()
    turned_away[:, :3, [0, 2]] *= -1.0  # from the same places, the other way: nothing is seen by both
    pairs = near_pairs(np.concatenate([poses, turned_away]), most=6)
    assert len(pairs) == len(set(pairs)) <= 6 * 120 and all(i < j for i, j in pairs)
    steps = {min((j - i) % 60, (i - j) % 60) for i, j in pairs if j < 60}
    assert {1, 2, 3} <= steps and max(steps) <= 6, "neighbours, across the end, too"
    assert not [(i, j) for i, j in pairs if i < 60 <= j]
    few = near_pairs(poses[:5])
    assert few == [(i, j) for i in range(5) for j in range(i + 1, 5)]
