"""Captures, measured: the photos of a street, what a mesh says of points, and rows of what failed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from benchmarks.captures import __main__ as captures
from benchmarks.captures import consistency, downloads, pictures, shots, street
from benchmarks.captures.commands import Done, Fitted, Imported
from benchmarks.captures.street import STANDS_AT, Material, Street
from neurfield.posing.exif import lens_tags
from neurfield.scenes.cameras import Cameras
from neurfield.scenes.scene import Scene

BALL = 0.6  # metres
UP = np.array([0.0, 0.0, 1.0])


@pytest.fixture(scope="module")
def ball_street() -> Street:
    """A glossy red ball instead of the car, on a street with grey ground and one house front."""
    ball = trimesh.creation.icosphere(3, BALL)
    ball.apply_translation(STANDS_AT + BALL * UP)
    ball.visual = trimesh.visual.ColorVisuals()
    normals = np.asarray(ball.vertex_normals)[ball.faces]
    corners = np.asarray(ball.triangles)
    ground = street._quad([-40.0, -40, 0], [80, 0, 0], [0, 80, 0], 1)
    pieces = [(corners, normals, np.zeros((len(corners), 3, 2)), 0), ground]
    stacked = [np.concatenate([piece[k] for piece in pieces]) for k in range(3)]
    kinds = np.concatenate([np.full(len(piece[0]), piece[3]) for piece in pieces])
    red = Material(np.array([0.5, 0.02, 0.02]), gloss=0.04)
    grey = Material(np.ones(3), picture=np.full((8, 8, 3), 0.3, np.float32), stains=0.5)
    return Street(*stacked, kinds, [red, grey], ball)


def test_a_walk_goes_around_the_car_and_keeps_it_in_the_picture() -> None:
    cameras = shots.walk(40, (160, 120))
    away = cameras.centers - STANDS_AT
    assert (
        np.hypot(away[:, 0], away[:, 1]).min() > 3 and (away[:, 2] > 0.6).all() and (away[:, 2] < 2.6).all()
    )
    assert np.diff(np.unwrap(np.arctan2(away[:, 1], away[:, 0]))).max() < np.radians(16)
    ends = STANDS_AT + np.array([[x, y, z] for x in (-2.05, 2.05) for y in (-0.9, 0.9) for z in (0.1, 1.2)])
    assert np.mean([cameras.in_view(i, ends) for i in range(40)]) > 0.95
    assert not np.array_equal(shots.walk(40, (160, 120), seed=1).centers, cameras.centers)


def test_photos_of_a_street_are_what_a_phone_leaves(ball_street: Street, tmp_path: Path) -> None:
    cameras = shots.walk(3, (64, 48))
    assert not shots.are_whole(tmp_path, cameras)
    shots.write_shots(tmp_path, ball_street, cameras)
    assert shots.are_whole(tmp_path, cameras) and not shots.are_whole(tmp_path, shots.walk(3, (128, 96)))
    photos = sorted((tmp_path / "photos").iterdir())
    assert [path.name for path in photos] == ["IMG_0000.jpg", "IMG_0001.jpg", "IMG_0002.jpg"]
    with Image.open(photos[0]) as photo:
        tags = lens_tags(photo)
    assert tags.pixels == pytest.approx(cameras.fx[0], rel=0.05)
    shown = np.asarray(Image.open(photos[0])).astype(float)
    assert shown.shape == (48, 64, 3)
    middle, edge = shown[22:30, 28:36].mean(axis=(0, 1)), shown[-4:].mean(axis=(0, 1))
    assert middle[0] > 2 * middle[1] and abs(edge[0] - edge[1]) < 20  # red, and grey
    assert shown[:4].mean() > edge.mean() + 40  # the sky
    truth = trimesh.load(tmp_path / "truth.ply", force="mesh", process=False)
    assert len(truth.faces) == len(ball_street.car.faces)


def test_light_is_less_where_less_of_the_sky_is_seen_and_gloss_mirrors(ball_street: Street) -> None:
    draw = shots.make_renderer(ball_street)
    eye = STANDS_AT + np.array([0.0, -4.0, BALL])
    pose = np.eye(4)
    pose[:3, :3] = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # along y, level
    pose[:3, 3] = eye
    one = np.ones(1)
    cameras = Cameras(pose[None], 100 * one, 100 * one, 32 * one, 32 * one, [64], [64])
    light = draw(cameras, 0)
    above, below = light[22, 32], light[42, 32]
    assert above[0] > 1.3 * below[0]  # looks up, looks down
    dull = Street(
        ball_street.triangles, ball_street.normals, ball_street.uv, ball_street.material,
        [Material(np.array([0.5, 0.02, 0.02])), ball_street.materials[1]], ball_street.car,
    )  # fmt: skip
    plain = shots.make_renderer(dull)(cameras, 0)
    rim = (22, 20)  # seen at a low angle, it mirrors the sky: blue light that red paint does not have
    assert light[rim][2] > plain[rim][2] + 0.02
    np.testing.assert_allclose(light[:8], plain[:8], atol=1e-6)  # the sky itself


def test_pictures_repeat_and_fronts_differ() -> None:
    picture = np.random.default_rng(0).uniform(size=(6, 9, 3)).astype(np.float32)
    uv = np.random.default_rng(1).uniform(-1, 2, (50, 2))
    np.testing.assert_allclose(
        street.repeated(picture, uv), street.repeated(picture, uv + np.array([3, -2])), atol=1e-5
    )
    corner = np.array([[0.5 / 9, 1 - 0.5 / 6]])  # the middle of the first texel; v is up
    np.testing.assert_allclose(street.repeated(picture, corner)[0], picture[0, 0], atol=1e-5)
    one, two = (street._front(picture, 6.0, 5.0, seed, texels=16) for seed in (0, 1))
    assert one.shape == (80, 96, 3) and np.abs(one - two).mean() > 0.02
    np.testing.assert_array_equal(one, street._front(picture, 6.0, 5.0, 0, texels=16))


def test_points_off_a_mesh_are_percent_of_the_box() -> None:
    mesh = trimesh.creation.icosphere(4, 1.0)
    box = np.array([[-2.0, -2, -2], [2, 2, 2]])
    directions = np.random.default_rng(0).normal(size=(400, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    off = np.where(np.arange(400) < 100, 0.2, 0.01)[:, None]  # of a diagonal of 6.9
    found = consistency.points_to_mesh(
        mesh, np.concatenate([directions * (1 + off), np.full((100, 3), 5)]), box
    )
    assert found["inside"] == pytest.approx(80) and found["near"] == pytest.approx(75)
    assert found["median"] == pytest.approx(100 * 0.011 / 6.928, rel=0.15)
    nothing = consistency.points_to_mesh(mesh, np.full((3, 3), 5.0), box)
    assert nothing == {"inside": 0.0, "median": None, "near": None}


def test_what_hangs_together_and_what_does_not() -> None:
    ball, crumb = trimesh.creation.icosphere(3, 1.0), trimesh.creation.icosphere(3, 0.5)
    crumb.apply_translation([5.0, 0, 0])
    both = trimesh.util.concatenate([crumb, ball])
    assert consistency.floaters(both) == pytest.approx(20, abs=0.1) and consistency.floaters(ball) == 0


def imported_ball(tmp_path: Path, cameras: Cameras, turn: np.ndarray, scale: float) -> Scene:
    """A scene of such cameras in a world of its own, frames 0 and 2 to 5 alone, and `truth.json`."""
    record = {"world_from_cam": cameras.world_from_cam.tolist()}
    (tmp_path / "truth.json").write_text(json.dumps(record))
    kept = np.array([0, 2, 3, 4, 5])
    poses = cameras.world_from_cam[kept].copy()
    poses[:, :3, :3] = turn @ poses[:, :3, :3]
    poses[:, :3, 3] = scale * poses[:, :3, 3] @ turn.T + [3, 2, 1]
    frames = []
    for i, pose in zip(kept, poses):
        (tmp_path / "images").mkdir(exist_ok=True)
        Image.new("RGB", (64, 48)).save(tmp_path / "images" / f"IMG_{i:04d}.jpg")
        to_file = pose @ np.diag([1.0, -1, -1, 1])
        frames.append({"file_path": f"images/IMG_{i:04d}.jpg", "transform_matrix": to_file.tolist()})
    lens = {
        "fl_x": float(cameras.fx[0]),
        "fl_y": float(cameras.fy[0]),
        "cx": 32.0,
        "cy": 24.0,
        "w": 64,
        "h": 48,
    }
    (tmp_path / "transforms.json").write_text(json.dumps({**lens, "frames": frames}))
    from neurfield.scenes import load_scene

    return load_scene(tmp_path)


def test_a_mesh_in_a_world_of_its_own_is_laid_onto_the_truth(tmp_path: Path) -> None:
    from scipy.spatial.transform import Rotation

    cameras = shots.walk(6, (64, 48))
    turn, scale = Rotation.from_rotvec([0.3, -1.0, 0.5]).as_matrix(), 0.37
    scene = imported_ball(tmp_path, cameras, turn, scale)
    off = consistency.poses_against(tmp_path / "truth.json", scene)
    assert off["degrees"] < 1e-4 and off["cm"] < 1e-4
    truth = trimesh.creation.icosphere(4, BALL)
    truth.apply_translation(STANDS_AT + BALL * UP)
    ground = trimesh.creation.box([4, 4, 0.02])
    ground.apply_translation(STANDS_AT - 0.01 * UP)
    mesh = trimesh.util.concatenate([truth, ground])
    mesh.vertices = scale * mesh.vertices @ turn.T + [3, 2, 1]
    numbers = consistency.against_truth(mesh, scene, tmp_path / "truth.json", truth)
    assert numbers["chamfer"] < 0.2 and numbers["f_1"] > 0.99 and numbers["normals"] > 0.99
    assert 5 < numbers["of_object"] < 15  # the ground is most of it
    beside = pictures.save_beside(tmp_path / "beside.png", scene, mesh, [0, 3])
    assert Image.open(beside).size == (3 * 480, 2 * 360)
    elsewhere = mesh.copy()
    elsewhere.apply_translation([9.0, 0, 0])
    assert set(consistency.against_truth(elsewhere, scene, tmp_path / "truth.json", truth)) == {"of_object"}


def test_what_failed_is_a_row() -> None:
    done = Done(3.0, 2.0, 0.5, "40 pictures of up to 8x6, 780 pairs, 2 threads: about 2 min\n", "")
    failed = Done(1.0, 1.0, 0.1, "", "it ended with status 2, see above")
    nothing = Imported(failed, None)
    assert captures.import_row("x", nothing, {})[-1] == failed.trouble and nothing.numbers() == {}
    assert "780 pairs" in captures.import_row("x", Imported(done, None), {})[-1]
    for row in (
        captures.fit_row("x", nothing, None, {}), captures.fit_row("x", nothing, Fitted(failed, None, {}), {})
    ):  # fmt: skip
        assert len(row) == len(captures.FIT_COLUMNS) and "status 2" in row[-1]
    assert len(captures.import_row("x", nothing, {})) == len(captures.IMPORT_COLUMNS)


def test_lists_of_sources_are_made_of_this_machines_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = tmp_path / "sources.list.d"
    sources.mkdir()
    (sources / "debian.sources").write_text("Types: deb\nURIs: http://there/debian\nSuites: stable\n")
    (tmp_path / "sources.list").write_text("deb http://there/debian stable main\n# deb-src no\n")
    monkeypatch.setattr(downloads, "APT", tmp_path)
    flags = downloads._apt_of_sources(tmp_path / "scratch")
    parts = {
        path.suffix: path.read_text() for path in (tmp_path / "scratch/apt/parts").iterdir() if path.is_file()
    }
    assert parts[".list"].startswith("deb-src http://there/debian stable main")
    assert parts[".sources"].startswith("Types: deb-src\nURIs")
    assert (
        f"Dir::State::lists={tmp_path / 'scratch/apt/lists'}" in flags
        and "Dir::Etc::sourcelist=/dev/null" in flags
    )
