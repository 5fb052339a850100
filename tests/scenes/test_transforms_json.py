from __future__ import annotations

import json
import math

import numpy as np
import pytest
import trimesh
from PIL import Image
from tiny_scenes import FOCAL, HEIGHT, WIDTH, grey, ring_cameras, write_transforms

from neurfield.errors import UserError
from neurfield.scenes import load_scene

CAMERAS = ring_cameras(np.array([0.5, -0.3, 0.2]), count=12)
SIZE = {"w": WIDTH, "h": HEIGHT}
PINHOLE = {**SIZE, "fl_x": FOCAL, "fl_y": FOCAL, "cx": WIDTH / 2, "cy": HEIGHT / 2}
LENS = {"k1": -0.1, "k2": 0.02, "p1": 1e-3, "p2": -1e-3, "k3": 0.001}


def rewrite(folder, data):
    (folder / "transforms.json").write_text(json.dumps(data))
    return load_scene(folder)


@pytest.fixture
def written(tmp_path):
    folder = tmp_path / "thing"
    return folder, write_transforms(folder, CAMERAS, PINHOLE, grey)


def test_world_in_world_out_in_opencv_axes(written):
    scene = load_scene(written[0])
    assert scene.name == "thing" and scene.sources == {"image"}
    np.testing.assert_allclose(scene.cameras.world_from_cam, CAMERAS.world_from_cam, atol=1e-12)
    for name in ("fx", "fy", "cx", "cy", "width", "height"):
        np.testing.assert_allclose(getattr(scene.cameras, name), getattr(CAMERAS, name))
    assert scene.cameras.distortion is None


def test_the_file_itself_can_be_named(written):
    scene = load_scene(written[0] / "transforms.json")
    assert scene.path == written[0] and len(scene) == 12


@pytest.mark.parametrize(
    "keys",
    [
        {**SIZE, "fl_x": FOCAL},
        {"camera_angle_x": 2 * math.atan(WIDTH / 2 / FOCAL)},
        {"camera_angle_y": 2 * math.atan(HEIGHT / 2 / FOCAL)},
        {"x_fov": math.degrees(2 * math.atan(WIDTH / 2 / FOCAL))},
        {
            "fl_x": FOCAL,
            "fl_y": FOCAL,
            "camera_angle_x": 0.1,
            "aabb_scale": 16,
            "scale": 2.0,
            "offset": [1, 2, 3],
        },
    ],
)
def test_intrinsics_in_every_spelling(written, keys):
    folder, data = written
    scene = rewrite(folder, {**keys, "frames": data["frames"]})
    for name in ("fx", "fy", "cx", "cy", "width", "height"):
        np.testing.assert_allclose(getattr(scene.cameras, name), getattr(CAMERAS, name))
    np.testing.assert_allclose(scene.cameras.world_from_cam, CAMERAS.world_from_cam, atol=1e-12)


def test_intrinsics_of_a_frame_win_over_those_of_all(written):
    folder, data = written
    data["frames"][3].update(fl_x=55.0, cx=30.0)
    scene = rewrite(folder, data)
    assert scene.cameras.fx[3] == 55.0 and scene.cameras.cx[3] == 30.0
    assert scene.cameras.fx[2] == FOCAL and scene.cameras.cx[2] == WIDTH / 2


def test_distortion_is_read_in_opencvs_order(written):
    folder, data = written
    scene = rewrite(folder, {**data, **LENS, "camera_model": "OPENCV"})
    np.testing.assert_array_equal(scene.cameras.distortion, np.tile(list(LENS.values()), (12, 1)))


def test_frames_are_sorted_by_name(written):
    folder, data = written
    data["frames"] = data["frames"][::-1]
    scene = rewrite(folder, data)
    np.testing.assert_allclose(scene.cameras.world_from_cam, CAMERAS.world_from_cam, atol=1e-12)
    assert [int(scene.image(i)[0, 0, 0]) for i in range(12)] == [100 + i for i in range(12)]


@pytest.mark.parametrize("prefix", ["", "./"])
def test_file_paths_without_extension_find_their_image(written, prefix):
    folder, data = written
    for frame in data["frames"]:
        frame["file_path"] = prefix + frame["file_path"].removesuffix(".png")
    (folder / "images/004.png").rename(folder / "images/004.jpg")
    assert load_and_first_pixel(folder, data, 4) == 104


def test_windows_separators(written):
    folder, data = written
    for frame in data["frames"]:
        frame["file_path"] = frame["file_path"].replace("/", "\\")
    assert load_and_first_pixel(folder, data, 2) == 102


def load_and_first_pixel(folder, data, i):
    return int(rewrite(folder, data).image(i)[0, 0, 0])


