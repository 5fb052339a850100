"""Which way is up: in worlds whose axes mean nothing, and as a file says."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from tiny_scenes import grey, look_at, ring_cameras, write_transforms

from neurfield.cli.main import main
from neurfield.errors import UserError
from neurfield.scenes import load_scene
from neurfield.scenes.convert import write_transforms as convert
from neurfield.scenes.upright import level_up

TURN = Rotation.from_euler("xyz", [50, 20, -70], degrees=True).as_matrix()


def tilted(directions: list[list[float]], roll: float = 0.0) -> np.ndarray:
    """Poses that look along directions in a world with z up, rolled by up to so many degrees; then turned."""
    poses = np.stack([look_at(np.zeros(3), np.array(way)) for way in directions])
    for k, pose in enumerate(poses):
        pose[:3, :3] = (
            TURN @ pose[:3, :3] @ Rotation.from_euler("z", roll * (-1) ** k, degrees=True).as_matrix()
        )
    return poses


def off(up: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip(TURN[:, 2] @ up, -1, 1))))


def test_cameras_that_look_down_do_not_tilt_up():
    around = [
        [np.cos(t), np.sin(t), -1.2] for t in np.linspace(0, 2, 9)
    ]  # a third of the way around, from above
    assert off(level_up(tilted(around))) < 0.01
    assert off(level_up(tilted(around, roll=3.0))) < 3.5


def test_cameras_that_do_not_turn_give_their_mean():
    side_by_side = [[1.0, 0.002 * k, 0.0] for k in range(6)]
    assert off(level_up(tilted(side_by_side))) < 0.1


def test_a_file_says_up(tmp_path):
    up = [0.6, 0.0, 0.8]
    write_transforms(tmp_path / "a", ring_cameras(np.zeros(3), count=6), {"fl_x": 40.0, "up": up}, grey)
    scene = load_scene(tmp_path / "a")
    np.testing.assert_allclose(scene.up, up)
    np.testing.assert_allclose(scene.with_frames(np.arange(3)).up, up)
    convert(scene, tmp_path / "b")
    np.testing.assert_allclose(load_scene(tmp_path / "b").up, up)


@pytest.mark.parametrize("up", [[0, 0], "z", [0, 0, 0], [1, None, 2]])
def test_what_is_no_direction_is_refused(tmp_path, up):
    write_transforms(tmp_path / "a", ring_cameras(np.zeros(3), count=6), {"fl_x": 40.0, "up": up}, grey)
    with pytest.raises(UserError, match=r"transforms\.json: up is"):
        load_scene(tmp_path / "a")


def test_notes_of_an_import_are_told(tmp_path, capsys):
    write_transforms(tmp_path / "a", ring_cameras(np.zeros(3), count=6), {"fl_x": 40.0}, grey)
    file = tmp_path / "a/transforms.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "import": {"notes": ["poses: doubtful"]}}))
    assert load_scene(tmp_path / "a").notes == ("poses: doubtful",)
    assert main(["scene", "info", str(tmp_path / "a")]) == 0
    assert "poses: doubtful" in capsys.readouterr().out
