from __future__ import annotations

import json

import numpy as np
import pytest
from known_room import (
    FRAMES,
    KNOWN,
    assert_cameras,
    assert_consistent,
    drawn,
    normals_of,
    outline,
    pinhole_rays,
    write_picture,
)
from PIL import Image
from tiny_scenes import HEIGHT, ROOM, WIDTH

from neurfield.errors import UserError
from neurfield.scenes import Cameras, check_scene, load_scene

# The file's own world: scaled into a box of 2 around the room, and turned about z.
SCALE, MIDDLE = 3.0, ROOM.mean(axis=0)
TURN = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
TO_TRUTH = np.eye(4)
TO_TRUTH[:3, :3], TO_TRUTH[:3, 3] = SCALE * TURN, MIDDLE


def in_files(pose):
    """A pose of the room in the file's world."""
    moved = np.eye(4)
    moved[:3, :3] = TURN.T @ pose[:3, :3]
    moved[:3, 3] = TURN.T @ (pose[:3, 3] - MIDDLE) / SCALE
    return moved


def write_sdfstudio(folder, size=3, sensor=True, **more):
    """A scene with all that may lie beside its pictures; returns what the file holds, to be changed."""
    folder.mkdir(parents=True, exist_ok=True)
    frames = []
    for i, pose in enumerate(KNOWN.world_from_cam):
        depth, colour = drawn(i)
        write_picture(folder / f"{i:06d}_rgb.png", colour)
        np.save(folder / f"{i:06d}_depth.npy", (0.02 * depth + 0.1).astype(np.float32))
        normal = normals_of(pose, pinhole_rays(KNOWN, i))
        np.save(folder / f"{i:06d}_normal.npy", np.moveaxis((normal + 1) / 2, 2, 0).astype(np.float32))
        intrinsics = np.eye(size)
        own = KNOWN.fx[i], KNOWN.fy[i], KNOWN.cx[i], KNOWN.cy[i]
        intrinsics[[0, 1, 0, 1], [0, 1, 2, 2]] = own
        frame = {
            "rgb_path": f"{i:06d}_rgb.png",
            "camtoworld": in_files(pose).tolist(),
            "intrinsics": intrinsics.tolist(),
            "mono_depth_path": f"{i:06d}_depth.npy",
            "mono_normal_path": f"{i:06d}_normal.npy",
        }
        if sensor:
            np.save(folder / f"{i:06d}_sensor_depth.npy", (depth / SCALE).astype(np.float32))
            frame["sensor_depth_path"] = f"{i:06d}_sensor_depth.npy"
        frames.append(frame)
    box = {"aabb": [[-1, -1, -1], [1, 1, 1]], "near": 0.05, "far": 2.5, "radius": 1.0, "collider_type": "box"}
    data = {
        "camera_model": "OPENCV", "height": HEIGHT, "width": WIDTH, "has_mono_prior": True, "pairs": None,
        "worldtogt": TO_TRUTH.tolist(), "scene_box": box, "frames": frames, **more,
    }  # fmt: skip
    write_index(folder, data)
    return data


def write_index(folder, data):
    (folder / "meta_data.json").write_text(json.dumps(data))


@pytest.mark.parametrize("size", [3, 4])
@pytest.mark.parametrize("name", ["", "meta_data.json"])
def test_everything_in_the_world_of_the_true_surface(tmp_path, size, name):
    write_sdfstudio(tmp_path / "scan1", size)
    scene = load_scene(tmp_path / "scan1" / name)
    assert_cameras(scene)
    assert scene.name == "scan1" and scene.unit == "m" and scene.notes == ()
    np.testing.assert_allclose(scene.box, [MIDDLE - SCALE, MIDDLE + SCALE])
    assert scene.sources == {"image", "prior_depth", "prior_normal", "sensor_depth"}
    for i in range(FRAMES):
        depth, colour = drawn(i)
        assert np.array_equal(scene.image(i), colour)
        np.testing.assert_allclose(scene.prior_depth(i), 0.02 * depth + 0.1, atol=1e-5)
        np.testing.assert_allclose(scene.depth(i, "noisy"), depth, atol=1e-5)
        assert_consistent(scene, i)
        # In camera axes: the turn of the world leaves them alone.
        normal = normals_of(KNOWN.world_from_cam[i], pinhole_rays(KNOWN, i))
        np.testing.assert_allclose(scene.prior_normal(i), normal, atol=1e-5)
    assert not any(finding.level == "error" for finding in check_scene(scene))


def test_without_worldtogt_and_box_the_world_is_the_files(tmp_path):
    data = write_sdfstudio(tmp_path)
    del data["worldtogt"], data["scene_box"]
    write_index(tmp_path, data)
    scene = load_scene(tmp_path)
    poses = np.stack([in_files(pose) for pose in KNOWN.world_from_cam])
    np.testing.assert_allclose(scene.cameras.world_from_cam, poses, atol=1e-12)
    np.testing.assert_allclose(scene.depth(1, "noisy"), drawn(1)[0] / SCALE, atol=1e-5)
    assert scene.unit == "" and scene.box_by_hand is None


