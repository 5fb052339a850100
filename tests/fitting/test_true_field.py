"""The true field in a fit's place costs nothing, whatever the source, and a wrong source costs: so frames,
axes, signs and depths along the ray or the axis are as they are meant, from the files to the loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neurfield.fitting.scene import SceneTask
from neurfield.fitting.view import render_camera
from neurfield.parts import load_config
from neurfield.points import FusedDepth
from neurfield.points.fuse_scene import VolumePoints
from neurfield.scenes import Scene
from tests.fitting.round_scenes import ExactColor, ExactField, RoundScene, ambiguous

SHARP = (
    "field.levels=4", "field.log2_table_size=10", "field.finest_resolution=32",
    "passes.surface.width_start=0.003", "passes.surface.width_end=0.003",
    "sampler.rays=600", "sampler.samples=0", "sampler.occupancy_resolution=64", "sampler.step_min=0.001",
    "sampler.step=0.4", "sampler.max_samples=200", "sampler.truncation=0.03",
    "losses.smooth=1", "losses.sensor_sdf=1", "losses.sensor_free=1", "losses.sensor_depth=1",
    "losses.prior_depth=1", "losses.prior_normal=1", "losses.prior_depth.decay=0",
    "losses.prior_normal.decay=0", "losses.mask=1", "losses.eikonal=1", "losses.fused_sdf=1",
    "losses.fused_free=1", "losses.fused_normal=1", "device=cpu",
)  # fmt: skip
COLD, FUSED = "points.fused_depth=off", "points.fused_depth.part=fused_depth"


def volume_of(task: SceneTask) -> VolumePoints | None:
    """What the scene's depth says together."""
    return next(source.volume for source in task.sources if isinstance(source, FusedDepth))


def task_of(truth: RoundScene, scene: Scene, kind: str = "neus", *overrides: str) -> SceneTask:
    """A task whose field and colour are the truth's, a sphere's."""
    priors = [f"data.{name}={str(name in scene.sources).lower()}" for name in ("prior_depth", "prior_normal")]
    start = () if FUSED in overrides else (COLD,)
    config = load_config("neus", overrides=[*SHARP, f"passes.surface={kind}", *priors, *start, *overrides])
    task = SceneTask(scene, config, torch.device("cpu"))
    radius = float(truth.axes[0]) / task.frame.half
    task.field = ExactField(task.field, radius, truth.inside)  # type: ignore[assignment]
    task.color = ExactColor(truth, task.frame.half, radius)  # type: ignore[assignment]
    return task


def losses_of(task: SceneTask, progress: float = 1.0) -> dict[str, float]:
    torch.manual_seed(0)
    return {name: float(value) for name, value in task.step(5, progress).losses.items()}


@pytest.mark.parametrize("kind", ["neus", "volsdf"])
def test_a_room_that_is_true_costs_nothing(kind: str) -> None:
    truth = RoundScene()
    found = losses_of(task_of(truth, truth.scene("prior_depth", "prior_normal"), kind))
    assert found["prior_depth"] < 1e-4 and found["prior_normal"] < 0.02
    assert found["color"] < 0.005 and found["eikonal"] < 1e-6 and found["smooth"] < 0.02


@pytest.mark.parametrize("kind", ["neus", "volsdf"])
def test_sensed_depth_of_a_true_room_costs_nothing(kind: str) -> None:
    truth = RoundScene()
    found = losses_of(task_of(truth, truth.scene("depth"), kind))
    assert found["sensor_sdf"] < 0.01 and found["sensor_free"] < 1e-4 and found["sensor_depth"] < 5e-3
    assert found["color"] < 0.005


@pytest.mark.parametrize("kind", ["neus", "volsdf"])
def test_an_object_that_is_true_costs_nothing(kind: str) -> None:
    truth = RoundScene(inside=False)
    found = losses_of(task_of(truth, truth.scene("mask"), kind))
    assert found["mask"] < 0.05 and found["color"] < 0.015  # a few pixels see the rim


def test_what_is_not_true_costs() -> None:
    truth = RoundScene()
    along_the_ray = truth.scene("prior_depth", prior_depth=lambda seen: ambiguous(seen["t"]))
    not_turned = truth.scene(
        "prior_normal", prior_normal=lambda seen: seen["world_normal"].astype(np.float32)
    )
    assert losses_of(task_of(truth, along_the_ray))["prior_depth"] > 0.02
    assert losses_of(task_of(truth, not_turned))["prior_normal"] > 0.3
    too_far = truth.scene("depth", depth=lambda seen: (1.05 * seen["z"]).astype(np.float32))
    found = losses_of(task_of(truth, too_far))
    assert found["sensor_sdf"] > 0.5 and found["sensor_depth"] > 0.01
    outside = RoundScene(inside=False)
    inverted = outside.scene("mask", mask=lambda seen: ~seen["mask"])
    assert losses_of(task_of(outside, inverted))["mask"] > 1.0


