from __future__ import annotations

import json

import numpy as np
import pytest
from known_room import (
    FRAMES,
    KNOWN,
    assert_cameras,
    assert_consistent,
    assert_depth,
    drawn,
    write_millimetres,
    write_picture,
)
from tiny_scenes import HEIGHT, WIDTH

from neurfield.errors import UserError
from neurfield.scenes import check_scene, load_scene


def write_log(file, entries=range(FRAMES)):
    text = ""
    for i in entries:
        rows = "\n".join(" ".join(f"{v:.12g}" for v in row) for row in KNOWN.world_from_cam[i])
        text += f"{i} {i} {FRAMES}\n{rows}\n"
    file.write_text(text)


def write_barn(folder, images="", scale=1):
    """Tanks and Temples: pictures are counted from 1, intrinsics as Open3D writes them."""
    for i in range(FRAMES):
        write_picture(folder / images / f"{i + 1:06d}.png", drawn(i)[1])
    write_log(folder / "Barn_COLMAP_SfM.log")
    (folder / "console.log").write_text("INFO started\nINFO done\n")
    fx, fy, cx, cy = (getattr(KNOWN, name)[0] * scale for name in ("fx", "fy", "cx", "cy"))
    matrix = [fx, 0, 0, 0, fy, 0, cx - 0.5, cy - 0.5, 1]
    camera = {"width": WIDTH * scale, "height": HEIGHT * scale, "intrinsic_matrix": matrix}
    (folder / "intrinsic.json").write_text(json.dumps(camera))
    return folder


@pytest.mark.parametrize("images", ["", "images", "color"])
def test_each_pose_has_its_picture(tmp_path, images):
    scene = load_scene(write_barn(tmp_path / "Barn", images))
    assert_cameras(scene)
    assert scene.name == "Barn"
    assert all(np.array_equal(scene.image(i), drawn(i)[1]) for i in range(FRAMES))
    assert not any(finding.level == "error" for finding in check_scene(scene))


def test_intrinsics_of_larger_pictures_are_scaled(tmp_path):
    assert_cameras(load_scene(write_barn(tmp_path, scale=4)))


def test_a_trajectory_of_some_pictures_says_which(tmp_path):
    write_barn(tmp_path)
    write_log(tmp_path / "Barn_COLMAP_SfM.log", [1, 2, 5])
    scene = load_scene(tmp_path)
    assert_cameras(scene, KNOWN.select(np.array([1, 2, 5])))
    assert np.array_equal(scene.image(2), drawn(5)[1])


def test_depth_beside_colour_as_open3d_writes_it(tmp_path):
    write_barn(tmp_path, "color")
    for i in range(FRAMES):
        write_millimetres(tmp_path / "depth" / f"{i:05d}.png", drawn(i)[0])
    scene = load_scene(tmp_path)
    for i in range(FRAMES):
        assert_depth(scene, "sensor_depth", i, drawn(i)[0])
        assert_consistent(scene, i)


def test_of_two_trajectories_the_path_of_one(tmp_path):
    write_barn(tmp_path / "Barn")
    write_log(tmp_path / "Barn" / "mine.log", [0, 1])
    with pytest.raises(UserError, match=r"several trajectories \(Barn_COLMAP_SfM.log, mine.log\): name one"):
        load_scene(tmp_path / "Barn")
    scene = load_scene(tmp_path / "Barn" / "mine.log")
    assert len(scene) == 2 and scene.name == "Barn-mine"


def no_intrinsics(folder):
    (folder / "intrinsic.json").unlink()


def words_for_numbers(folder):
    (folder / "intrinsic.json").write_text('{"width": 64, "height": 48}')


def rows_for_columns(folder):
    data = json.loads((folder / "intrinsic.json").read_text())
    data["intrinsic_matrix"] = [0, 0, 0, 0, 0, 0, 0, 0, 1]
    (folder / "intrinsic.json").write_text(json.dumps(data))


def cut_off(folder):
    text = (folder / "Barn_COLMAP_SfM.log").read_text()
    (folder / "Barn_COLMAP_SfM.log").write_text(text[:-30])


def not_a_number(folder):
    text = (folder / "Barn_COLMAP_SfM.log").read_text().splitlines()
    text[11] = "nan 0 0 0"
    (folder / "Barn_COLMAP_SfM.log").write_text("\n".join(text))


def of_the_video(folder):
    write_log(folder / "Barn_COLMAP_SfM.log", [*range(FRAMES), *range(FRAMES)])


def no_pictures(folder):
    for path in folder.glob("*.png"):
        path.unlink()


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (no_intrinsics, r"intrinsic.json: no such file, and a trajectory has no focal lengths: write \{"),
        (words_for_numbers, "intrinsic.json: KeyError 'intrinsic_matrix': write"),
        (rows_for_columns, "intrinsic.json: focal lengths and sizes must be positive"),
        (cut_off, "Barn_COLMAP_SfM.log: .*three numbers, then four rows"),
        (not_a_number, "Barn_COLMAP_SfM.log:11: the pose holds NaN"),
        (of_the_video, "12 poses for 6 pictures in .*numbers do not tell"),
        (no_pictures, "no pictures in it: copy those of Barn_COLMAP_SfM.log"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_it(tmp_path, break_it, says):
    write_barn(tmp_path)
    break_it(tmp_path)
    with pytest.raises(UserError, match=says) as caught:
        load_scene(tmp_path)
    assert "\n" not in str(caught.value)