def test_masks_and_segments_of_both_kinds(tmp_path):
    data = write_sdfstudio(tmp_path)
    for i, frame in enumerate(data["frames"]):
        three = np.repeat(outline(i)[..., None], 3, axis=2)
        write_picture(tmp_path / f"{i:06d}_foreground_mask.png", three.astype(np.uint8) * 255)
        frame["foreground_mask"] = f"{i:06d}_foreground_mask.png"
        write_picture(tmp_path / f"segs/{i:06d}_segs.png", np.where(outline(i), 9, 4).astype(np.uint8))
    (tmp_path / "instance_mapping.txt").write_text("9,2,2001\n4,1,0\n")
    write_index(tmp_path, data)
    scene = load_scene(tmp_path)
    for i in range(FRAMES):
        assert np.array_equal(scene.mask(i), outline(i))
        assert np.array_equal(scene.segment(i), np.where(outline(i), 2001, 0))
    write_picture(tmp_path / "own.png", np.full((HEIGHT, WIDTH), 700, np.uint16))
    data["frames"][2]["segment_path"] = "own.png"
    write_index(tmp_path, data)
    scene = load_scene(tmp_path)
    assert (scene.segment(2) == 700).all() and scene.segment(1) is None


def test_pictures_of_another_size_than_the_file_says(tmp_path):
    write_sdfstudio(tmp_path)
    for image in tmp_path.glob("*_rgb.png"):
        Image.open(image).resize((WIDTH // 2, HEIGHT // 2)).save(image)
    half = {name: getattr(KNOWN, name) / 2 for name in ("fx", "fy", "cx", "cy")}
    assert_cameras(
        load_scene(tmp_path), Cameras(KNOWN.world_from_cam, **half, width=WIDTH // 2, height=HEIGHT // 2)
    )


def test_priors_and_pictures_that_are_not_there_are_told(tmp_path):
    write_sdfstudio(tmp_path)
    for i in range(FRAMES):
        (tmp_path / f"{i:06d}_normal.npy").unlink()
    (tmp_path / "000002_depth.npy").unlink()
    (tmp_path / "000004_rgb.png").unlink()
    scene = load_scene(tmp_path)
    assert "prior_normal" not in scene.sources and scene.prior_depth(2) is None
    assert_cameras(scene, KNOWN.select(np.array([0, 1, 2, 3, 5])))
    assert "1 of 6 pictures are not there" in scene.notes[0]
    assert "000002_depth.npy: no such file, nor are 0 others" in scene.notes[1]
    assert "000000_normal.npy: no such file, nor are 4 others that meta_data.json names" in scene.notes[2]


def changed(**values):
    def change(data):
        data.update(values)

    return change


def of_frame(**values):
    def change(data):
        data["frames"][1].update(values)

    return change


SHEARED = TO_TRUTH + np.array([[0, 0.5, 0, 0]] + [[0, 0, 0, 0]] * 3)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (changed(frames=[]), "meta_data.json: no frames in it"),
        (changed(camera_model="OPENCV_FISHEYE"), "camera_model OPENCV_FISHEYE is not supported"),
        (changed(width=None), "width and height are None and 48"),
        (changed(worldtogt=SHEARED.tolist()), "worldtogt is no rotation with one scale"),
        (changed(worldtogt=(-TO_TRUTH).tolist()), "worldtogt is no rotation with one scale"),
        (changed(scene_box={"aabb": [[1, 1, 1]]}), r"scene_box: aabb has shape \(1, 3\)"),
        (of_frame(rgb_path=None), "a frame has no rgb_path"),
        (of_frame(camtoworld=None), "frame 000001_rgb.png: camtoworld is missing|camtoworld has shape"),
        (of_frame(camtoworld=np.diag([1, 1, -1, 1]).tolist()), "camtoworld: the pose is a mirror"),
        (of_frame(intrinsics=np.zeros((3, 3)).tolist()), "focal lengths of intrinsics are 0 and 0"),
        (of_frame(sensor_depth_path="gone.npy"), "gone.npy: no such file"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_it(tmp_path, change, says):
    data = write_sdfstudio(tmp_path)
    change(data)
    write_index(tmp_path, data)
    with pytest.raises(UserError, match=says) as caught:
        load_scene(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_file_that_does_not_parse_is_named(tmp_path):
    (tmp_path / "meta_data.json").write_text("{")
    for path in (tmp_path, tmp_path / "meta_data.json"):
        with pytest.raises(UserError, match=r"meta_data.json: not readable JSON"):
            load_scene(path)
