"""Photographs pull a surface to where they look alike, and let it be where they say nothing."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from neurfield.losses import patch_warp as module
from neurfield.losses.compared_views import ComparedViews
from neurfield.losses.patch_warp import PatchWarp
from neurfield.losses.seen import Seen
from neurfield.rays import Samples
from neurfield.rendering import Answers
from tests.losses.painted_sphere import (
    FRAME,
    RADIUS,
    SIZE,
    VIEWS,
    Ball,
    Paint,
    compared_views,
    look,
    painted,
    plain,
    shaded,
)  # fmt: skip

CPU = torch.device("cpu")


def warp(compared: ComparedViews, **numbers: float) -> PatchWarp:
    return PatchWarp(lambda: compared, FRAME, CPU, **numbers)  # type: ignore[arg-type]


def fitted(paint: Paint, ball: Ball, steps: int, noise: float = 0.0) -> Ball:
    loss = warp(compared_views(paint, noise))
    loss.prepare()
    descent = torch.optim.SGD(ball.parameters(), lr=2e-5, momentum=0.5)
    for step in range(steps):
        descent.zero_grad()
        loss(look(ball, step / steps, step)).backward()
        descent.step()
    return ball


@pytest.mark.parametrize("scale", [0.98, 1.02])
def test_a_painted_sphere_goes_to_its_true_size_and_place(scale: float) -> None:
    ball = fitted(painted, Ball(scale * RADIUS, (0.008, -0.006, 0.01)), 100)
    # Patches are planes: on a sphere they agree best a little inside of it.
    assert abs(ball.radius.item() / RADIUS - 1.0) < 2.5e-3
    assert ball.centre.abs().max() < 2e-3


def test_a_sphere_that_nothing_is_painted_on_stays_where_it_is() -> None:
    start = 1.02 * RADIUS
    bare, covered = (fitted(paint, Ball(start), 20, noise=1.0).radius.item() for paint in (plain, painted))
    assert abs(bare - start) < 0.02 * abs(covered - start)


def test_shading_alone_pulls_by_its_differences() -> None:
    for scale, sign in ((0.96, -1.0), (1.04, 1.0)):
        pulls = []
        for absolute in (1.0, 0.0):
            ball = Ball(scale * RADIUS)
            warp(compared_views(shaded), absolute=absolute)(look(ball, 0.9, 0, rays=600)).backward()
            pulls.append(sign * ball.radius.grad.item())  # type: ignore[union-attr]
        assert pulls[0] > 1.0 and abs(pulls[1]) < 0.2 * pulls[0]


@pytest.mark.parametrize("paint", [painted, shaded])
def test_the_gradient_is_that_of_differences(paint: Paint) -> None:
    loss, around = warp(compared_views(paint), absolute=0.8), 1.01 * RADIUS
    ball = Ball(around)
    loss(look(ball, 0.9, 5, rays=400, around=around)).backward()
    step = 1e-5
    below, above = (
        loss(look(Ball(around + offset), 0.9, 5, rays=400, around=around)).item() for offset in (-step, step)
    )
    assert ball.radius.grad is not None
    assert ball.radius.grad.item() == pytest.approx((above - below) / (2.0 * step), rel=0.05)


def drawn(monkeypatch: pytest.MonkeyPatch, loss: PatchWarp, seen: Seen) -> dict[str, Any]:
    """What the loss compares."""
    names, found = ("pictures", "reference", "uv", "depth", "normal", "sources"), {}

    def spy(*arguments: Any, **numbers: Any) -> Any:
        found.update(zip(names, arguments))
        return operation(*arguments, **numbers)

    operation = module.patch_warp
    monkeypatch.setattr(module, "patch_warp", spy)
    found["value"] = loss(seen)
    monkeypatch.setattr(module, "patch_warp", operation)
    return found


def test_half_pictures_and_fixed_normals_first_then_whole_pictures_and_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loss = warp(compared_views(painted), whole_from=0.3, normal_from=0.6)
    for progress, size, follows in ((0.2, SIZE // 2, False), (0.4, SIZE, False), (0.7, SIZE, True)):
        found = drawn(monkeypatch, loss, look(Ball(RADIUS), progress, 3))
        assert found["pictures"].grey.shape[1] == size
        assert found["normal"].requires_grad == follows and found["depth"].requires_grad
        found["value"].backward()
    assert found["sources"].shape[1] == 4 and len(found["uv"]) == 200


def test_points_are_compared_where_their_rays_see_them(monkeypatch: pytest.MonkeyPatch) -> None:
    loss = warp(compared_views(painted), rays=50)
    found = drawn(monkeypatch, loss, look(Ball(RADIUS), 0.9, 3))
    met = (found["sources"] >= 0).any(dim=1)
    assert len(met) == 50 and met.float().mean() > 0.8  # those that meet the surface come first
    pictures, camera = found["pictures"], found["reference"][met]
    flat = (found["uv"][met] - pictures.lens[camera, 2:]) / pictures.lens[camera, :2]
    point = torch.cat([flat, torch.ones_like(flat[:, :1])], dim=1) * found["depth"].detach()[met, None]
    pose = pictures.cam_from_world[camera].float()
    from_middle = point - (pose[:, :3, :3] @ torch.tensor(FRAME.centre) + pose[:, :3, 3])
    assert (from_middle.norm(dim=1) / FRAME.half - RADIUS).abs().max() < 2e-3
    outwards = from_middle / (RADIUS * FRAME.half)
    assert (outwards - found["normal"][met]).norm(dim=1).max() < 0.02


def test_what_stands_before_a_point_hides_it_and_what_lies_behind_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    views = compared_views(painted, depth=True)
    assert views.depth is not None
    seen = look(Ball(RADIUS), 0.9, 3)
    every = drawn(monkeypatch, warp(views), seen)["sources"]
    for factor, hides in ((0.8, True), (1.2, False), (0.999, False)):
        depth = views.depth.clone()
        depth[1::2] *= factor
        changed = dataclasses.replace(views, depth=depth)
        sources = drawn(monkeypatch, warp(changed), look(Ball(RADIUS), 0.9, 3))["sources"]
        assert (sources >= 0).any()
        odd = sources[(sources >= 0) & (sources % 2 == 1)]
        assert len(odd) == 0 if hides else torch.equal(sources, every)


def test_a_ray_that_counts_for_nothing_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = look(Ball(RADIUS), 0.9, 3)
    compared = torch.arange(200) < 3
    rays = dataclasses.replace(seen.rays, compared=compared)
    found = drawn(monkeypatch, warp(compared_views(painted)), dataclasses.replace(seen, of_rays=rays))
    assert (found["sources"] >= 0).any(dim=1).sum() <= 3


def test_where_nothing_can_be_compared_there_is_no_loss_and_no_pull() -> None:
    loss = warp(compared_views(painted))
    ball = Ball(3.0)  # every camera is inside
    value = loss(look(ball, 0.9, 0))
    value.backward()
    assert value.item() == 0.0 and (ball.radius.grad is None or ball.radius.grad.item() == 0.0)
    none = torch.zeros(0)
    seen = look(ball, 0.9, 0)
    samples = Samples(none.long(), none, none, torch.zeros(200, 2, dtype=torch.int64))
    sdf = none.clone().requires_grad_()
    answers = Answers(none, sdf, torch.zeros(0, 3), {}, None)  # type: ignore[arg-type]
    rays = dataclasses.replace(seen.rays, samples=samples, answers=answers)
    assert loss(dataclasses.replace(seen, of_rays=rays)).item() == 0.0


def test_a_step_says_the_same_twice() -> None:
    loss = warp(compared_views(painted), views=2, rays=60)
    values = [loss(look(Ball(RADIUS), 0.9, seed)).item() for seed in (4, 4, 5)]
    assert values[0] == values[1] != values[2]


def test_a_source_alone_does_not_count_unless_there_is_no_other() -> None:
    views = compared_views(painted)
    for width, counts in ((4, False), (1, True)):
        sources = torch.full((VIEWS, width), -1)
        sources[:, 0] = (torch.arange(VIEWS) + 1) % VIEWS
        alone = dataclasses.replace(views, sources=sources)
        assert (warp(alone)(look(Ball(1.03 * RADIUS), 0.9, 0)).item() > 0.0) == counts
