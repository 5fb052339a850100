"""Poses that are fitted with a small sphere: they come closer to the truth, and the run keeps them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from neurfield.fields import Shaded
from neurfield.fitting.aligned_pose import aligned_pose
from neurfield.inputs import Run, finish, fit
from neurfield.inputs.scene.input import SceneInput
from neurfield.parts import load_config
from neurfield.rendering.poses import RefinedPoses
from neurfield.scenes import Cameras, Scene
from neurfield.scenes.poses_file import frame_names, with_poses
from tests.fitting.conftest import CENTRE, RADIUS, SMALL
from tests.fitting.round_scenes import RoundScene
from tests.fitting.test_rays_step import task_of

OVERRIDES = [*SMALL, "points.fused_depth=off", "data.sensor_depth=off", "poses=refined", "poses.rate=0.003"]


def disturbed(scene: Scene, degrees: float = 1.0, share: float = 0.01, seed: int = 3) -> Scene:
    """The scene without depth whose cameras are turned, and moved by a share of their distance."""
    random = np.random.default_rng(seed)
    poses = scene.cameras.world_from_cam.copy()
    axes, ways = (random.normal(size=(len(scene), 3)) for _ in range(2))
    axes, ways = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (axes, ways))
    poses[:, :3, :3] = Rotation.from_rotvec(np.radians(degrees) * axes).as_matrix() @ poses[:, :3, :3]
    poses[:, :3, 3] += share * 1.5 * ways
    cameras = replace(scene.cameras, world_from_cam=poses)
    box = np.stack([CENTRE - 1.3 * RADIUS, CENTRE + 1.3 * RADIUS])
    return scene.with_box(box).without("depth", "sensor_depth").seen_by(cameras, scene.files, None)


def pixels_off(cameras: Cameras, true: Cameras) -> float:
    """How far a point of the surface lands from where it is seen, at the median."""
    points = CENTRE + RADIUS * np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0], [0, -1, 0], [0, 0, -1]])
    off = [cameras.project(i, points)[0] - true.project(i, points)[0] for i in range(len(true))]
    return float(np.median(np.linalg.norm(np.concatenate(off), axis=1)))


def test_poses_that_are_off_come_closer_to_the_truth(sphere_scene: Scene, tmp_path: Path) -> None:
    scene = disturbed(sphere_scene, degrees=2.0, share=0.02)
    run = fit(scene, "neus", steps=300, out=tmp_path, overrides=OVERRIDES, quiet=True)
    before = pixels_off(scene.cameras, sphere_scene.cameras)
    after = pixels_off(run.task.rays.poses.cameras(), sphere_scene.cameras)
    assert before > 1.2 and after < 0.5 * before, (before, after)


@pytest.mark.parametrize("color", ["idr", "intrinsic", "latent"])
def test_every_colour_leads_poses(sphere_scene: Scene, tmp_path: Path, color: str) -> None:
    overrides = [f"color={color}", *OVERRIDES, "polish=off"]
    run = fit(disturbed(sphere_scene), "neus", steps=8, out=tmp_path, overrides=overrides, quiet=True)
    task, moment = run.task, run.task.moment(4, 0.5)
    task._at(moment)
    assert task.rays is not None and task.rays.poses is not None and task.rays.poses.move(moment)
    drawn = task.rays.draw(task.field, [], moment)
    look, _ = task.rays.look(task.field, task.color, drawn, moment)
    rgb = look.rendered("surface").rgb
    gradients = torch.autograd.grad(rgb.sum(), list(task.rays.poses.parameters()), retain_graph=True)
    assert all(bool(one.any()) and bool(one.isfinite().all()) for one in gradients)


@pytest.mark.parametrize("color", ["idr", "intrinsic", "latent"])
def test_colours_are_differentiable_in_the_points_where_that_is_asked(color: str) -> None:
    part = load_config("neus", overrides=[f"color={color}"]).needed("color")
    torch.manual_seed(0)
    made = part.make_of({"seed": lambda: 0, "feature_dim": lambda: 4, "codes": lambda: 0})
    points = (torch.rand(9, 3) - 0.5).requires_grad_()
    normal = torch.nn.functional.normalize(torch.randn(9, 3), dim=1)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(std=0.1)
    shaded = made(points, torch.randn(9, 4), normal, made.encode_views(normal), points_gradient=True)
    rgb = shaded.rgb if isinstance(shaded, Shaded) else shaded
    (gradient,) = torch.autograd.grad(rgb.sum(), points)
    assert (gradient.norm(dim=1) > 0.0).all()


@pytest.fixture(scope="module")
def moved(sphere_scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A short run in which poses have moved, of a scene with frames held out."""
    run = fit(
        disturbed(sphere_scene), "neus", steps=12, out=tmp_path_factory.mktemp("runs"), quiet=True,
        overrides=[*OVERRIDES, "data.holdout_every=5", "train.warmup=0"],
    )  # fmt: skip
    finish(run)
    return run


