from __future__ import annotations

import json

import numpy as np
import pytest
from known_room import assert_cameras, drawn, write_picture
from PIL import Image
from scipy.spatial.transform import Rotation
from tiny_scenes import FLIP, HEIGHT, WIDTH, room_cameras

from neurfield.errors import UserError
from neurfield.scenes import Cameras, check_scene, load_scene

COUNT = 12
KNOWN = Cameras(
    room_cameras(COUNT).world_from_cam,
    np.linspace(40.0, 41.0, COUNT), np.linspace(42.0, 43.0, COUNT), 30.5, 25.0, WIDTH, HEIGHT,
)  # fmt: skip
ONE_LENS = Cameras(KNOWN.world_from_cam, 40.0, 42.0, 30.5, 25.0, WIDTH, HEIGHT)


def write_recording(folder, cameras=ONE_LENS, name="metadata", images="rgbd", depth="rgbd/{}.depth", **more):
    poses = []
    for i in range(COUNT):
        write_picture(folder / images / f"{i}.png", drawn(i, cameras)[1])
        (folder / images / f"{i}.png").rename(folder / images / f"{i}.jpg")  # exact, whatever its name
        if depth:
            (folder / depth.format(i)).parent.mkdir(exist_ok=True)
            (folder / depth.format(i)).write_bytes(b"bvx2 compressed")
        pose = cameras.world_from_cam[i] @ FLIP
        poses.append([*Rotation.from_matrix(pose[:3, :3]).as_quat(), *pose[:3, 3]])
    metadata = {"w": WIDTH, "h": HEIGHT, "dw": 32, "dh": 24, "fps": 60, "poses": poses}
    metadata["K"] = [40.0, 0, 0, 0, 42.0, 0, 30.5, 25.0, 1]
    (folder / name).write_text(json.dumps({**metadata, **more}))
    return folder


@pytest.mark.parametrize(
    ("name", "images", "depth"),
    [("metadata", "rgbd", "rgbd/{}.depth"), ("metadata.json", "rgb", "depth/{}.exr")],
)
def test_pictures_and_cameras_in_arkits_world(tmp_path, name, images, depth):
    scene = load_scene(write_recording(tmp_path, name=name, images=images, depth=depth))
    assert_cameras(scene, ONE_LENS)
    assert scene.sources == {"image"} and "depth is not read" in scene.notes[0]
    assert all(np.array_equal(scene.image(i), drawn(i, ONE_LENS)[1]) for i in range(COUNT))
    assert not any(finding.level == "error" for finding in check_scene(scene))


def test_a_lens_a_frame(tmp_path):
    rows = np.stack([KNOWN.fx, KNOWN.fy, KNOWN.cx, KNOWN.cy], axis=1).tolist()
    scene = load_scene(write_recording(tmp_path, KNOWN, depth="", perFrameIntrinsicCoeffs=rows))
    assert_cameras(scene, KNOWN)
    assert scene.notes == ()


def test_pictures_that_are_gone_are_left_out_and_counted(tmp_path):
    (write_recording(tmp_path, depth="") / "rgbd" / "2.jpg").unlink()
    scene = load_scene(tmp_path)
    assert_cameras(scene, ONE_LENS.select(np.array([0, 1, *range(3, COUNT)])))
    assert scene.notes == ("1 of 12 pictures are not there and are left out",)


def test_pictures_of_another_size_than_the_metadata_says(tmp_path):
    write_recording(tmp_path, depth="")
    for file in (tmp_path / "rgbd").iterdir():
        Image.open(file).resize((WIDTH // 2, HEIGHT // 2)).save(file, "PNG")
    assert load_scene(tmp_path).cameras.fx[0] == 20.0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"poses": [[0, 0, 0, 1]] * COUNT}, r"metadata: poses has shape \(12, 4\), expected 7"),
        ({"poses": None}, "metadata: poses "),
        ({"poses": [[0, 0, 0, 0, 1, 2, 3]] * COUNT}, "metadata: pose 0: position and quaternion are"),
        ({"K": [1, 2]}, "metadata: K is missing or not nine numbers"),
        ({"K": [0.0] * 9}, "metadata: focal lengths must be positive"),
        ({"w": "wide"}, "metadata: w or h is missing or no number"),
        ({"h": 0}, "metadata: w and h are"),
        ({"perFrameIntrinsicCoeffs": [[1, 1, 1, 1]]}, "1 perFrameIntrinsicCoeffs for 12 poses"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_it(tmp_path, change, says):
    with pytest.raises(UserError, match=says) as caught:
        load_scene(write_recording(tmp_path, **change))
    assert "\n" not in str(caught.value)


def test_no_pictures_and_no_json(tmp_path):
    for file in (write_recording(tmp_path, depth="") / "rgbd").iterdir():
        file.unlink()
    with pytest.raises(UserError, match="rgbd: no picture of the 12 poses in it"):
        load_scene(tmp_path)
    (tmp_path / "metadata").write_text("{cut off")
    with pytest.raises(UserError, match="metadata: not readable JSON"):
        load_scene(tmp_path)
