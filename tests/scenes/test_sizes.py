"""Files that are not of their camera's size: turned by EXIF, resized, or refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from tiny_scenes import FOCAL, HEIGHT, WIDTH, grey, ring_cameras, write_transforms

from neurfield.errors import UserError
from neurfield.scenes import Cameras, load_scene
from neurfield.scenes.images import file_size, orientation, read_rgb
from neurfield.scenes.sizes import fitted

UPRIGHT = np.zeros((40, 24, 3), np.uint8)  # tall: its top left quarter is red, its right half blue
UPRIGHT[:20, :12, 0] = 255
UPRIGHT[:, 12:, 2] = 255
STORED = {  # what makes the upright picture of the stored one, by EXIF's definition of its orientations
    1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud,
    5: lambda a: a.transpose(1, 0, 2), 6: lambda a: np.rot90(a, 1),
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2), 8: lambda a: np.rot90(a, -1),
}  # fmt: skip


def save_turned(path, value, picture=UPRIGHT):
    exif = Image.Exif()
    exif[0x0112] = value
    stored = np.ascontiguousarray(STORED[value](picture))
    Image.fromarray(stored).save(path, quality=98, subsampling=0, exif=exif)
    return stored


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("value", range(1, 9))
def test_pictures_come_out_upright_and_headers_say_their_upright_size(tmp_path, suffix, value):
    path = tmp_path / f"a.{suffix}"
    save_turned(path, value)
    assert file_size(path) == (24, 40)
    assert np.abs(read_rgb(path).astype(int) - UPRIGHT).mean() < 6
    if suffix != "tif":  # Pillow turns these itself
        assert orientation(path) == value


def turned_scene(folder, cameras, value, picture):
    data = write_transforms(folder, cameras, {"fl_x": FOCAL}, grey)
    for i in range(len(cameras)):
        save_turned(folder / f"images/{i:03d}.jpg", value, picture)
        (folder / f"images/{i:03d}.png").unlink()
    text = (folder / "transforms.json").read_text().replace(".png", ".jpg")
    (folder / "transforms.json").write_text(text)
    return data


def tall(width, height):
    ring = ring_cameras(np.zeros(3), count=4)
    return Cameras(ring.world_from_cam, FOCAL, FOCAL, width / 2, height / 2, width, height)


@pytest.mark.parametrize("value", [1, 3, 6, 8])
def test_a_size_that_is_not_given_is_that_of_the_upright_picture(tmp_path, value):
    turned_scene(tmp_path, tall(24, 40), value, UPRIGHT)
    scene = load_scene(tmp_path)
    assert (scene.cameras.width[0], scene.cameras.height[0]) == (24, 40)
    assert np.abs(scene.image(0).astype(int) - UPRIGHT).mean() < 6


@pytest.mark.parametrize("value", [5, 6, 7, 8])
def test_a_camera_of_the_stored_size_gets_the_stored_picture(tmp_path, value):
    path = tmp_path / "a.png"
    stored = save_turned(path, value)
    np.testing.assert_array_equal(fitted(read_rgb(path), "image", path, (40, 24)), stored)


def test_another_size_names_what_turned_it(tmp_path):
    path = tmp_path / "a.jpg"
    save_turned(path, 6)
    with pytest.raises(UserError, match=r"24x40 pixels \(upright, by its EXIF orientation 6\).*30x30"):
        fitted(read_rgb(path), "image", path, (30, 30))


@pytest.mark.parametrize("size", [(16, 12), (15, 11), (128, 96), (WIDTH, HEIGHT)])
def test_depth_in_other_pixels_takes_the_nearest(tmp_path, size):
    width, height = size
    columns = (np.arange(width) + 0.5) / width
    rows = (np.arange(height) + 0.5) / height
    depth = 1.0 + columns[None, :] + 2.0 * rows[:, None]
    np.save(tmp_path / "d.npy", depth)
    found = fitted(depth, "sensor_depth", tmp_path / "d.npy", (WIDTH, HEIGHT))
    assert found.shape == (HEIGHT, WIDTH)
    there = 1.0 + (np.arange(WIDTH) + 0.5)[None] / WIDTH + 2.0 * (np.arange(HEIGHT) + 0.5)[:, None] / HEIGHT
    assert np.abs(found - there).max() <= 0.5 / width + 1.0 / height + 1e-9
    assert set(np.unique(found)) <= set(np.unique(depth)), "no depth is made up between two"


def test_a_scene_with_coarse_depth_and_masks_is_read(tmp_path):
    data = write_transforms(tmp_path, ring_cameras(np.zeros(3), count=3), {"fl_x": FOCAL}, grey)
    Image.fromarray(np.full((12, 16), 1500, np.uint16)).save(tmp_path / "d.png")
    Image.fromarray(np.full((24, 32), 255, np.uint8)).save(tmp_path / "m.png")
    for frame in data["frames"]:
        frame.update(depth_file_path="d.png", mask_path="m.png")
    (tmp_path / "transforms.json").write_text(json.dumps(data))
    scene = load_scene(tmp_path)
    assert scene.mask(0).shape == scene.depth(0, "noisy").shape == (HEIGHT, WIDTH)
    np.testing.assert_allclose(scene.depth(0, "noisy"), 1.5, rtol=1e-6)
    assert scene.mask(1).all()


@pytest.mark.parametrize(
    ("source", "size", "says"),
    [
        ("sensor_depth", (48, 48), "48x48.*64x48.*resample"),
        ("image", (32, 24), "scale fl_x, fl_y, cx, cy, w and h by 0.5"),
        ("image", (48, 64), "correct the intrinsics"),
    ],
)
def test_what_cannot_be_brought_to_size_names_both_and_the_remedy(tmp_path, source, size, says):
    path = tmp_path / "a.png"
    array = np.zeros((size[1], size[0]), np.uint8)
    Image.fromarray(array).save(path)
    with pytest.raises(UserError, match=says):
        fitted(array, source, path, (WIDTH, HEIGHT))
