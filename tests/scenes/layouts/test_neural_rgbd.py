from __future__ import annotations

import numpy as np
import pytest
from known_room import (
    assert_cameras,
    assert_consistent,
    assert_depth,
    drawn,
    write_millimetres,
    write_picture,
)
from tiny_scenes import FLIP, HEIGHT, WIDTH, room_cameras

from neurfield.errors import UserError
from neurfield.scenes import Cameras, check_scene, load_scene

COUNT = 12  # img10 comes after img9
ROOM = Cameras(room_cameras(COUNT).world_from_cam, 41.0, 41.0, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT)


def write_rgbd(folder, depths=("depth",), lost=(), poses="poses.txt"):
    """The first of the depth folders is exact, each next one is 10 mm farther."""
    rows = []
    for i in range(COUNT):
        depth, colour = drawn(i, ROOM)
        write_picture(folder / "images" / f"img{i}.png", colour)
        for k, name in enumerate(depths):
            write_millimetres(folder / name / f"depth{i}.png", depth + 0.01 * k)
        pose = ROOM.world_from_cam[i] @ FLIP
        rows += [["nan"] * 4] * 4 if i in lost else [[f"{v:.12f}" for v in row] for row in pose]
    (folder / poses).write_text("\n".join(" ".join(row) for row in rows) + "\n")
    (folder / "focal.txt").write_text("41.0\n")
    return folder


@pytest.mark.parametrize("poses", ["poses.txt", "trainval_poses.txt"])
def test_cameras_pictures_and_depth(tmp_path, poses):
    scene = load_scene(write_rgbd(tmp_path, poses=poses))
    assert_cameras(scene, ROOM, atol=1e-9)
    assert scene.sources == {"image", "sensor_depth"} and scene.notes == ()
    for i in range(COUNT):
        depth, colour = drawn(i, ROOM)
        assert np.array_equal(scene.image(i), colour)
        assert_depth(scene, "sensor_depth", i, depth)
        assert_consistent(scene, i)
    assert not any(finding.level == "error" for finding in check_scene(scene))


def test_of_synthetic_scenes_both_exact_and_measured_depth(tmp_path):
    scene = load_scene(write_rgbd(tmp_path, ("depth", "depth_with_noise", "depth_filtered")))
    assert_depth(scene, "depth", 10, drawn(10, ROOM)[0])
    assert_depth(scene, "sensor_depth", 10, drawn(10, ROOM)[0] + 0.02)


def test_of_real_scenes_the_filtered_depth(tmp_path):
    scene = load_scene(write_rgbd(tmp_path, ("depth", "depth_filtered")))
    assert "depth" not in scene.sources
    assert_depth(scene, "sensor_depth", 10, drawn(10, ROOM)[0] + 0.01)


def test_lost_poses_are_left_out_and_counted(tmp_path):
    scene = load_scene(write_rgbd(tmp_path, lost=[0, 10]))
    assert_cameras(scene, ROOM.select(np.array([*range(1, 10), 11])), atol=1e-9)
    assert "poses of 2 of 12 frames were lost" in scene.notes[0]
    assert_depth(scene, "sensor_depth", 9, drawn(11, ROOM)[0])


def rewritten(name, change):
    def break_it(folder):
        lines = (folder / name).read_text().splitlines()
        (folder / name).write_text("\n".join(change(lines)) + "\n")

    return break_it


def all_lost(folder):
    (folder / "poses.txt").write_text("nan nan nan nan\n" * 4 * COUNT)


def no_pictures(folder):
    for path in (folder / "images").iterdir():
        path.unlink()


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (rewritten("poses.txt", lambda lines: lines[:-1]), "poses.txt: 47 rows, expected four a frame"),
        (rewritten("poses.txt", lambda lines: lines[:-4]), r"img11.png: poses.txt has 11 poses and none"),
        (rewritten("poses.txt", lambda lines: ["9 0 0 0", *lines[1:]]), "poses.txt:1: the pose is not a rot"),
        (rewritten("poses.txt", lambda lines: ["x 0 0 0", *lines[1:]]), "poses.txt:1: .*expected 4 numbers"),
        (rewritten("focal.txt", lambda lines: ["-41"]), "focal.txt: .*write one focal length"),
        (all_lost, "all poses of the 12 pictures hold nan"),
        (no_pictures, "images: no pictures in it: looked for img0.png"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_it(tmp_path, break_it, says):
    break_it(write_rgbd(tmp_path))
    with pytest.raises(UserError, match=says) as caught:
        load_scene(tmp_path)
    assert "\n" not in str(caught.value)