def test_poses_of_three_rows(written):
    folder, data = written
    for frame in data["frames"]:
        frame["transform_matrix"] = frame["transform_matrix"][:3]
    np.testing.assert_allclose(
        rewrite(folder, data).cameras.world_from_cam, CAMERAS.world_from_cam, atol=1e-12
    )


def test_alpha_is_the_mask_where_no_mask_is_named(tmp_path):
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    alpha[10:20, 5:30] = 255
    write_transforms(tmp_path, CAMERAS, PINHOLE, lambda i: np.dstack([grey(i), alpha]))
    scene = load_scene(tmp_path)
    assert scene.sources == {"image", "mask"} and scene.image(0).shape == (HEIGHT, WIDTH, 3)
    np.testing.assert_array_equal(scene.mask(5), alpha > 0)


def test_masks_depth_and_priors_that_frames_name(written):
    folder, data = written
    (folder / "extra").mkdir()
    depth = np.random.default_rng(0).uniform(0.5, 4.0, (HEIGHT, WIDTH))
    depth[0, 0] = 0.0
    Image.fromarray(np.round(depth * 1000).astype(np.uint16)).save(folder / "extra/d.png")
    Image.fromarray(((depth > 2) * 255).astype(np.uint8)).save(folder / "extra/m.png")
    np.save(folder / "extra/p.npy", depth.astype(np.float32))
    normals = np.zeros((3, HEIGHT, WIDTH), np.float32) + 0.5
    normals[2] = 0.0
    np.save(folder / "extra/n.npy", normals)
    for frame in data["frames"]:
        frame.update(depth_file_path="extra/d.png", mask_path="extra/m.png")
        frame.update(mono_depth_path="extra/p.npy", mono_normal_path="extra/n.npy")
    del data["frames"][5]["mask_path"]
    scene = rewrite(folder, data)
    assert scene.sources == {"image", "mask", "sensor_depth", "prior_depth", "prior_normal"}
    assert scene.depth(0) is None, "what came with photographs is never exact"
    np.testing.assert_allclose(scene.depth(0, "noisy"), depth, atol=6e-4)
    np.testing.assert_array_equal(scene.mask(0), depth > 2)
    assert scene.mask(5) is None
    np.testing.assert_array_equal(scene.prior_normal(1)[3, 4], [0, 0, -1])
    np.testing.assert_array_equal(scene.prior_depth(1), depth.astype(np.float32))
    data["depth_unit_scale_factor"] = 1 / 6553.5
    np.testing.assert_allclose(rewrite(folder, data).depth(0, "noisy"), depth * 1000 / 6553.5, atol=1e-3)


@pytest.mark.parametrize("name", ["004.png", "004.png.png"])
@pytest.mark.parametrize("place", ["masks", "mask"])
def test_painted_masks_are_found_by_their_pictures_name(written, place, name):
    folder, data = written
    painted = np.zeros((HEIGHT, WIDTH), np.uint8)
    painted[:, 5:] = 255
    (folder / place).mkdir()
    Image.fromarray(painted).save(folder / place / name)
    scene = load_scene(folder)
    np.testing.assert_array_equal(scene.mask(4), painted > 0)
    assert scene.mask(3) is None and len(scene) == 12
    assert scene.notes == (f"1 of 12 frames have a mask in {place}/, by its name: white is kept",)
    Image.fromarray(255 - painted).save(folder / "other.png")
    data["frames"][2]["mask_path"] = "other.png"  # who names some means these
    scene = rewrite(folder, data)
    assert scene.mask(4) is None and not scene.notes
    np.testing.assert_array_equal(scene.mask(2), painted == 0)


def test_masks_of_other_names_are_told(written):
    (written[0] / "masks").mkdir()
    assert not load_scene(written[0]).notes
    Image.fromarray(grey(0)).save(written[0] / "masks/thing.png")
    scene = load_scene(written[0])
    assert "mask" not in scene.sources
    assert "no mask of masks/ is used: none (such as thing.png) is named as a picture" in scene.notes[0]


def test_instant_ngps_dynamic_masks_show_what_to_leave_out(written):
    folder, data = written
    moving = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    moving[10:20, 5:30] = [0, 3, 0]
    Image.fromarray(moving).save(folder / "images/dynamic_mask_004.png")
    scene = load_scene(folder)
    assert scene.mask_says == "valid" and scene.mask(3) is None and len(scene) == 12
    np.testing.assert_array_equal(scene.mask(4), moving[..., 1] == 0)
    data["frames"][2]["mask_path"] = "images/002.png"
    with pytest.raises(UserError, match=r"mask_path.*dynamic_mask_004.png.*keep one"):
        rewrite(folder, data)


