"""What scene check says of data of others: other readings of poses and depth, files of other shapes."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image
from tiny_scenes import (
    FLIP,
    FOCAL,
    HEIGHT,
    WIDTH,
    all_pixels,
    look_at,
    render_room,
    ring_cameras,
    room_cameras,
    write_transforms,
)

from neurfield.scenes import Cameras, Scene, check_scene, load_scene
from neurfield.scenes.check_readings import in_one_place, reading_findings
from neurfield.scenes.depth_readings import z_per_distance

KEYS = {"fl_x": FOCAL, "fl_y": FOCAL, "cx": WIDTH / 2, "cy": HEIGHT / 2, "w": WIDTH, "h": HEIGHT}
CENTRE = np.array([0.4, -0.3, 0.2])


def paint(i):
    """No two pictures are alike."""
    return np.random.default_rng(i).integers(60, 200, (HEIGHT, WIDTH, 3)).astype(np.uint8)


def with_cameras(folder, cameras, masks=None, depth=None, **keys):
    """A transforms.json of these cameras, with masks and depth [n,H,W] where given."""
    data = {**write_transforms(folder, cameras, KEYS, paint), **keys}
    for i, frame in enumerate(data["frames"]):
        if masks is not None:
            Image.fromarray(masks[i].astype(np.uint8) * 255).save(folder / f"mask{i}.png")
            frame["mask_path"] = f"mask{i}.png"
        if depth is not None:
            Image.fromarray(np.round(1000 * depth[i]).astype(np.uint16)).save(folder / f"depth{i}.png")
            frame["depth_file_path"] = f"depth{i}.png"
    (folder / "transforms.json").write_text(json.dumps(data))
    return load_scene(folder)


def posed(cameras, change):
    """The cameras as they are read when the poses in the file are changed so."""
    poses = np.stack([change(pose @ FLIP) @ FLIP for pose in cameras.world_from_cam])
    return Cameras(poses, FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT)


def ball_masks(cameras, radius=0.5):
    masks = []
    for i in range(len(cameras)):
        origin, direction, _ = cameras.rays(np.full(WIDTH * HEIGHT, i), all_pixels())
        along = ((CENTRE - origin) * direction).sum(axis=1)
        near = np.linalg.norm(origin + along[:, None] * direction - CENTRE, axis=1)
        masks.append((near < radius).reshape(HEIGHT, WIDTH))
    return masks


CHANGES = {
    "OpenCV axes in a file of OpenGL's": (lambda m: m @ FLIP, "axes are OpenGL's where OpenCV's"),
    "inverted": (np.linalg.inv, "cam_from_world.*OpenGL's"),
    "inverted OpenCV": (lambda m: np.linalg.inv(m @ FLIP), "cam_from_world.*OpenCV's"),
}


@pytest.mark.parametrize("change", list(CHANGES))
@pytest.mark.parametrize("masked", [True, False])
def test_poses_in_another_reading_are_named_without_depth(tmp_path, change, masked):
    ring = ring_cameras(CENTRE)
    apply, says = CHANGES[change]
    scene = with_cameras(tmp_path, posed(ring, apply), ball_masks(ring) if masked else None)
    (found,) = reading_findings(scene)
    assert found.level == ("error" if masked else "warn") and found.where == "poses"
    assert re.search(says, found.what) and "convert the poses" in found.todo
    assert found in check_scene(scene)


@pytest.mark.parametrize("masked", [True, False])
def test_right_poses_around_an_object_are_left_alone(tmp_path, masked):
    ring = ring_cameras(CENTRE)
    scene = with_cameras(tmp_path, ring, ball_masks(ring) if masked else None)
    assert not list(reading_findings(scene))
    assert {f.level for f in check_scene(scene)} == {"ok"}


@pytest.mark.parametrize("seed", range(6))
def test_tours_of_rooms_are_left_alone(tmp_path, seed):
    """Cameras that walk about a room and look around, near the world's origin or not."""
    random = np.random.default_rng(seed)
    turn = np.linspace(0.0, 2 * np.pi * random.integers(1, 3), 24)
    reach = random.uniform(0.5, 2.0, 2)
    centers = np.stack([reach[0] * np.cos(turn), reach[1] * np.sin(turn), 1.4 + 0.1 * np.sin(3 * turn)], 1)
    centers += random.uniform(-3, 3, 3) * [1, 1, 0]
    look = turn + random.uniform(0.6, 5.0) + 0.5 * np.sin(2 * turn)
    targets = centers + np.stack([np.cos(look), np.sin(look), 0.4 * np.sin(5 * turn)], axis=1)
    poses = np.stack([look_at(c, t) for c, t in zip(centers, targets)])
    tour = Cameras(poses, FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT)
    assert not list(reading_findings(with_cameras(tmp_path, tour)))