def test_a_runs_folder_has_the_poses(moved: Run, sphere_scene: Scene) -> None:
    cameras = moved.task.rays.poses.cameras()
    frames = json.loads((moved.folder / "poses.json").read_text())["frames"]
    fitted = moved.task.scene
    assert [f["file_path"] for f in frames] == frame_names(fitted) and len(frames) == len(fitted) < 12
    assert all(f["turn_degrees"] > 0.0 and f["shift"] > 0.0 for f in frames)
    laid = with_poses(sphere_scene, moved.folder / "poses.json")
    kept = moved.held_out
    names = frame_names(laid)
    for i, name in enumerate(frame_names(fitted)):
        np.testing.assert_allclose(
            laid.cameras.world_from_cam[names.index(name)], cameras.world_from_cam[i], atol=1e-12
        )
    given = sphere_scene.cameras.world_from_cam
    np.testing.assert_array_equal(laid.cameras.world_from_cam[kept], given[kept])


def test_pictures_are_drawn_from_where_cameras_stand_now(moved: Run) -> None:
    now, given = moved.cameras_now.world_from_cam, moved.used.cameras.world_from_cam
    np.testing.assert_array_equal(now[moved.held_out], given[moved.held_out])
    fitted = np.setdiff1d(np.arange(len(given)), moved.held_out)
    np.testing.assert_array_equal(now[fitted], moved.task.rays.poses.cameras().world_from_cam)
    assert np.abs(now[fitted] - given[fitted]).max() > 1e-4


def test_a_held_out_picture_is_aligned_to_a_field_that_stays_as_it_is(
    sphere_scene: Scene, tmp_path: Path
) -> None:
    scene = disturbed(sphere_scene, degrees=0.0, share=0.0)
    run = fit(scene, "neus", steps=200, out=tmp_path, overrides=OVERRIDES[:-2], quiet=True)
    off = disturbed(sphere_scene, degrees=2.0, share=0.02).cameras
    before = {name: tensor.clone() for name, tensor in run.task.state().items()}
    aligned = off.world_from_cam.copy()
    for i in range(3):
        aligned[i] = aligned_pose(run.task, off, i, scene.image(i), scene.mask(i))
    assert all(torch.equal(before[name], tensor) for name, tensor in run.task.state().items())
    assert all(parameter.grad is None for parameter in run.field.parameters())
    few, true = np.arange(3), sphere_scene.cameras.select(np.arange(3))
    now = replace(off.select(few), world_from_cam=aligned[:3])
    assert pixels_off(now, true) < 0.5 * pixels_off(off.select(few), true)
    nothing = np.zeros_like(scene.mask(0))
    np.testing.assert_array_equal(
        aligned_pose(run.task, off, 0, scene.image(0), nothing), off.world_from_cam[0]
    )


def test_scores_of_held_out_frames_say_that_they_were_aligned(moved: Run) -> None:
    images = json.loads((moved.folder / "metrics.json").read_text())["images"]
    assert images["frames"] == "held out" and images["poses"] == "aligned to the field"


