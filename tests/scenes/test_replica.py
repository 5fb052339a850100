from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import trimesh
from PIL import Image
from tiny_scenes import HEIGHT, WIDTH, render_room, room_cameras, write_depth, write_replica

from neurfield.errors import UserError
from neurfield.scenes import load_scene


@pytest.mark.parametrize("beside", [True, False])
def test_what_was_written_is_read(tmp_path, beside):
    scene = load_scene(write_replica(tmp_path / "Replica" / "room7", params_beside=beside))
    cameras = room_cameras()
    assert scene.name == "room7" and len(scene) == len(cameras)
    assert scene.sources == {"image", "depth", "sensor_depth", "prior_depth", "prior_normal", "segment"}
    np.testing.assert_allclose(scene.cameras.world_from_cam, cameras.world_from_cam, atol=1e-9)
    # The half pixel between Replica's pixel centres and ours.
    np.testing.assert_array_equal(scene.cameras.cx, cameras.cx)
    np.testing.assert_array_equal(scene.cameras.cy, cameras.cy)
    for i in (0, 7):
        depth, normals = render_room(cameras, i)
        np.testing.assert_allclose(scene.depth(i), depth, atol=1e-4)
        measured = scene.depth(i, "noisy")
        assert (measured == 0).any() and (measured > 0).any()
        np.testing.assert_allclose(measured[measured > 0], depth[measured > 0] + 0.01, atol=1e-4)
        np.testing.assert_allclose(scene.prior_normal(i), normals, atol=1e-5)
        np.testing.assert_allclose(scene.prior_depth(i), 0.3 * depth + 0.1, atol=1e-5)
        np.testing.assert_array_equal(scene.segment(i), depth > 2)
        assert scene.image(i).shape == (HEIGHT, WIDTH, 3) and scene.image(i).dtype == np.uint8
        assert scene.mask(i) is None


def test_back_projected_depth_lies_on_the_walls(replica):
    scene = load_scene(replica)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].reshape(2, -1)
    for i in range(len(scene)):
        pixels = np.stack([columns + 0.5, rows + 0.5], axis=1)
        origins, directions, z_per_t = scene.cameras.rays(np.full(len(pixels), i), pixels)
        points = origins + directions * (scene.depth(i).ravel() / z_per_t)[:, None]
        to_walls = np.minimum(np.abs(points), np.abs(points - [5.0, 4.0, 2.5])).min(axis=1)
        assert to_walls.max() < 1e-3


def test_ground_truth_lies_in_the_folder_or_beside_it(replica):
    assert load_scene(replica).ground_truth is None
    box = trimesh.creation.box((1, 1, 1))
    box.export(replica.parent / "room7_mesh.ply")
    scene = load_scene(replica)
    assert len(scene.ground_truth.faces) == 12 and scene.ground_truth is scene.ground_truth
    trimesh.creation.icosphere(0).export(replica / "mesh.ply")
    assert len(load_scene(replica).ground_truth.faces) == 20


def test_only_images_are_needed(tmp_path):
    scene = load_scene(write_replica(tmp_path / "room7", extras=False))
    assert scene.sources == {"image", "depth"}
    assert scene.depth(0, "noisy") is None and scene.prior_normal(0) is None


def test_every_kth_frame_is_a_scene(replica):
    for i in range(20):
        if i % 3:
            (replica / f"results/frame{i:06d}.jpg").unlink()
    scene = load_scene(replica)
    assert len(scene) == 7
    np.testing.assert_allclose(scene.cameras.world_from_cam, room_cameras().world_from_cam[::3], atol=1e-9)
    np.testing.assert_allclose(scene.depth(1), render_room(room_cameras(), 3)[0], atol=1e-4)


def test_a_frame_without_depth_has_none(replica):
    (replica / "sensor_depth/depth000003.png").unlink()
    scene = load_scene(replica)
    assert scene.depth(3, "noisy") is None and scene.depth(4, "noisy") is not None


def drop(name):
    return lambda folder: (
        shutil.rmtree(folder / name) if (folder / name).is_dir() else (folder / name).unlink()
    )


def line(folder, number, text):
    lines = (folder / "traj.txt").read_text().splitlines()
    lines[number - 1] = text
    (folder / "traj.txt").write_text("\n".join(lines))


def camera(folder, **values):
    path = folder / "cam_params.json"
    params = json.loads(path.read_text())
    params["camera"].update(values)
    path.write_text(json.dumps(params))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (drop("cam_params.json"), "cam_params.json is neither in it nor beside it"),
        (lambda f: (f / "cam_params.json").write_text("{"), "cam_params.json"),
        (lambda f: camera(f, fx="wide"), "cam_params.json"),
        (lambda f: camera(f, scale=0), "cam_params.json.*positive"),
        (drop("results/frame000004.jpg"), "frame000004.jpg.*missing"),
        (lambda f: [p.unlink() for p in (f / "results").glob("frame*")], "no frames"),
        (lambda f: (f / "traj.txt").write_text(""), "traj.txt: no poses"),
        (lambda f: line(f, 3, "1 0 0"), "traj.txt:3: 3 numbers, expected 16"),
        (lambda f: line(f, 4, " ".join(["nan"] * 16)), "traj.txt:4.*NaN"),
        (lambda f: line(f, 5, " ".join(["0.5"] * 16)), "traj.txt:5.*not a rotation"),
        (lambda f: line(f, 6, "a b"), "traj.txt:6"),
        (lambda f: line(f, 20, ""), "frame000019.jpg.*none for this frame"),
        (lambda f: (f / "results/frame000002.jpg").write_bytes(b"junk"), "frame000002.jpg"),
        (lambda f: camera(f, w=640), "frame000000.jpg.*64x48.*640x48"),
        (
            lambda f: write_depth(f / "results/depth000005.png", np.ones((10, 10))),
            "depth000005.png.*10x10.*64x48",
        ),
        (lambda f: np.save(f / "priors/000001_normal.npy", np.zeros((3, 5, 5))), "000001_normal.npy.*5x5"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_file_and_remedy(replica, spoil, says):
    spoil(replica)
    with pytest.raises(UserError, match=says) as caught:
        load_scene(replica)
    assert "\n" not in str(caught.value) and ": " in str(caught.value)


def test_a_truncated_image_is_found_when_it_is_read(replica):
    path = replica / "results/frame000003.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:1200])
    scene = load_scene(replica)
    assert scene.image(2) is not None
    with pytest.raises(UserError, match=r"frame000003.jpg: damaged or truncated.*again"):
        scene.image(3)


def test_a_damaged_ground_truth_is_the_users_to_mend(replica):
    (replica / "mesh.ply").write_text("ply\nformat nonsense\n")
    with pytest.raises(UserError, match=r"mesh.ply"):
        _ = load_scene(replica).ground_truth
