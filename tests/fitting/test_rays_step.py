"""What a step of a scene hands to its losses: points, neighbours, heads and columns, each in its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from neurfield.fields import make_sdf
from neurfield.fitting import task as tasks
from neurfield.fitting.scene import SceneTask
from neurfield.losses.seen import Seen
from neurfield.losses.weighted import WeightedLoss, losses_of
from neurfield.moment import geometric
from neurfield.parts import load_config, needs
from neurfield.points import PointSet, Uniform
from neurfield.rendering import Constant, OpacityNow, VolSDF
from neurfield.scenes import Scene
from neurfield.scenes.images import FileList
from tests.fitting.conftest import SMALL
from tests.fitting.test_cropped_box import HALF
from tests.pixels.test_pixels import some_masks

CPU = torch.device("cpu")
FEW = ("sampler.rays=64", "sampler.samples=0", "train.steps=100")


def task_of(scene: Scene, *overrides: str) -> SceneTask:
    return SceneTask(scene, load_config("neus", overrides=[*SMALL, *FEW, "device=cpu", *overrides]), CPU)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Seen]:
    """What losses were shown."""
    found: list[Seen] = []

    def watch(seen: Seen, losses: Mapping[str, WeightedLoss]) -> dict[str, Tensor]:
        found.append(seen)
        return losses_of(seen, losses)

    monkeypatch.setattr(tasks, "losses_of", watch)
    return found


def test_joined_points_and_neighbours_are_answered_where_they_are(
    sphere_scene: Scene, looks: list[Seen], monkeypatch: pytest.MonkeyPatch
) -> None:
    task = task_of(sphere_scene, "points.fused_depth=off", "losses.smooth=1")
    drawn: list[PointSet] = []
    sets = Uniform.sets

    def noted(self: Uniform, *tensors: Tensor) -> dict[str, PointSet]:
        made = sets(self, *tensors)
        drawn.extend(made.values())
        return made

    monkeypatch.setattr(Uniform, "sets", noted)
    task.step(3, 0.5)
    (seen,), (uniform,) = looks, drawn
    there = task.field.query(uniform.points, gradient=True)
    torch.testing.assert_close(seen.points["uniform"].sdf, there.sdf, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(seen.points["uniform"].gradient, there.gradient, rtol=1e-3, atol=1e-4)
    answers = seen.rays.answers
    assert seen.gradients is not None and seen.pairs is not None
    assert torch.equal(seen.gradients, torch.cat([answers.gradient, seen.points["uniform"].gradient]))
    everywhere = answers.everywhere.gradient
    assert everywhere is not None
    assert len(everywhere) == len(answers.t) + len(uniform.points) + len(seen.pairs[1])
    assert len(seen.pairs[0]) == len(seen.pairs[1]) == 512
    assert torch.equal(seen.pairs[1], everywhere[-512:])
    # A neighbour is a small step away: nearly the same direction, and not the same number.
    turn = torch.nn.functional.cosine_similarity(*seen.pairs, dim=1)
    assert turn.median() > 0.99 and not torch.equal(*seen.pairs)
    assert seen.moment.step == 3 and "points.uniform" in seen.offers


def test_a_step_without_joined_points_or_neighbours_looks_at_rays_alone(
    sphere_scene: Scene, looks: list[Seen]
) -> None:
    task = task_of(sphere_scene, "points.fused_depth=off", "losses.smooth=0", "losses.eikonal=0")
    report = task.step(0, 0.5)
    (seen,) = looks
    assert not task.sources and not seen.points and seen.pairs is None and len(report.losses) >= 2
    answers = seen.rays.answers
    assert seen.gradients is not None and len(seen.gradients) == len(answers.t)


def test_a_joined_source_that_draws_nothing_takes_no_part(
    sphere_scene: Scene, looks: list[Seen], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Uniform, "draw", lambda self, moment: ())
    task = task_of(sphere_scene, "points.fused_depth=off")
    assert task.step(0, 0.5).losses["eikonal"].isfinite() and not looks[0].points


def test_joined_points_may_fade_and_have_neighbours_of_their_own(
    sphere_scene: Scene, looks: list[Seen], monkeypatch: pytest.MonkeyPatch
) -> None:
    sets, beside = Uniform.sets, []

    def more(self: Uniform, *tensors: Tensor) -> dict[str, PointSet]:
        (one,) = sets(self, *tensors).values()
        beside.append(one.points[:7] + 1e-3)
        fading = replace(one, beside=beside[-1], fades=True)
        return {"uniform": one, "fading": fading}

    @needs("points.fading")
    def mean(seen: Seen) -> Tensor:
        return torch.ones(())

    monkeypatch.setattr(Uniform, "sets", more)
    monkeypatch.setattr(Uniform, "hold", lambda self, moment: 0.25)
    task = task_of(sphere_scene, "points.fused_depth=off", "losses.smooth=1")
    task.losses["mean"] = WeightedLoss(mean, 8.0, {})
    assert task.step(0, 0.5).losses["mean"].item() == 2.0
    (seen,) = looks
    assert seen.points["uniform"].hold == 1.0 and seen.points["fading"].hold == 0.25
    assert seen.pairs is not None and len(seen.pairs[0]) == len(seen.pairs[1]) == 7 + 512
    assert torch.equal(seen.pairs[0][:7], seen.points["fading"].gradient[:7])
    there = task.field.query(beside[0], gradient=True).gradient
    torch.testing.assert_close(seen.pairs[1][:7], there, rtol=1e-3, atol=1e-4)


def test_heads_of_the_field_reach_the_losses(sphere_scene: Scene, looks: list[Seen]) -> None:
    @needs("heads.segment", "pixels.rgb")
    def segment(seen: Seen) -> Tensor:
        return seen.rays.answers.heads["segment"].square().mean()

    @needs("heads.other")
    def other(seen: Seen) -> Tensor:
        raise AssertionError("evaluated")

    task = task_of(sphere_scene, "points.fused_depth=off")
    task.field = make_sdf(0, {"segment": 2}, levels=4, log2_table_size=10, finest_resolution=32, hidden=(16,))
    task.losses |= {"segment": WeightedLoss(segment, 1.0, {}), "other": WeightedLoss(other, 1.0, {})}
    report = task.step(0, 0.5)
    assert "heads.segment" in looks[0].offers and "heads.other" not in looks[0].offers
    assert looks[0].rays.answers.heads["segment"].shape == (len(looks[0].rays.answers.t), 2)
    assert "segment" in report.losses and "other" not in report.losses
    (by_head,) = torch.autograd.grad(report.losses["segment"], task.field.layers[-1].bias)
    assert by_head[1:3].any() and not by_head[3:].any()


def test_segments_are_a_column_where_the_scene_keeps_them(sphere_scene: Scene, looks: list[Seen]) -> None:
    numbers = np.arange(48 * 48, dtype=np.int32).reshape(48, 48)
    paths = tuple(Path(f"{i}") for i in range(len(sphere_scene)))
    files = {**sphere_scene.files, "segment": FileList(paths, lambda path: 10_000 * int(path.name) + numbers)}
    scene = Scene("segments", sphere_scene.path, sphere_scene.cameras, files, box=sphere_scene.box)
    task = task_of(scene, "points.fused_depth=off")
    assert task.rays is not None
    pixels = task.rays.reader.batch(2, 64)
    segment = pixels.columns["segment"]
    assert segment.dtype == torch.int64 and torch.equal(segment // 10_000, pixels.camera)
    chosen = task.rays.reader.chooser.choose(2, 64)
    np.testing.assert_array_equal(segment.numpy() % 10_000, 48 * chosen.row + chosen.column)
    task.step(2, 0.5)
    assert "pixels.segment" in looks[0].offers
    task_of(sphere_scene, "points.fused_depth=off").step(2, 0.5)
    assert "pixels.segment" not in looks[1].offers


@pytest.mark.parametrize("learn", [False, True])
def test_a_fit_that_starts_warm_is_as_sharp_as_its_surface(sphere_scene: Scene, learn: bool) -> None:
    widths = (
        "passes.surface.width_start=0.08",
        "passes.surface.width_end=0.01",
        "passes.surface.width_warm=0.02",
    )
    learnt = f"passes.surface.learn={str(learn).lower()}"
    for start, first in (("fused_depth", 0.02), ("off", 0.08)):
        others = (learnt, "sampler.truncation=0.1", "polish=off")
        task = task_of(sphere_scene, f"points.fused_depth={start}", *widths, *others)
        moment = task.moment(60, 0.6)
        assert moment.warm == (start == "fused_depth") and moment.alone == (0.25 if moment.warm else 0.0)
        assert moment.since == (35 if moment.warm else 60)
        expected = 0.08 if learn else geometric(first, 0.01, 0.6)
        assert task.rays is not None
        widest = task.rays.sampler.widest(moment, guided=not moment.warm)
        found = task.step(60, 0.6).figures["width"]
        assert found == pytest.approx(min(expected, widest) * task.frame.half, rel=1e-5)


def test_every_pass_is_shown_and_is_learnt_by_its_own_loss(sphere_scene: Scene, looks: list[Seen]) -> None:
    task = task_of(sphere_scene.without("sensor_depth"), "points.fused_depth=off")
    assert task.rays is not None
    task.rays.passes["density"] = VolSDF(width_start=0.05, learn=True)

    @needs("passes.density", "pixels.rgb")
    def density(seen: Seen) -> Tensor:
        return (seen.rendered("density").rgb - seen.pixels.rgb).abs().mean()

    task.losses["density"] = WeightedLoss(density, 1.0, {})
    report = task.step(0, 0.5)
    assert {"passes.surface", "passes.density"} <= looks[0].offers
    surface, second = (looks[0].rendered(label) for label in ("surface", "density"))
    assert surface.answers is second.answers and not torch.equal(surface.opacity, second.opacity)
    (width,) = task.rays.passes["density"].parameters()
    assert torch.autograd.grad(report.losses["density"], width)[0].any()
    assert any(group.name == "width" and group.parameters[0] is width for group in task.groups())
    assert "passes.density.log_width" in task.state() and "passes.surface.log_width" in task.state()


def test_a_background_for_everything_stands_behind_every_ray(sphere_scene: Scene, looks: list[Seen]) -> None:
    task = task_of(sphere_scene.without("mask", "sensor_depth"), "points.fused_depth=off")
    for background in (None, Constant(red=1.0)):
        assert task.rays is not None
        task.rays.background = background
        task.step(0, 0.5)
    black, red = (seen.rendered("surface") for seen in looks)
    torch.testing.assert_close(red.opacity, black.opacity)
    more = red.rgb - black.rgb
    torch.testing.assert_close(more[:, 0], 1.0 - black.opacity, rtol=1e-4, atol=1e-5)
    assert not more[:, 1:].any()
    assert torch.equal(looks[0].pixels.rgb, looks[1].pixels.rgb)  # what is asked for is the picture


def test_rays_of_a_fit_that_starts_warm_do_not_look_for_depth(sphere_scene: Scene, looks: list[Seen]) -> None:
    for start in ("fused_depth", "off"):
        task_of(sphere_scene, f"points.fused_depth={start}").step(60, 0.6)
    warm, cold = (next(seen for seen in looks[k:] if seen.of_rays) for k in (0, len(looks) - 1))
    assert warm.moment.warm and "pixels.t_depth" not in warm.offers
    assert not cold.moment.warm and "pixels.t_depth" in cold.offers


def test_colours_are_compared_where_mask_and_box_both_have_them(
    sphere_scene: Scene, looks: list[Seen]
) -> None:
    scene = some_masks(sphere_scene, "valid").with_box(HALF)
    task_of(scene, "points.fused_depth=off").step(0, 0.5)
    rays = looks[0].rays
    there, valid = ~rays.pixels.elsewhere(rays.truncation), rays.pixels.columns["mask"] > 0.5
    assert rays.compared is not None and torch.equal(rays.compared, there & valid)
    assert (there & ~valid).any() and (valid & ~there).any()


def test_neighbours_of_samples_lie_on_all_sides(sphere_scene: Scene) -> None:
    task = task_of(sphere_scene, "points.fused_depth=off", "losses.smooth={weight: 1, distance: 0.02}")
    assert task.rays is not None
    moment = task.moment(0, 0.5)
    pixels = task.rays.reader.batch(0, 64)
    pixels, samples = task.rays.sampler.sample(pixels, task.field, OpacityNow(VolSDF(), 0.05), moment)
    points, index = task.rays._beside(pixels.rays, samples, moment)
    ray = samples.ray_indices[index]
    t = 0.5 * (samples.t_starts + samples.t_ends)[index, None]
    offset = points - (pixels.rays.origins[ray] + t * pixels.rays.directions[ray])
    assert offset.abs().max() <= 0.02 + 1e-6 and offset.abs().amax(dim=0).min() > 0.019
    assert offset.mean(dim=0).abs().max() < 0.003


def test_the_pass_called_surface_leads(sphere_scene: Scene) -> None:
    first = task_of(sphere_scene, "passes.another.part=neus", "passes.surface=volsdf")
    assert first.rays is not None and list(first.rays.passes) == ["surface", "another"]
    others = task_of(
        sphere_scene, "passes.surface=off", "passes.b=volsdf", "passes.a=neus", "losses.color.at=a",
        "losses.mask=off", "losses.sensor_depth=off",
    )  # fmt: skip
    assert others.rays is not None and list(others.rays.passes) == ["a", "b"]


class Halved:
    """The pictures of camera 0 show half of the scene's colours, and a little grey."""

    def shown(self, rgb: Tensor, opacity: Tensor, camera: Tensor) -> Tensor:
        return torch.where((camera == 0)[:, None], 0.5 * rgb + 0.1 * opacity[:, None], rgb)


