from __future__ import annotations

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
from tiny_scenes import HEIGHT, WIDTH

from neurfield.errors import UserError
from neurfield.scenes import check_scene, load_scene

VIDEO = "41069021"


def write_capture(folder, confidence=2):
    """Pictures 60 times a second of which every sixth has a pose, a millisecond off; the others are black."""
    lines = []
    for k in range(6 * FRAMES):
        i, posed = k // 6, k % 6 == 0
        time = 305.376 + k / 60
        depth, colour = drawn(i)
        name = f"{VIDEO}_{time:.3f}"
        write_picture(folder / f"lowres_wide/{name}.png", colour if posed else np.zeros_like(colour))
        write_millimetres(folder / f"lowres_depth/{name}.png", depth if posed else depth * 0 + 9)
        write_picture(folder / f"confidence/{name}.png", np.full(depth.shape, confidence, np.uint8))
        fx, fy, cx, cy = (getattr(KNOWN, n)[i] for n in ("fx", "fy", "cx", "cy"))
        (folder / "lowres_wide_intrinsics").mkdir(exist_ok=True)
        pincam = folder / f"lowres_wide_intrinsics/{VIDEO}_{time - 0.001:.3f}.pincam"
        pincam.write_text(f"{WIDTH} {HEIGHT} {fx} {fy} {cx} {cy}")
        if posed:
            cam_from_world = np.linalg.inv(KNOWN.world_from_cam[i])
            turn = Rotation.from_matrix(cam_from_world[:3, :3]).as_rotvec()
            numbers = [*turn, *cam_from_world[:3, 3]]
            lines.append(f"{time + 0.001:.6f} " + " ".join(f"{v:.12f}" for v in numbers))
    (folder / "lowres_wide.traj").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize("inner", ["", f"{VIDEO}_frames"])
def test_frames_with_a_pose_and_their_depth(tmp_path, inner):
    write_capture(tmp_path / VIDEO / inner)
    scene = load_scene(tmp_path / VIDEO)
    assert_cameras(scene, atol=1e-8)
    assert scene.name == VIDEO and scene.sources == {"image", "sensor_depth"} and scene.notes == ()
    for i in range(FRAMES):
        depth, colour = drawn(i)
        assert np.array_equal(scene.image(i), colour)
        assert_depth(scene, "sensor_depth", i, depth)
        assert_consistent(scene, i)
    assert not any(finding.level == "error" for finding in check_scene(scene))


@pytest.mark.parametrize(("confidence", "counts"), [(0, False), (1, True)])
def test_depth_of_the_lowest_confidence_is_left_out(tmp_path, confidence, counts):
    assert load_scene(write_capture(tmp_path, confidence)).depth(0, "noisy").any() == counts


def test_pictures_and_depth_that_are_gone_are_done_without(tmp_path):
    write_capture(tmp_path)
    sorted((tmp_path / "lowres_wide").iterdir())[6].unlink()
    sorted((tmp_path / "lowres_depth").iterdir())[12].unlink()
    scene = load_scene(tmp_path)
    assert_cameras(scene, KNOWN.select(np.array([0, 2, 3, 4, 5])), atol=1e-8)
    assert scene.depth(1, "noisy") is None and scene.depth(2, "noisy") is not None
    assert "1 of 6 poses have no picture" in scene.notes[0]


def of_another_capture(folder):
    lines = (folder / "lowres_wide.traj").read_text().splitlines()
    (folder / "lowres_wide.traj").write_text("\n".join("9" + line for line in lines))


def no_pictures(folder):
    for path in (folder / "lowres_wide").iterdir():
        path.unlink()


def no_intrinsics(folder):
    sorted((folder / "lowres_wide_intrinsics").iterdir())[6].unlink()


def wrong_intrinsics(folder):
    sorted((folder / "lowres_wide_intrinsics").iterdir())[6].write_text("64 48 0 40 32 24")


def short_line(folder):
    with open(folder / "lowres_wide.traj", "a") as file:
        file.write("306.1 0 0 0\n")


def not_a_number(folder):
    file = folder / "lowres_wide.traj"
    first, *rest = file.read_text().splitlines()
    file.write_text("\n".join([first.rsplit(" ", 1)[0] + " nan", *rest]))


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (of_another_capture, "lowres_wide.traj: none of its 6 poses is within 2 ms"),
        (no_pictures, "lowres_wide: no pictures in it"),
        (no_intrinsics, r"lowres_wide_intrinsics/41069021_305.476.pincam: no such file"),
        (wrong_intrinsics, r".pincam: expected width height fx fy cx cy"),
        (short_line, r"lowres_wide.traj:7: 4 numbers, expected 7"),
        (not_a_number, r"lowres_wide.traj: the pose .*nan.*take its line out"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_it(tmp_path, break_it, says):
    break_it(write_capture(tmp_path))
    with pytest.raises(UserError, match=says) as caught:
        load_scene(tmp_path)
    assert "\n" not in str(caught.value)
