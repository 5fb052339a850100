"""Coverage, minimum matching distance and 1-NN accuracy: what must hold of them whatever the shapes."""

from __future__ import annotations

import pytest
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from neurfield.ddmi.metrics import (
    chamfer_distances,
    compare,
    coverage,
    minimum_matching_distance,
    nearest_neighbour_accuracy,
)


def clouds(count: int, seed: int, away: float = 0.0) -> Tensor:
    """Boxes of random proportions."""
    random = torch.Generator().manual_seed(seed)
    sides = 0.3 + torch.rand(count, 1, 3, generator=random)
    return sides * torch.rand(count, 60, 3, generator=random) + away


def test_chamfer_is_that_of_a_tree_and_symmetric() -> None:
    first, second = clouds(3, 0), clouds(2, 1)[:, :37]
    found = chamfer_distances(first, second)
    for a, one in enumerate(first.numpy()):
        for b, other in enumerate(second.numpy()):
            there, back = cKDTree(other).query(one)[0], cKDTree(one).query(other)[0]
            assert float(found[a, b]) == pytest.approx(
                (there**2).mean() + (back**2).mean(), rel=1e-3, abs=1e-6
            )
    assert torch.allclose(found, chamfer_distances(second, first).T)
    assert float(chamfer_distances(first, first).diagonal().abs().max()) < 1e-5


def test_copies_cover_all_at_no_distance() -> None:
    true = clouds(6, 0)
    found = compare(true[torch.randperm(6)], true)
    assert found["coverage"] == 1.0 and found["matching_distance"] < 1e-5
    assert found["neighbour_accuracy"] == 0.0


def test_one_shape_again_and_again_covers_one() -> None:
    true = clouds(5, 0)
    assert compare(true[:1].repeat(5, 1, 1), true)["coverage"] == pytest.approx(0.2)


def test_what_lies_far_away_is_told_every_time() -> None:
    found = compare(clouds(6, 1, away=20.0), clouds(6, 0))
    assert found["neighbour_accuracy"] == 1.0 and found["matching_distance"] > 100.0


def test_draws_of_the_same_shapes_are_hardly_told() -> None:
    """Over several draws the accuracy is about a half: numbers stand for shapes, distances are exact."""
    total = 0.0
    for seed in range(20):
        random = torch.Generator().manual_seed(seed)
        a, b = torch.rand(40, 1, generator=random), torch.rand(40, 1, generator=random)
        total += nearest_neighbour_accuracy((a - a.T).abs(), (a - b.T).abs(), (b - b.T).abs())
    assert total / 20 == pytest.approx(0.5, abs=0.05)


def test_more_shapes_never_cover_less_nor_match_worse() -> None:
    between = torch.rand(12, 9, generator=torch.Generator().manual_seed(0))
    for count in range(1, 12):
        few, more = between[:count], between[: count + 1]
        assert coverage(more) >= coverage(few)
        assert minimum_matching_distance(more) <= minimum_matching_distance(few)


def test_the_order_of_shapes_and_points_means_nothing() -> None:
    new, true = clouds(5, 2), clouds(4, 3)
    found, turned = compare(new, true), compare(new.flip(0, 1), true.flip(0, 1))
    assert all(found[key] == pytest.approx(turned[key], rel=1e-4) for key in found)