def test_poses_are_part_of_a_checkpoint(moved: Run) -> None:
    again = Run.load(moved.folder, scene=moved.scene.path, device="cpu")
    turn, shift = again.task.rays.poses.turn, again.task.rays.poses.shift
    assert torch.equal(turn, moved.task.rays.poses.turn) and torch.equal(shift, moved.task.rays.poses.shift)
    assert float(turn.detach().abs().max()) > 0.0


def test_poses_move_only_when_they_may_and_coarse_levels_go_first(sphere_scene: Scene) -> None:
    task = task_of(disturbed(sphere_scene), "poses=refined", "poses.start=0.3", "poses.stop=0.6")
    poses = task.rays.poses if task.rays is not None else None
    assert isinstance(poses, RefinedPoses)
    optimiser_groups = {group.name: group for group in task.groups()}
    assert optimiser_groups["poses"].learning_rate == poses.rate and optimiser_groups["poses"].sparse
    levels = task.field.encoding.levels
    for step, moves in ((20, False), (40, True), (70, False)):
        report = task.step(step, step / 100)
        poses.zero_grad(set_to_none=True)
        report.total().backward()
        reached = [p.grad is not None and bool(p.grad.abs().sum() > 0) for p in (poses.turn, poses.shift)]
        assert reached == [moves, moves] and ("poses" in report.losses) == moves
        assert (task.field.active_levels == levels) == (step == 70)
        assert (task.color.active_levels == task.color.encoding.levels) == (step == 70)


def test_only_what_is_rendered_against_pixels_leads_poses(sphere_scene: Scene) -> None:
    """Whatever else is asked of the field: it would lead cameras to where that is met."""
    found = []
    for more in ((), ("losses.eikonal=50", "losses.smooth=9")):
        task = task_of(disturbed(sphere_scene), "poses=refined", *more)
        poses = task.rays.poses if task.rays is not None else None
        assert isinstance(poses, RefinedPoses)
        for parameter in task.field.parameters():
            parameter.grad = torch.zeros_like(parameter)
        task.step(40, 0.4).total().backward()
        assert poses.turn.grad is not None and poses.shift.grad is not None
        found.append([*(p.grad for p in (poses.turn, poses.shift)), task.field.layers[0].weight.grad])
    for one, other in list(zip(*found))[:2]:
        assert float(one.norm()) > 0.0
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
    assert not torch.allclose(found[0][2], found[1][2]), "they lead the field"


def test_the_field_learns_from_moving_steps_as_from_others(
    sphere_scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That poses are asked for their gradient first neither takes from the field's nor adds to it."""
    tables = []
    for stop in (0.6, 0.4):  # a step at 0.5 in which poses move, and one in which they do not
        overrides = ("poses=refined", "poses.start=0.3", f"poses.stop={stop}", "poses.coarse=1.0")
        task = task_of(disturbed(sphere_scene), *overrides)
        for parameter in (*task.field.parameters(), *task.color.parameters()):
            parameter.grad = torch.zeros_like(parameter)
        report = task.step(50, 0.5)
        assert ("poses" in report.losses) == (stop == 0.6)
        report.total().backward()
        tables.append([task.field.layers[0].weight.grad, task.color.encoding.table.grad])
    for moving, still in zip(*tables):
        assert float(still.norm()) > 0.0
        torch.testing.assert_close(moving, still, rtol=1e-3, atol=1e-3 * float(still.abs().max()))


def test_a_room_is_warned_of(tmp_path: Path) -> None:
    opened = {}
    for inside in (True, False):
        scene = RoundScene(inside=inside).scene(folder=tmp_path / str(inside))
        config = load_config("neus", overrides=[*SMALL, "poses=refined", "device=cpu"])
        opened[inside] = SceneInput.fresh(scene, config, torch.device("cpu")).warnings()
    assert any("poses are refined in a room" in line for line in opened[True])
    assert not any("refined" in line for line in opened[False])


def test_a_fit_without_the_part_is_as_it_was(sphere_scene: Scene) -> None:
    assert load_config("neus").one("poses") is None
    task = task_of(sphere_scene)
    assert task.rays is not None and task.rays.poses is None
    assert not [name for name in task.state() if name.startswith("poses")]
