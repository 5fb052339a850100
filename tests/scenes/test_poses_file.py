"""Poses that a fit refined, written and laid onto the scene again."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tiny_scenes import FOCAL, grey, look_at, ring_cameras, write_transforms

from neurfield.cli.main import main
from neurfield.errors import UserError
from neurfield.scenes import Scene, load_scene
from neurfield.scenes.poses_file import frame_names, with_poses, write_poses

CENTRE = np.array([0.4, -0.3, 0.2])


@pytest.fixture
def scene(tmp_path):
    write_transforms(tmp_path / "ring", ring_cameras(CENTRE), {"fl_x": FOCAL}, grey)
    return load_scene(tmp_path / "ring")


def moved(scene):
    """Its cameras, each looking a little aside and standing a little higher."""
    ring = scene.cameras
    poses = np.stack([look_at(c + np.array([0, 0, 0.1]), CENTRE + 0.05) for c in ring.centers])
    return replace(ring, world_from_cam=poses)


def test_poses_come_back_for_the_frames_that_were_fitted(scene, tmp_path):
    some = np.array([2, 5, 11])
    cameras = moved(scene).select(some)
    write_poses(tmp_path / "poses.json", scene.with_frames(some), cameras)
    frames = json.loads((tmp_path / "poses.json").read_text())["frames"]
    assert [f["file_path"] for f in frames] == ["images/002.png", "images/005.png", "images/011.png"]
    assert all(f["shift"] == pytest.approx(0.1) and 0.1 < f["turn_degrees"] < 10.0 for f in frames)
    laid = with_poses(scene, tmp_path / "poses.json").cameras.world_from_cam
    np.testing.assert_allclose(laid[some], cameras.world_from_cam, atol=1e-12)
    others = np.setdiff1d(np.arange(len(scene)), some)
    np.testing.assert_array_equal(laid[others], scene.cameras.world_from_cam[others])


def test_a_frame_is_called_by_its_place_in_the_scene(scene, tmp_path):
    assert frame_names(scene)[3] == "images/003.png"
    (tmp_path / "elsewhere").mkdir()
    assert frame_names(scene.at(tmp_path / "elsewhere"))[3] == (tmp_path / "ring/images/003.png").as_posix()
    assert frame_names(Scene("none", tmp_path, scene.cameras, {}))[3] == "3"


def test_a_scene_is_converted_with_refined_poses(scene, tmp_path):
    write_poses(tmp_path / "poses.json", scene, moved(scene))
    out = tmp_path / "out"
    asked = ["scene", "convert", str(scene.path), "--out", str(out), "--poses", str(tmp_path / "poses.json")]
    assert main(asked) == 0
    np.testing.assert_allclose(
        load_scene(out).cameras.world_from_cam, moved(scene).world_from_cam, atol=1e-12
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "no poses.json of a run"),
        ("{}", "no poses.json of a run"),
        ('{"frames": [{"file_path": "a.png", "transform_matrix": [[1]]}]}', "no frame of"),
        (
            '{"frames": [{"file_path": "images/003.png", "transform_matrix": [[1]]}]}',
            "003.png is no 4x4 matrix",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line(scene, tmp_path, text, says):
    (tmp_path / "poses.json").write_text(text)
    with pytest.raises(UserError, match=says):
        with_poses(scene, tmp_path / "poses.json")
    with pytest.raises(UserError, match=r"none.json: no poses.json"):
        with_poses(scene, tmp_path / "none.json")
