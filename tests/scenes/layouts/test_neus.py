from __future__ import annotations

import numpy as np
import pytest
from known_room import assert_cameras, write_picture
from tiny_scenes import FOCAL, HEIGHT, WIDTH, ring_cameras

from neurfield.errors import UserError
from neurfield.scenes import Cameras, load_scene

MIDDLE, RADIUS = np.array([30.0, -20.0, 600.0]), 80.0  # millimetres, as in DTU
COUNT = 8
KNOWN = Cameras(
    ring_cameras(MIDDLE, 300.0, COUNT).world_from_cam,
    FOCAL, FOCAL + 3.0, WIDTH / 2 - 2.0, HEIGHT / 2 + 1.5, WIDTH, HEIGHT,
)  # fmt: skip


def matrices():
    """world_mat and scale_mat as NeuS and IDR write them."""
    # Their first pixel's middle is at (0, 0).
    intrinsics = np.diag([KNOWN.fx[0], KNOWN.fy[0], 1.0, 1.0])
    intrinsics[:2, 2] = KNOWN.cx[0] - 0.5, KNOWN.cy[0] - 0.5
    scale = np.diag([RADIUS, RADIUS, RADIUS, 1.0])
    scale[:3, 3] = MIDDLE
    written = {}
    for i, pose in enumerate(KNOWN.world_from_cam):
        written[f"world_mat_{i}"] = intrinsics @ np.linalg.inv(pose)
        written[f"world_mat_inv_{i}"] = np.linalg.inv(written[f"world_mat_{i}"])
        written[f"camera_mat_{i}"] = np.eye(4)
        written[f"scale_mat_{i}"] = scale
    return written


def silhouette(i):
    """The ball of the scale_mat, as the camera sees it: bool [H,W]."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    pixels = np.stack([columns.ravel(), rows.ravel()], axis=1) + 0.5
    origins, directions, _ = KNOWN.rays(np.full(len(pixels), i), pixels)
    to_middle = MIDDLE - origins
    along = np.einsum("ri,ri->r", to_middle, directions)
    nearest = np.linalg.norm(to_middle - along[:, None] * directions, axis=1)
    return (nearest < 0.5 * RADIUS).reshape(HEIGHT, WIDTH)


def write_scan(folder, written=None, name="cameras_sphere.npz", mask="{:03d}.png"):
    for i in range(COUNT):
        inside = silhouette(i)
        write_picture(
            folder / f"image/{i:06d}.png", np.where(inside[..., None], [200, 90, 10 + i], 90).astype(np.uint8)
        )
        if mask:
            write_picture(
                folder / "mask" / mask.format(i), np.repeat(inside[..., None], 3, axis=2) * np.uint8(255)
            )
    np.savez(folder / name, **(matrices() if written is None else written))
    return folder


@pytest.mark.parametrize("name", ["cameras_sphere.npz", "cameras.npz"])
def test_cameras_masks_and_box_in_the_world_of_world_mat(tmp_path, name):
    scene = load_scene(write_scan(tmp_path, name=name))
    assert_cameras(scene, KNOWN, atol=1e-6)
    np.testing.assert_allclose(scene.box, [MIDDLE - RADIUS, MIDDLE + RADIUS])
    assert scene.kind == "outside" and scene.mask_says == "object"
    for i in range(COUNT):
        assert np.array_equal(scene.mask(i), silhouette(i)) and scene.image(i).max() == 200


def test_a_projection_times_any_number_is_the_same_camera(tmp_path):
    written = {key: m * -2.5 if "world_mat_" in key else m for key, m in matrices().items()}
    assert_cameras(load_scene(write_scan(tmp_path, written)), KNOWN, atol=1e-6)


def test_masks_by_name_in_whatever_number(tmp_path):
    write_scan(tmp_path, mask="{:06d}.png")
    (tmp_path / "mask" / "000002.png").unlink()
    scene = load_scene(tmp_path)
    assert scene.mask(2) is None and np.array_equal(scene.mask(3), silhouette(3))


def test_more_matrices_than_pictures_as_in_dtu(tmp_path):
    write_scan(tmp_path, mask="")
    (tmp_path / "image" / f"{COUNT - 1:06d}.png").unlink()
    assert_cameras(load_scene(tmp_path), KNOWN.select(np.arange(COUNT - 1)), atol=1e-6)


def test_without_scale_mat_the_box_is_found(tmp_path):
    written = {key: m for key, m in matrices().items() if "scale" not in key}
    scene = load_scene(write_scan(tmp_path, written))
    assert scene.box_by_hand is None
    assert (scene.box[0] < MIDDLE - 0.4 * RADIUS).all() and (scene.box[1] > MIDDLE + 0.4 * RADIUS).all()


def changed(**values):
    def make(folder):
        write_scan(folder, {**matrices(), **values})

    return make


def without(key):
    return lambda folder: write_scan(folder, {k: v for k, v in matrices().items() if k != key})


def broken(folder):
    (write_scan(folder) / "cameras_sphere.npz").write_bytes(b"PK nonsense")


def no_pictures(folder):
    for path in (write_scan(folder) / "image").iterdir():
        path.unlink()


def too_few_masks(folder):
    (write_scan(folder) / "mask" / "003.png").unlink()


SKEWED = np.array([[40.0, 2, 30, 0], [0, 40, 20, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (without("world_mat_3"), r"cameras_sphere.npz: no world_mat_3 in it, but 7 others for 8 pictures"),
        (changed(world_mat_2=np.full((4, 4), np.nan)), "world_mat_2 .*not finite"),
        (changed(world_mat_2=np.zeros((4, 4))), "world_mat_2 projects onto a line"),
        (changed(world_mat_2=np.eye(3)), r"world_mat_2 has shape \(3, 3\)"),
        (changed(world_mat_1=SKEWED), "world_mat_1 has skewed pixels"),
        (changed(scale_mat_0=np.zeros((4, 4))), "scale_mat_0 is a sphere of no size"),
        (broken, "cameras_sphere.npz: not a readable npz"),
        (no_pictures, "image: no pictures in it"),
        (too_few_masks, "mask: 7 masks for 8 pictures, of other names"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_it(tmp_path, make, says):
    make(tmp_path)
    with pytest.raises(UserError, match=says) as caught:
        load_scene(tmp_path)
    assert "\n" not in str(caught.value)