def told_points(scene: Scene, points: np.ndarray) -> Scene:
    return Scene(scene.name, scene.path, scene.cameras, scene.files, points=points)


def test_sparse_points_before_cameras_say_that_they_are_read_right(tmp_path):
    """Before a facade cameras look nearly the same way, as if away from a point behind them."""
    x = np.linspace(-1.0, 1.0, 8)
    poses = np.stack([look_at(np.array([u, 0.0, 1.0]), np.array([3.0 * u, 10.0, 1.0])) for u in x])
    scene = with_cameras(tmp_path, Cameras(poses, FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT))
    (found,) = reading_findings(scene)
    assert "look away from one point" in found.what
    random = np.random.default_rng(0)
    facade = np.stack([random.uniform(-4, 4, 300), np.full(300, 10.0), random.uniform(-1, 3, 300)], axis=1)
    assert not list(reading_findings(told_points(scene, facade)))


@pytest.mark.parametrize("change", list(CHANGES))
def test_sparse_points_that_no_camera_has_in_its_picture_excuse_nothing(tmp_path, change):
    apply, says = CHANGES[change]
    points = CENTRE + np.random.default_rng(1).uniform(-0.2, 0.2, (300, 3))
    (found,) = reading_findings(
        told_points(with_cameras(tmp_path, posed(ring_cameras(CENTRE), apply)), points)
    )
    assert re.search(says, found.what)


def test_one_place_is_one_place_also_after_rounding():
    ring = ring_cameras(CENTRE)
    assert not in_one_place(ring)
    utm = ring.world_from_cam.copy()
    utm[:, :3, 3] += [552345.25, 5412345.5, 312.0]
    assert not in_one_place(Cameras(utm, FOCAL, FOCAL, 1.0, 1.0, WIDTH, HEIGHT))
    poses = ring.world_from_cam.copy()
    poses[:, :3, 3] = [5412345.5, 3.0, 1.0] + 1e-9 * np.random.default_rng(0).normal(size=(len(ring), 3))
    assert in_one_place(Cameras(poses, FOCAL, FOCAL, 1.0, 1.0, WIDTH, HEIGHT))


def room_depth(cameras):
    return [render_room(cameras, i)[0] for i in range(len(cameras))]


def test_distances_along_rays_are_told_from_z_depth(tmp_path):
    room = room_cameras()
    depth = [z / z_per_distance(room, i) for i, z in enumerate(room_depth(room))]
    found = next(f for f in check_scene(with_cameras(tmp_path, room, depth=depth)) if f.level == "error")
    assert (
        found.where == "sensor_depth" and "distance along the ray" in found.what and "z-depth" in found.todo
    )


def test_frames_too_far_turned_to_be_compared_are_no_fault_of_the_depth(tmp_path):
    room = room_cameras().select(np.array([0, 7, 14]))
    least = np.degrees(
        np.arccos((room.view_directions @ room.view_directions.T)[np.triu_indices(3, 1)])
    ).min()
    found = check_scene(with_cameras(tmp_path, room, depth=room_depth(room)))
    said = next(f for f in found if f.where == "sensor_depth" and "same way" in f.what)
    assert least > 35.0 and said.level == "warn" and "unless the camera turned" in said.todo
    alone = room.select(np.array([0]))
    found = check_scene(with_cameras(tmp_path / "one", alone, depth=room_depth(alone)))
    assert not [f for f in found if f.where == "sensor_depth" and f.level != "ok"]