def test_an_exposure_is_seen_in_the_colours_of_its_pictures_alone(
    sphere_scene: Scene, looks: list[Seen]
) -> None:
    rendered = []
    for exposure in (None, Halved()):
        scene = sphere_scene.without("sensor_depth")
        task = task_of(scene, "points.fused_depth=off", "background=off")
        assert task.rays is not None
        task.rays.exposure = exposure
        task.step(50, 0.5)
        rendered.append(looks.pop().rays)
    plain, exposed = rendered
    assert plain is not None and exposed is not None
    first = exposed.pixels.camera == 0
    assert 0 < int(first.sum()) < len(first)
    one, other = plain.passes["surface"], exposed.passes["surface"]
    expected = 0.5 * one.rgb[first] + 0.1 * one.opacity[first, None]
    torch.testing.assert_close(other.rgb[first], expected)
    torch.testing.assert_close(other.rgb[~first], one.rgb[~first])


def test_only_a_background_that_is_learnt_is_seen_through_an_exposure(sphere_scene: Scene) -> None:
    task = task_of(sphere_scene)
    assert task.rays is not None
    rays, exposure = task.rays.reader.batch(0, 20).rays, Halved()
    camera, clear = torch.zeros(len(rays), dtype=torch.int64), torch.zeros(len(rays))
    learnt: Any = nn.Module()
    learnt.for_outlines, learnt.colors = False, Constant(red=1.0).colors
    for background, red in ((Constant(red=1.0), 1.0), (learnt, 0.6)):
        task.rays.background, task.rays.exposure = background, exposure
        behind = task.rays.behind(rays, camera, task.moment(0, 0.0), False, clear)
        assert behind is not None
        torch.testing.assert_close(behind[:, 0], torch.full_like(clear, red))
