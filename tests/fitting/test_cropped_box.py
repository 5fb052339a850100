"""A fit to depth whose box leaves a part of the scene out: nothing outside of it is asked or trained."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch

from neurfield.fitting import task as tasks
from neurfield.fitting.scene import SceneTask
from neurfield.losses.seen import Seen
from neurfield.losses.weighted import WeightedLoss, losses_of
from neurfield.moment import Moment
from neurfield.parts import load_config
from neurfield.pixels import used_sources
from neurfield.rendering.opacity import NeuS, OpacityNow
from neurfield.rendering.volume import Rendered
from neurfield.scenes import Scene
from tests.fitting.conftest import CENTRE, RADIUS, SMALL

# One side of the sphere.
HALF = np.array([CENTRE - 1.1 * RADIUS, [CENTRE[0], *(CENTRE + 1.1 * RADIUS)[1:]]])


def cropped_task(scene: Scene, *overrides: str) -> SceneTask:
    config = load_config("neus", "default", [*SMALL, "points.fused_depth=off", *overrides])
    used = used_sources(scene.with_box(HALF), config.data)
    return SceneTask(used, config, torch.device("cpu"))


def test_samples_stay_in_the_box_and_so_in_the_fields_cube(sphere_scene: Scene) -> None:
    task = cropped_task(sphere_scene)
    assert task.rays is not None
    pixels = task.rays.reader.batch(0, 512)
    assert pixels.get("t_depth") is not None and pixels.elsewhere(0.0).any()
    moment = Moment(0, 0.0, generator=torch.Generator().manual_seed(0))
    assert task.rays.sampler.truncation(moment) == pytest.approx(0.048)
    now = OpacityNow(NeuS(), 0.01)
    pixels, samples = task.rays.sampler.sample(pixels, task.field, now, moment)
    t = torch.stack([samples.t_starts, samples.t_ends])
    rays = pixels.rays
    points = rays.origins[samples.ray_indices] + t[..., None] * rays.directions[samples.ray_indices]
    low, high = torch.tensor(task.unit_box).view(2, 3)
    middles = points.mean(dim=0)
    assert len(middles) > 1000 and ((middles >= low - 1e-4) & (middles <= high + 1e-4)).all()
    assert middles.abs().max() <= 1.0 + 1e-4


def test_a_pixel_whose_surface_is_not_in_the_box_has_no_colour_to_compare(
    sphere_scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = cropped_task(sphere_scene, "data.mask=false", "losses.smooth=0")
    looks: list[tuple[Rendered, torch.Tensor]] = []

    def watch(seen: Seen, losses: Mapping[str, WeightedLoss]) -> dict[str, torch.Tensor]:
        rays, rendered = seen.rays, seen.rendered("surface")
        outside, compared = rays.pixels.elsewhere(rays.truncation), rays.compared
        assert compared is not None and torch.equal(compared, ~outside) and outside.any()
        found = losses_of(seen, losses)
        (by_colour,) = torch.autograd.grad(found["color"], rendered.rgb, retain_graph=True)
        assert not by_colour[outside].any() and by_colour[compared].any()
        looks.append((rendered, outside))
        return found

    monkeypatch.setattr(tasks, "losses_of", watch)
    report = task.step(0, 0.5)
    assert len(looks) == 1 and all(torch.isfinite(loss) for loss in report.losses.values())


def test_masks_and_depth_without_a_volume_weigh_no_more_than_everything(
    sphere_scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = cropped_task(sphere_scene, "field.radius=0.8")  # which the true surface crosses
    assert task.color is not None
    task.color.forward = lambda points, *_, **__: torch.ones_like(points)  # type: ignore[method-assign]
    shown: list[torch.Tensor] = []

    def watch(seen: Seen, losses: Mapping[str, WeightedLoss]) -> dict[str, torch.Tensor]:
        shown.append(seen.rendered("surface").rgb.detach())
        assert {"mask", "t_depth"} <= seen.pixels.columns.keys()
        return losses_of(seen, losses)

    monkeypatch.setattr(tasks, "losses_of", watch)
    task.step(0, 0.5)
    # White in front of any colour: as bright as white at most.
    assert shown[0].max() <= 1.0 + 1e-5 and shown[0].max() > 0.5
