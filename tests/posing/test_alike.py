"""Which pictures may show the same, by words that are made of their own features."""

from __future__ import annotations

import numpy as np

from neurfield.posing.alike import alike_pairs


def walk(count: int = 40, seen: int = 60, step: int = 12) -> list[np.ndarray]:
    """Features of pictures on a walk: each sees a stretch of the things along it, and clutter of its own."""
    random = np.random.default_rng(3)
    things = random.integers(0, 180, (count * step + seen, 128))
    pictures = []
    for i in range(count):
        stretch = things[i * step : i * step + seen] + random.normal(0, 6, (seen, 128))
        clutter = random.integers(0, 180, (30, 128))
        pictures.append(np.concatenate([stretch, clutter]).clip(0, 255).astype(np.uint8))
    return pictures


def test_neighbours_of_a_walk_are_found_in_any_order():
    pictures = walk()
    order = np.random.default_rng(4).permutation(len(pictures))
    pairs = alike_pairs([pictures[k] for k in order], nearest=4)
    apart = np.array([abs(int(order[i]) - int(order[j])) for i, j in pairs])
    assert (apart <= 4).mean() > 0.8  # five steps on nothing is seen of what was seen before
    found = {frozenset((int(order[i]), int(order[j]))) for i, j in pairs}
    assert sum(frozenset((k, k + 1)) in found for k in range(len(pictures) - 1)) > 0.9 * len(pictures)


def test_pairs_are_few_ordered_and_the_same_again():
    pairs = alike_pairs(walk(), nearest=4)
    assert pairs == alike_pairs(walk(), nearest=4) == sorted(set(pairs))
    assert all(i < j for i, j in pairs) and len(pairs) <= 4 * 40


def test_pictures_without_features_are_like_none():
    nothing = np.zeros((0, 128), np.uint8)
    assert alike_pairs([], 4) == alike_pairs([nothing, nothing], 4) == []
    pairs = alike_pairs([nothing, *walk(6)], 2)
    assert pairs and all(i > 0 for i, _ in pairs)


def test_what_all_pictures_show_tells_nothing():
    """Grass (a) and sky (b) are in every picture, in shares that go across the pairs that show one thing."""
    random = np.random.default_rng(3)
    a, b = random.integers(0, 256, (2, 1, 128), np.uint8)
    things = random.integers(0, 256, (3, 120, 128), np.uint8)
    pictures = []
    for k in range(6):
        grass = 280 if k % 2 else 10
        pictures.append(np.concatenate([things[k // 2], a.repeat(grass, 0), b.repeat(290 - grass, 0)]))
    assert alike_pairs(pictures, 1) == [(0, 1), (2, 3), (4, 5)]