def test_a_lens_whose_distortion_was_forgotten_is_seen(tmp_path):
    plain = room_cameras()
    lens = np.tile([-0.25, 0.05, 0.0, 0.0, 0.0], (len(plain), 1))
    bent = Cameras(
        plain.world_from_cam, FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT, lens
    )  # fmt: skip
    depth = room_depth(bent)
    found = next(f for f in check_scene(with_cameras(tmp_path / "a", plain, depth=depth)) if f.level != "ok")
    assert "lens is distorted (k1 about -0.2" in found.what and "undistort" in found.todo
    given = {"k1": -0.25, "k2": 0.05}
    right = check_scene(with_cameras(tmp_path / "b", plain, depth=depth, **given))
    assert {f.level for f in right} == {"ok"}


def test_one_picture_under_two_poses_is_seen(tmp_path):
    ring = ring_cameras(CENTRE)
    with_cameras(tmp_path, ring)
    path = tmp_path / "transforms.json"
    data = json.loads(path.read_text())
    data["frames"][5]["file_path"] = data["frames"][9]["file_path"]
    path.write_text(json.dumps(data))
    (found,) = [f for f in check_scene(load_scene(tmp_path)) if f.level != "ok"]
    assert "same picture as frame 8" in found.what and found.where == "frame 9"


def test_a_frame_of_a_video_taken_twice_is_seen(tmp_path):
    scene = with_cameras(tmp_path, ring_cameras(CENTRE))
    (tmp_path / "images/004.png").write_bytes((tmp_path / "images/003.png").read_bytes())
    (found,) = [f for f in check_scene(load_scene(scene.path)) if f.level != "ok"]
    assert "same picture as frame 3" in found.what and found.where == "frame 4"


@pytest.mark.parametrize("most", [40.0, 65.534])
def test_a_ceiling_of_depth_is_no_surface(tmp_path, most):
    room = room_cameras()
    depth = room_depth(room)
    for z in depth:
        z[5:15, 20:30] = most
    (found,) = [f for f in check_scene(with_cameras(tmp_path, room, depth=depth)) if "largest" in f.what]
    assert found.level == "warn" and f"{most:.4g}" in found.what and "write 0" in found.todo


def test_65535_is_no_depth_and_does_not_move_the_box(tmp_path):
    room = room_cameras()
    holes, sentinel = room_depth(room), room_depth(room)
    for a, b in zip(holes, sentinel):
        a[5:15, 20:30], b[5:15, 20:30] = 0.0, 65.535
    boxes = [
        with_cameras(tmp_path / name, room, depth=depth).box
        for name, depth in (("holes", holes), ("sentinel", sentinel))
    ]
    np.testing.assert_array_equal(boxes[1], boxes[0])
    assert (np.ptp(boxes[0], axis=0) < 6.0).all()


def test_what_is_resized_and_what_is_turned_is_said(tmp_path):
    room = room_cameras()
    scene = with_cameras(tmp_path, room, depth=[z[2::4, 2::4] for z in room_depth(room)])
    said = [f for f in check_scene(scene) if "nearest" in f.what]
    assert [f.where for f in said] == ["sensor_depth"] and "16x12 pixels for cameras of 64x48" in said[0].what
    exif = Image.Exif()
    exif[0x0112] = 3
    for path in (tmp_path / "images").iterdir():
        Image.open(path).save(path, exif=exif)
    (turned,) = [f for f in check_scene(load_scene(tmp_path)) if "EXIF" in f.what]
    assert turned.level == "warn" and "orientation 3" in turned.what


def test_masks_on_some_frames_are_said_to_be_used(tmp_path):
    room = room_cameras()
    masks = [np.ones((HEIGHT, WIDTH), bool) for _ in range(len(room))]
    masks[3][10:, 20:] = False
    with_cameras(tmp_path, room, masks)
    path = tmp_path / "transforms.json"
    data = json.loads(path.read_text())
    for i, frame in enumerate(data["frames"]):
        if i != 3:
            del frame["mask_path"]
    path.write_text(json.dumps(data))
    scene = load_scene(tmp_path)
    assert scene.mask_says == "valid"
    (some,) = [f for f in check_scene(scene) if "none" in f.what and f.where == "mask"]
    assert some.level == "ok" and "19 of 20" in some.what and "looked at whole" in some.what
