"""The disturbed capture is disturbed by what it says and nowhere else; nothing is fitted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import trimesh

from benchmarks import object_render
from benchmarks.disturbed.__main__ import BACKGROUND, EXPOSURE, rows
from benchmarks.disturbed.capture import (
    DISTURBANCES,
    HELD_OUT_EVERY,
    NEWSPAPER,
    Capture,
    gains,
    passer_by,
    visited,
    walk,
    write_disturbed,
)
from benchmarks.disturbed.scores import mesh_in_truth, pose_numbers
from neurfield.evaluation.registration import moved, moved_poses
from neurfield.parts import load_config
from neurfield.pixels import fitted_and_held_out
from neurfield.scenes import Scene, load_scene
from tests.benchmarks.test_object_table import AT, BOX, red_box

VIEWS = 16
FITTED, HELD_OUT = fitted_and_held_out(VIEWS, HELD_OUT_EVERY)
MOTION = trimesh.transformations.rotation_matrix(0.3, [1, -2, 3])
MOTION[:3, :3] *= 1.7
MOTION[:3, 3] = 0.4, -0.5, 0.6


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> Scene:
    folder = tmp_path_factory.mktemp("clean")
    object_render.write_views(folder, red_box(), walk(BOX, VIEWS, 48))
    return load_scene(folder).without("mask")


def capture(*disturbances: str) -> Capture:
    return Capture(VIEWS, 48, disturbances=frozenset(disturbances))


def changed(scene: Scene, clean: Scene) -> set[int]:
    """Frames whose pictures differ."""
    return {i for i in range(VIEWS) if not np.array_equal(scene.image(i), clean.image(i))}


def test_a_walk_sees_the_object_from_all_around_and_no_two_cameras_are_held_alike() -> None:
    cameras = walk(BOX, 40, 320)
    centre = BOX.mean(axis=0)
    for i in range(40):
        uv, z = cameras.project(i, centre[None])
        assert z[0] > 0 and (np.abs(uv[0] - [160, 120]) < [60, 45]).all()
    around = np.sort(np.arctan2(*(cameras.centers - centre)[:, 1::-1].T))
    assert np.diff(around).max() < np.radians(40)
    assert (cameras.centers[:, 2] > BOX[1, 2]).all(), "nobody looks from below the table"
    assert len(np.unique(cameras.world_from_cam[:, :3, :3].round(3), axis=0)) == 40


def test_exposure_drifts_by_what_is_said_about_the_held_out_one() -> None:
    gain = np.log2(gains(VIEWS, 0.5))
    assert np.ptp(gain[FITTED]) == pytest.approx(0.5) and gain[FITTED].mean() == pytest.approx(0.0)
    assert not gain[HELD_OUT].any() and not np.log2(gains(VIEWS, 0.0)).any()


def test_a_third_of_the_fitted_pictures_has_somebody_in_it() -> None:
    somebody = visited(40)
    fitted, held_out = fitted_and_held_out(40, HELD_OUT_EVERY)
    assert not somebody[held_out].any() and somebody[fitted].mean() == pytest.approx(1 / 3, abs=0.03)


def test_passers_by_are_of_a_size_and_differ() -> None:
    drawn = [passer_by(240, 320, seed) for seed in range(12)]
    shares = [where.mean() for _, where in drawn]
    assert min(shares) > 0.01 and max(shares) < 0.25
    assert len({where.tobytes() for _, where in drawn}) == 12
    colours, where = drawn[0]
    assert colours[where].std() > 10


@pytest.mark.parametrize("disturbance", ["exposure", "passers-by", "poses"])
def test_each_switch_changes_what_it_is_called_and_no_held_out_frame(
    clean: Scene, disturbance: str, tmp_path: Path
) -> None:
    scene = write_disturbed(clean, capture(disturbance), tmp_path / "disturbed")
    seen = {"exposure": set(FITTED.tolist()), "passers-by": set(np.flatnonzero(visited(VIEWS)).tolist())}
    assert changed(scene, clean) == seen.get(disturbance, set())
    poses, true = (one.cameras.world_from_cam for one in (scene, clean))
    off = set(np.flatnonzero(np.abs(poses - true).max(axis=(1, 2)) > 1e-9).tolist())
    assert off == (set(FITTED.tolist()) if disturbance == "poses" else set())


def test_all_at_once_leaves_held_out_frames_clean(clean: Scene, tmp_path: Path) -> None:
    scene = write_disturbed(clean, capture(*DISTURBANCES), tmp_path / "disturbed")
    assert changed(scene, clean) == set(FITTED.tolist())
    poses, true = (one.cameras.world_from_cam[HELD_OUT] for one in (scene, clean))
    np.testing.assert_allclose(poses, true, atol=1e-12)


def test_pose_numbers_are_of_the_cameras_laid_on_the_true_ones(clean: Scene, tmp_path: Path) -> None:
    elsewhere = replace(clean.cameras, world_from_cam=moved_poses(clean.cameras.world_from_cam, MOTION))
    np.testing.assert_allclose(pose_numbers(elsewhere, clean), 0.0, atol=1e-5)
    off = write_disturbed(clean, capture("poses"), tmp_path / "disturbed").cameras
    degrees, place, pixels = pose_numbers(off, clean)
    assert 0.3 < degrees < 1.0 and 0.5 < place < 1.5 and pixels > 0.2


def test_a_mesh_is_carried_from_the_fits_world_into_the_true_one() -> None:
    mesh = trimesh.creation.box(bounds=BOX)
    fitted = trimesh.Trimesh(moved(np.asarray(mesh.vertices), MOTION), mesh.faces, process=False)
    run = SimpleNamespace(mesh=lambda resolution: fitted)
    found = mesh_in_truth(run, np.linalg.inv(MOTION))
    np.testing.assert_allclose(found.vertices, mesh.vertices, atol=1e-9)


def test_the_newspaper_has_something_to_match_everywhere() -> None:
    u, v = np.meshgrid(np.arange(0.0, 0.6, 0.004), np.arange(0.0, 0.6, 0.004))
    points = np.stack([u.ravel(), v.ravel(), np.full(u.size, AT[2])], axis=1).astype(np.float32)
    light = NEWSPAPER(points, np.tile(np.float32([0, 0, 1]), (len(points), 1)))
    assert light.min() >= 0.0 and light.max() <= 1.0
    blocks = light.mean(axis=1).reshape(6, 25, 6, 25).std(axis=(1, 3))
    assert blocks.min() > 0.05


def test_rows_leave_out_the_parts_that_they_name() -> None:
    for name, row in rows().items():
        config = load_config("photos", overrides=row.settings())
        assert (config.one("exposure") is not None) == (EXPOSURE in row.parts), name
        assert (config.one("background").name == "constant") == (BACKGROUND not in row.parts), name
        assert (config.one("poses") is not None) == (name == "refined in the fit"), name