def test_depth_of_instant_ngp(written):
    folder, data = written
    Image.fromarray(np.full((HEIGHT, WIDTH), 2000, np.uint16)).save(folder / "d.png")
    for frame in data["frames"]:
        frame["depth_path"] = "d.png"
    assert rewrite(folder, data).sources == {"image"}, "without a scale instant-ngp does not read depth"
    scene = rewrite(folder, {**data, "integer_depth_scale": 1 / 4000})
    np.testing.assert_allclose(scene.depth(0, "noisy"), 0.5)


def test_an_explicit_box_is_the_scenes(written):
    folder, data = written
    box = [[-0.5, -1.0, -0.6], [1.5, 0.7, 0.9]]
    np.testing.assert_array_equal(rewrite(folder, {**data, "aabb": box, "aabb_scale": 4}).box, box)


def test_ground_truth_beside_the_file(written):
    trimesh.creation.box((1, 1, 1)).export(written[0] / "ground_truth.ply")
    assert len(load_scene(written[0]).ground_truth.faces) == 12


def test_blenders_training_split(written):
    folder, _ = written
    (folder / "transforms.json").rename(folder / "transforms_train.json")
    assert len(load_scene(folder)) == 12
    (folder / "transforms_test.json").write_text((folder / "transforms_train.json").read_text())
    scene = load_scene(folder / "transforms_test.json")
    assert scene.name == "thing-transforms_test"
    assert load_scene(scene.path).name == scene.name, "a scene's path leads back to it"


def frame_key(key, value):
    return lambda data: data["frames"][2].__setitem__(key, value)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda d: d.update(frames=[]), "no frames"),
        (lambda d: d.pop("fl_x") and d.pop("fl_y"), "no focal length"),
        (lambda d: d.update(fl_x=-3), "fl_x is -3"),
        (lambda d: d.update(cx="middle"), "cx is 'middle'"),
        (lambda d: d.update(fl_x=math.nan), "fl_x is nan"),
        (lambda d: d["frames"][2].pop("transform_matrix"), "002.png: transform_matrix is missing"),
        (frame_key("transform_matrix", [[1, 2], [3, 4]]), r"002.png: transform_matrix has shape \(2, 2\)"),
        (frame_key("transform_matrix", [[math.nan] * 4] * 4), "002.png: transform_matrix holds NaN"),
        (frame_key("transform_matrix", np.diag([2.0, 2.0, 2.0, 1.0]).tolist()), "002.png.*not a rotation"),
        (frame_key("file_path", "images/none.png"), "none.png: no such image"),
        (lambda d: d["frames"][2].pop("file_path"), "frame 2 has no file_path"),
        (frame_key("depth_file_path", "gone.png"), "gone.png: no such file"),
        (frame_key("mask_path", "images"), "images: no such file"),
        (lambda d: d.update(camera_model="OPENCV_FISHEYE"), "OPENCV_FISHEYE is not supported.*undistort"),
        (lambda d: d.update(camera_model="EQUIRECTANGULAR"), "EQUIRECTANGULAR is not supported"),
        (lambda d: d.update(is_fisheye=True), "is_fisheye is not supported"),
        (lambda d: d.update(k4=0.1), "k4 is not supported"),
        (lambda d: d.update(rolling_shutter=[0.0, 0.0, 0.1, 0.0]), "rolling_shutter is not supported"),
        (lambda d: d.update(w=100), "000.png.*64x48.*100x48.*correct the intrinsics"),
        (lambda d: d.update(aabb=[[0, 0, 0], [0, 1, 1]]), "box.*minimum below maximum"),
        (lambda d: d.update(aabb=[[90, 90, 90], [91, 91, 91]]), "box.*no camera looks at it"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_it(written, spoil, says):
    folder, data = written
    spoil(data)
    with pytest.raises(UserError, match=says) as caught:
        rewrite(folder, data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("model", [None, "", "pinhole", "OpenCV", "SIMPLE_RADIAL"])
def test_camera_models_that_are_the_default_in_another_spelling(written, model):
    folder, data = written
    scene = rewrite(folder, {**data, "camera_model": model})
    np.testing.assert_allclose(scene.cameras.fx, CAMERAS.fx)


@pytest.mark.parametrize("harmless", [{"k4": 0.0}, {"is_fisheye": False}, {"rolling_shutter": [0, 0, 0, 0]}])
def test_switched_off_quirks_are_harmless(written, harmless):
    folder, data = written
    assert len(rewrite(folder, {**data, **harmless})) == 12


def test_json_that_is_none(written):
    (written[0] / "transforms.json").write_text('{"frames": [')
    with pytest.raises(UserError, match=r"transforms.json: not readable JSON"):
        load_scene(written[0])
