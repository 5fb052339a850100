"""MonoSDF's own losses: their closed form against a solver's, what counts in them, and by which gradients."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from neurfield.losses.of_field import eikonal
from neurfield.losses.of_monosdf import ROW, MonoSDFNormal, crossed, monosdf_depth, toward_prior
from neurfield.moment import Moment


def drawn(count: int, groups: int = 1) -> tuple[torch.Tensor, ...]:
    random = torch.Generator().manual_seed(0)
    depth = 1.0 + torch.rand(count, generator=random, dtype=torch.float64)
    target = 3.0 * depth - 1.0 + 0.2 * torch.randn(count, generator=random, dtype=torch.float64)
    counts = torch.rand(count, generator=random) > 0.2
    group = torch.arange(count) * groups // count
    return depth, target, counts, group


@pytest.mark.parametrize("count", [64, 97])
@pytest.mark.parametrize("groups", [1, 3])
def test_depth_is_carried_to_the_prior_by_least_squares(count: int, groups: int) -> None:
    depth, target, counts, group = drawn(count, groups)
    found = toward_prior(depth, target, counts, group, groups, 0.0)
    squares = 0.0
    for one in range(groups):
        own = (counts & (group == one)).numpy()
        columns = np.stack([depth.numpy()[own], np.ones(own.sum())], axis=1)
        _, residual, *_ = np.linalg.lstsq(columns, target.numpy()[own], rcond=None)
        squares += float(residual[0])
    assert found.item() == pytest.approx(squares / (2.0 * int(counts.sum())), rel=1e-5)
    # What only scales and shifts the rendered depth costs nothing, and is not asked for.
    depth = depth.requires_grad_()
    exact = toward_prior(depth, 2.0 * depth.detach() + 0.3, counts, group, groups, 0.0)
    exact.backward()
    assert exact.item() < 1e-9 and depth.grad is not None and depth.grad.abs().max() < 1e-6
    assert toward_prior(depth, 2.0 * depth.detach() + 0.3, counts, group, groups, 0.5).item() < 1e-9


def test_differences_are_of_pixels_beside_each_other_in_rows_of_the_batch() -> None:
    depth, target, counts, group = drawn(3 * ROW)
    plain, whole = (toward_prior(depth, target, counts, group, 1, share) for share in (0.0, 0.5))
    weight = counts.double().view(3, ROW)
    columns = torch.stack([depth[counts], torch.ones(int(counts.sum()), dtype=torch.float64)], dim=1)
    by, off = torch.linalg.lstsq(columns, target[counts, None]).solution[:, 0]
    error = (weight * (by * depth + off - target).view(3, ROW)).double()
    beside = (weight[:, 1:] * weight[:, :-1] * (error[:, 1:] - error[:, :-1]).abs()).sum()
    below = (weight[1:] * weight[:-1] * (error[1:] - error[:-1]).abs()).sum()
    assert (whole - plain).item() == pytest.approx(
        0.5 * float(beside + below) / float(weight.sum()), rel=1e-4
    )


def test_scale_and_shift_take_gradients() -> None:
    depth, target, counts, group = drawn(64)
    depth = depth.requires_grad_()

    def loss(depth: torch.Tensor) -> torch.Tensor:
        return toward_prior(depth, target, counts, group, 1, 0.5)

    (gradient,) = torch.autograd.grad(loss(depth), depth)
    for place in (3, 40):
        step = torch.zeros_like(depth)
        step[place] = 1e-3
        with torch.no_grad():
            numeric = float(loss(depth + step) - loss(depth - step)) / 2e-3
        assert gradient[place].item() == pytest.approx(numeric, rel=0.05, abs=1e-5)


def seen(sdf: list[list[float]], prior: torch.Tensor, distance: torch.Tensor) -> Any:
    rays, each = len(sdf), len(sdf[0])
    samples = SimpleNamespace(ray_indices=torch.arange(rays).repeat_interleave(each))
    pixels: Any = SimpleNamespace(
        columns={"prior_depth": prior}, rays=SimpleNamespace(z_per_t=torch.ones(rays)),
        group=torch.zeros(rays, dtype=torch.int64), groups=1, camera=torch.zeros(rays, dtype=torch.int64),
    )  # fmt: skip

    class Pixels(SimpleNamespace):
        def __len__(self) -> int:
            return rays

    pixels = Pixels(**vars(pixels))
    answers = SimpleNamespace(sdf=torch.tensor(sdf).reshape(-1))
    return SimpleNamespace(
        rays=SimpleNamespace(samples=samples, answers=answers), pixels=pixels,
        rendered=lambda label: SimpleNamespace(distance=distance, normal=torch.zeros(rays, 3)),
    )  # fmt: skip


def test_rays_count_that_cross_the_surface() -> None:
    of = seen([[0.3, 0.1], [0.2, -0.1], [-0.2, -0.1]], torch.ones(3), torch.ones(3))
    assert crossed(of).tolist() == [False, True, False]


def test_the_prior_s_unit_is_brought_to_the_paper_s() -> None:
    prior = torch.tensor([0.01, 0.02, 0.03, 0.045])
    distance = torch.tensor([1.0, 1.2, 2.0, 2.2])
    crossing = [[0.1, -0.1]] * 4
    as_paper = monosdf_depth(seen(crossing, prior, distance), typical=0.0)
    again = monosdf_depth(seen(crossing, 30.0 * prior, distance), typical=0.02)
    torch.testing.assert_close(as_paper, again)
    assert monosdf_depth(seen(crossing, 30.0 * prior, distance), typical=0.0) > 100.0 * as_paper


def test_normals_are_compared_in_the_camera_and_over_all_rays() -> None:
    turned = torch.tensor([[0.6, -0.8, 0.0], [0.8, 0.6, 0.0], [0.0, 0.0, 1.0]])
    pose = np.eye(4)[None].repeat(1, axis=0)
    pose[0, :3, :3] = turned.numpy()
    part = MonoSDFNormal(SimpleNamespace(world_from_cam=pose), torch.device("cpu"))  # type: ignore[arg-type]
    of = seen([[0.3, -0.1], [0.2, 0.1]], torch.ones(2), torch.ones(2))
    of.pixels.columns["prior_normal"] = torch.tensor([[1.0, 0.0, 0.0]]).repeat(2, 1)
    rendered = torch.tensor([[0.0, 2.0, 0.0]]).repeat(2, 1)
    of.rendered = lambda label: SimpleNamespace(normal=rendered)
    here, there = turned.T @ torch.tensor([0.0, 1.0, 0.0]), turned.T @ torch.tensor([1.0, 0.0, 0.0])
    one = float((here - there).abs().sum()) + 1.0
    assert part(of).item() == pytest.approx(one / 2.0, rel=1e-5)
    assert part(of).item() != pytest.approx(float(torch.tensor([2.0 + 1.0]).item()) / 2.0, rel=1e-3)


def test_slope_one_is_asked_of_one_sample_of_each_ray() -> None:
    packed = torch.tensor([[0, 3], [3, 0], [3, 2]])
    gradients = torch.tensor([[2.0, 0, 0]] * 3 + [[3.0, 0, 0]] * 2 + [[1.0, 0, 0]] * 2)
    moment = Moment(0, 0.0, generator=torch.Generator().manual_seed(0))
    of: Any = SimpleNamespace(
        gradients=gradients,
        moment=moment,
        of_rays=SimpleNamespace(samples=SimpleNamespace(packed_info=packed)),
    )
    assert eikonal(of, on_rays="one").item() == pytest.approx((1.0 + 4.0 + 0.0 + 0.0) / 4.0)
    assert eikonal(of).item() == pytest.approx((3 * 1.0 + 2 * 4.0) / 7.0)
    of.of_rays = None
    assert eikonal(of, on_rays="one").item() == pytest.approx((3 * 1.0 + 2 * 4.0) / 7.0)