def test_priors_fade_as_they_are_told_to() -> None:
    truth = RoundScene()
    not_turned = truth.scene(
        "prior_normal", prior_normal=lambda seen: seen["world_normal"].astype(np.float32)
    )
    task = task_of(truth, not_turned, "neus", "losses.prior_normal.decay=2.0", "passes.surface.anneal=0")
    first, last = (losses_of(task, progress)["prior_normal"] for progress in (0.5, 1.0))
    assert last / first == pytest.approx(np.exp(-1.0), rel=0.05)


@pytest.mark.parametrize("inside", [True, False])
def test_a_picture_of_the_true_field_is_the_cameras(inside: bool) -> None:
    truth = RoundScene(inside=inside)
    task = task_of(truth, truth.scene())
    assert task.rays is not None
    task.rays.sampler.occupancy.update(task.field.sdf)
    for i in (0, 5):
        drawn, seen = render_camera(task, truth.cameras, i, 1.0), truth.see(i)
        clear = seen["mask"] & (seen["facing"] > 0.3)
        assert clear.sum() > 200
        assert np.abs(drawn["depth"] - seen["z"])[clear].max() < 0.01
        assert (drawn["normal"] * seen["world_normal"]).sum(axis=2)[clear].min() > 0.999
        assert np.abs(drawn["rgb"] / 255.0 - seen["color"])[clear].max() < 0.02
        assert (drawn["depth"] == 0.0)[~seen["mask"]].mean() > 0.95 if not inside else seen["mask"].all()


def test_the_figure_of_a_fit_is_the_psnr_of_what_it_draws() -> None:
    truth = RoundScene()
    darker = truth.scene(image=lambda seen: np.rint(255.0 * (seen["color"] - 0.1)).astype(np.uint8))
    figures = task_of(truth, darker).step(5, 1.0).figures
    assert float(figures["psnr"]) == pytest.approx(20.0, abs=0.5)  # dB of an error of a tenth


def test_masked_away_pixels_do_not_count_in_that_figure() -> None:
    truth = RoundScene(inside=False)
    darker = truth.scene(
        "mask", image=lambda seen: np.rint(255.0 * np.maximum(seen["color"] - 0.1, 0.0)).astype(np.uint8)
    )
    assert float(task_of(truth, darker).step(5, 1.0).figures["psnr"]) == pytest.approx(20.0, abs=1.0)


def test_the_volume_of_sensed_depth_is_the_room() -> None:
    room = RoundScene()
    task = task_of(room, room.scene("depth"), "neus", FUSED, "points.fused_depth.voxel=0.05")
    volume = volume_of(task)
    assert volume is not None and volume.normal is None
    true = room.axes[0] / task.frame.half - volume.points.norm(dim=1)
    near = (volume.weight > 0.3) & (volume.sdf.abs() * task.frame.half < 0.05)
    error = (volume.sdf - true)[near] * task.frame.half
    assert len(error) > 5000 and error.abs().mean() < 0.015 and error.mean().abs() < 0.003


def test_free_cubes_are_free_and_do_not_overlap() -> None:
    room = RoundScene()
    task = task_of(room, room.scene("depth"), "neus", FUSED, "points.fused_depth.voxel=0.03")
    volume = volume_of(task)
    assert volume is not None and len(volume.free) > 50
    drawn = volume.draw_free(4000, torch.Generator().manual_seed(0))
    assert (task.field.sdf(drawn) > 0).all()
    # They are cells of one lattice: a cube reaches half-way to its neighbours, and its own draws fill it.
    steps = torch.unique((volume.free[:, None] - volume.free[None]).abs().reshape(-1, 3)[:, 0])
    edge = float(steps[steps > 1e-4].min())
    assert 2.0 * volume.free_half == pytest.approx(edge, rel=1e-3)
    apart = (drawn[:, None] - volume.free[None]).abs().amax(dim=2).amin(dim=1)
    assert apart.max() <= volume.free_half * 1.001 and apart.max() > 0.9 * volume.free_half


def test_the_volume_of_aligned_priors_is_the_room() -> None:
    room = RoundScene((1.9, 1.5, 1.3))
    config = load_config("monosdf", overrides=[*SHARP, FUSED, "points.fused_depth.voxel=0.08"])
    task = SceneTask(room.scene("prior_depth", "prior_normal"), config, torch.device("cpu"))
    volume = volume_of(task)
    assert volume is not None and volume.normal is not None and volume.normal_weight is not None
    points = volume.points.double().numpy() * task.frame.half
    place = points / room.axes**2
    inwards = -place / np.linalg.norm(place, axis=1, keepdims=True)
    trusted = volume.normal_weight.numpy() > 0.5
    along = (volume.normal.numpy() * inwards).sum(axis=1)[trusted]
    assert trusted.sum() > 1000 and np.mean(along) > 0.99
    surface = points - volume.sdf.numpy()[:, None] * task.frame.half * inwards
    error = room.error(surface + task.frame.world_from_unit(np.zeros(3)))
    assert np.median(error[trusted]) < 0.08
