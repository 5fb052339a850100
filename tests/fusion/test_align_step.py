"""A step of Gauss-Newton over all images, on a room of which the answer is known."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from neurfield.fusion.align_step import normal_equations, point_residuals
from neurfield.fusion.image_points import ImagePoints
from neurfield.fusion.prior_model import PARAMETERS, Meaning
from neurfield.fusion.prior_pairs import Pairs, draw_pairs
from neurfield.fusion.prior_views import PriorViews
from tests.fusion.painted_room import FRAMES, painted_room


@pytest.fixture(scope="module")
def views() -> PriorViews:
    return PriorViews.of(painted_room()[0])


def some_meaning() -> Meaning:
    values = torch.zeros(FRAMES, PARAMETERS)
    values[:, :2] = torch.tensor([1.0, 4.0]).log()
    return Meaning(values)


def no_pairs(views: PriorViews, meaning: Meaning) -> Pairs:
    generator = torch.Generator().manual_seed(0)
    pairs = draw_pairs(views, meaning, torch.ones(FRAMES, FRAMES), generator, 0.05)
    return dataclasses.replace(pairs, valid=torch.zeros_like(pairs.valid))


def points_of(views: PriorViews, meaning: Meaning, count: int = 4000) -> ImagePoints:
    """Points at the depths that a meaning gives their pixels."""
    generator = torch.Generator().manual_seed(1)
    image = torch.randint(FRAMES, (count,), generator=generator)
    uv = torch.rand(count, 2, generator=generator)
    depth = meaning.log_depth(image, views.look_up(image, uv)[0], uv)[0].exp()
    return ImagePoints(image, uv, depth)


def test_steps_lead_to_the_depth_of_the_points(views: PriorViews) -> None:
    wanted = some_meaning().values.clone()
    wanted[:, :2] += 0.1 * torch.randn(FRAMES, 2, generator=torch.Generator().manual_seed(0))
    points, meaning = points_of(views, Meaning(wanted)), some_meaning()
    for _ in range(6):
        pairs = no_pairs(views, meaning)
        meaning = Meaning(
            meaning.values + normal_equations(views, meaning, pairs, points, 0.3, warped=False).update()
        )
    off, _, even = point_residuals(views, meaning, points)
    assert even.float().mean() > 0.5 and off[even].abs().max() < 0.01


def test_a_point_on_a_jump_of_its_prior_says_nothing(views: PriorViews) -> None:
    x = torch.zeros_like(views.x)
    x[:, :, x.shape[2] // 2 :] = 1.0
    jumpy, meaning = dataclasses.replace(views, x=x), some_meaning()
    edge = torch.tensor([[0.5, 0.3], [0.5, 0.6]])
    points = ImagePoints(torch.tensor([0, 3]), edge, torch.tensor([2.0, 2.5]))
    pairs = no_pairs(jumpy, meaning)
    with_points = normal_equations(jumpy, meaning, pairs, points, 0.1, warped=True)
    without = normal_equations(jumpy, meaning, pairs, None, 0.1, warped=True)
    assert torch.equal(with_points.blocks.own, without.blocks.own)
    assert torch.equal(with_points.pull, without.pull)
    beside = ImagePoints(points.image, edge - torch.tensor([0.2, 0.0]), points.depth)
    assert not torch.equal(
        normal_equations(jumpy, meaning, pairs, beside, 0.1, warped=True).pull, without.pull
    )


def test_the_pull_is_the_slope_of_the_squares(views: PriorViews) -> None:
    """Where every residual is small beside the width, robust squares are plain ones."""
    meaning, width = some_meaning(), 1e4
    pairs = draw_pairs(views, meaning, torch.ones(FRAMES, FRAMES), torch.Generator().manual_seed(0), 0.05)
    normal = normal_equations(views, meaning, pairs, None, width, warped=False)
    first, second = torch.zeros(FRAMES, 2), torch.zeros(FRAMES, 2)
    weighted = (pairs.residual * pairs.valid)[..., None]
    first.index_add_(0, pairs.first.reshape(-1), (weighted * pairs.by_first[..., :2]).reshape(-1, 2))
    second.index_add_(0, pairs.second.reshape(-1), (weighted * pairs.by_second[..., :2]).reshape(-1, 2))
    torch.testing.assert_close(normal.pull, first + second, rtol=1e-3, atol=1e-2)


def test_a_step_is_that_of_the_dense_matrix(views: PriorViews) -> None:
    """The whole matrix of all images and parameters, made of the derivatives one by one, in float64."""
    meaning, width = some_meaning(), 1e4
    others = 1.0 - torch.eye(FRAMES)
    pairs = draw_pairs(views, meaning, others, torch.Generator().manual_seed(0), 0.05)
    normal = normal_equations(views, meaning, pairs, None, width, warped=True)
    rows = int(pairs.valid.sum())
    slopes = torch.zeros(rows, FRAMES, PARAMETERS, dtype=torch.float64)
    every = torch.arange(rows)
    slopes[every, pairs.first.expand_as(pairs.valid)[pairs.valid]] = pairs.by_first[pairs.valid].double()
    slopes[every, pairs.second.expand_as(pairs.valid)[pairs.valid]] = pairs.by_second[pairs.valid].double()
    flat = slopes.view(rows, -1)
    squares = flat.T @ flat
    dense = normal.blocks.dense().double()
    off_diagonal = ~torch.eye(len(dense), dtype=torch.bool)
    torch.testing.assert_close(dense[off_diagonal], squares[off_diagonal], rtol=1e-3, atol=1e-2)
    stiff = dense.diagonal() - 1.001 * squares.diagonal()
    assert float(stiff.min()) > 0.0
    pull = flat.T @ pairs.residual[pairs.valid].double()
    torch.testing.assert_close(normal.pull.view(-1).double(), pull, rtol=1e-3, atol=1e-2)
    solved = -torch.linalg.solve(dense, normal.pull.view(-1).double()).view(FRAMES, PARAMETERS)
    update = normal.update().double()
    torch.testing.assert_close(update[:, 2:], solved[:, 2:], rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(update[:, :2], solved[:, :2].clamp(-0.3, 0.3), rtol=1e-3, atol=1e-5)
