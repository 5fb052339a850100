from __future__ import annotations

from dataclasses import replace

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
from scipy.spatial.transform import Rotation

from neurfield.errors import UserError
from neurfield.scenes import check_scene, load_scene
from neurfield.scenes.layouts.timestamps import nearest_in_time

START = 1305031102.1753  # seconds, as they are: float32 would not tell frames apart
TENTH = 10.0  # the known room's pictures are a tenth of the 640x480 of the data set's own cameras


def write_tum(folder, cameras=KNOWN, calibration=True):
    """Pictures every 33 ms, depth 9 ms later, poses every 10 ms; the poses between pictures are elsewhere."""
    lines = {
        "rgb.txt": ["# color images"],
        "depth.txt": ["# depth maps"],
        "groundtruth.txt": ["# trajectory"],
    }
    for i in range(FRAMES):
        time = START + i / 30
        name = f"{time:.6f}.png"
        depth, colour = drawn(i, cameras)
        write_picture(folder / "rgb" / name, colour)
        write_millimetres(folder / "depth" / f"{time + 0.009:.6f}.png", depth, 5000.0)
        lines["rgb.txt"].append(f"{time:.6f} rgb/{name}")
        lines["depth.txt"].append(f"{time + 0.009:.6f} depth/{time + 0.009:.6f}.png")
        for after in (-0.0104, 0.0021, 0.0123):
            pose = cameras.world_from_cam[i].copy()
            pose[:3, 3] += 100 * (after != 0.0021)
            numbers = [*pose[:3, 3], *Rotation.from_matrix(pose[:3, :3]).as_quat()]
            lines["groundtruth.txt"].append(f"{time + after:.4f} " + " ".join(f"{v:.12f}" for v in numbers))
    for name, text in lines.items():
        (folder / name).write_text("\n".join(text) + "\n")
    if calibration:
        fx, fy, cx, cy = (getattr(cameras, name)[0] for name in ("fx", "fy", "cx", "cy"))
        (folder / "calibration.txt").write_text(f"{fx} {fy} {cx - 0.5} {cy - 0.5}\n")
    return folder


def test_pictures_depth_and_poses_of_one_moment(tmp_path):
    scene = load_scene(write_tum(tmp_path))
    assert_cameras(scene, atol=1e-8)
    assert scene.sources == {"image", "sensor_depth"} and scene.notes == ()
    for i in range(FRAMES):
        depth, colour = drawn(i)
        assert np.array_equal(scene.image(i), colour)
        assert_depth(scene, "sensor_depth", i, depth, atol=2e-4)
        assert_consistent(scene, i)
    assert not any(finding.level == "error" for finding in check_scene(scene))


@pytest.mark.parametrize(
    ("name", "fx", "cx", "k1"),
    [
        ("rgbd_dataset_freiburg1_desk", 517.3, 318.6, 0.2624),
        ("fr2_xyz", 520.9, 325.1, 0.2312),
        ("rgbd_dataset_freiburg3_cabinet", 535.4, 320.1, None),
    ],
)
def test_the_data_sets_own_cameras_by_the_folders_name(tmp_path, name, fx, cx, k1):
    cameras = load_scene(write_tum(tmp_path / name, calibration=False)).cameras
    assert cameras.fx[0] == pytest.approx(fx / TENTH) and cameras.cx[0] == pytest.approx((cx + 0.5) / TENTH)
    assert (cameras.distortion is None) if k1 is None else cameras.distortion[3, 0] == k1


def test_distortion_of_a_calibration(tmp_path):
    folder = write_tum(tmp_path)
    (folder / "calibration.txt").write_text("40 41 30 20 0.1 -0.2 0.003 0.004")
    np.testing.assert_allclose(load_scene(folder).cameras.distortion[0], [0.1, -0.2, 0.003, 0.004, 0.0])


def test_a_calibration_is_of_pictures_of_any_size(tmp_path):
    cameras = replace(KNOWN, height=KNOWN.height - 9, width=KNOWN.width - 2)
    scene = load_scene(write_tum(tmp_path, cameras))
    assert_cameras(scene, cameras, atol=1e-8)


def test_pictures_without_a_pose_or_a_file_are_left_out_and_counted(tmp_path):
    folder = write_tum(tmp_path)
    lines = (folder / "groundtruth.txt").read_text().splitlines()
    (folder / "groundtruth.txt").write_text("\n".join(lines[:7] + lines[10:]))  # the third picture's
    sorted((folder / "rgb").iterdir())[4].unlink()
    sorted((folder / "depth").iterdir())[0].unlink()
    scene = load_scene(folder)
    assert_cameras(scene, KNOWN.select(np.array([0, 1, 3, 5])), atol=1e-8)
    assert (
        "1 of 6 pictures have no pose" in scene.notes[0] and "1 of 5 pictures are not there" in scene.notes[1]
    )
    assert scene.depth(0, "noisy") is None
    assert_depth(scene, "sensor_depth", 2, drawn(3)[0])


def test_the_nearest_in_time():
    times, others = np.array([5.0, 0.0, 1.24, 1.26, 9.0]), np.array([2.0, 0.5, 1.0, 5.2])
    np.testing.assert_array_equal(nearest_in_time(times, others, 1.0), [3, 1, 2, 2, -1])
    np.testing.assert_array_equal(nearest_in_time(times, np.zeros(0), 1.0), [-1] * 5)
    np.testing.assert_array_equal(nearest_in_time(np.zeros(0), others, 1.0), [])


def of_another_day(folder):
    lines = (folder / "groundtruth.txt").read_text().replace(f"{START:.0f}"[:6], "140503")
    (folder / "groundtruth.txt").write_text(lines)


def without_calibration(folder):
    (folder / "calibration.txt").unlink()


def five_numbers(folder):
    (folder / "calibration.txt").write_text("400 400 300 200 1")


def of_twice_the_size(folder):
    numbers = [2 * float(word) for word in (folder / "calibration.txt").read_text().split()]
    (folder / "calibration.txt").write_text(" ".join(map(str, numbers)))


def short_pose(folder):
    with open(folder / "groundtruth.txt", "a") as file:
        file.write("1305031102.2 1 2 3\n")


def no_turn(folder):
    lines = (folder / "groundtruth.txt").read_text().splitlines()
    lines[2] = lines[2].rsplit(" ", 4)[0] + " 0 0 0 0"
    (folder / "groundtruth.txt").write_text("\n".join(lines))


def no_file_named(folder):
    (folder / "rgb.txt").write_text("1305031102.175304\n")


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (of_another_day, "groundtruth.txt: no pose within 0.02 s of any of the 6 pictures"),
        (without_calibration, "calibration.txt: no such file, and 'seq' names none .* write fx fy cx cy"),
        (five_numbers, "calibration.txt: expected fx fy cx cy"),
        (
            of_twice_the_size,
            "calibration.txt: the principal point .* is not in the middle of pictures of 64x48",
        ),
        (short_pose, r"groundtruth.txt:20: 4 numbers, expected 8"),
        (no_turn, "groundtruth.txt: position and quaternion are .*0.0, 0.0, 0.0, 0.0.*take the frame out"),
        (no_file_named, "rgb.txt:1: .*a line is a time and a file"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_it(tmp_path, break_it, says):
    break_it(write_tum(tmp_path / "seq"))
    with pytest.raises(UserError, match=says) as caught:
        load_scene(tmp_path / "seq")
    assert "\n" not in str(caught.value)
