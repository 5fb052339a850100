"""Walks between keys, and as camera_path.json."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from neurfield.errors import UserError
from neurfield.scenes.walk_file import read_walk, write_walk
from neurfield.scenes.walks import Walk, looking, walk_through

UP = np.array([0.0, 0.0, 1.0])
FAR = np.array([431000.0, 5412000.0, 300.0])  # UTM


def ring(count: int, radius: float = 2.0, centre: np.ndarray = FAR) -> np.ndarray:
    angles = np.arange(count) * 2.0 * np.pi / count
    eyes = centre + radius * np.stack([np.cos(angles), np.sin(angles), 0.0 * angles], axis=1)
    return np.stack([looking(eye, centre, UP) for eye in eyes])


def some_keys(rng: np.random.Generator, count: int) -> np.ndarray:
    poses = np.tile(np.eye(4), (count, 1, 1))
    poses[:, :3, :3] = Rotation.random(count, random_state=3).as_matrix()
    poses[:, :3, 3] = rng.normal(size=(count, 3)) + FAR
    return poses


@pytest.mark.parametrize("closed", [False, True])
def test_it_passes_each_key_at_its_time(closed):
    rng = np.random.default_rng(0)
    poses, fov = some_keys(rng, 5), rng.uniform(20, 90, 5)
    seconds = np.cumsum(rng.uniform(0.3, 2.0, 5 + closed))
    walk = Walk(poses, fov, seconds - seconds[0], closed)
    there, wide = walk.at(walk.seconds[:5])
    assert np.allclose(there, poses, atol=1e-9) and np.allclose(wide, fov)


@pytest.mark.parametrize("closed", [False, True])
def test_it_has_one_velocity_and_rate_everywhere(closed):
    rng = np.random.default_rng(1)
    seconds = np.cumsum(rng.uniform(0.5, 1.5, 5 + closed))
    poses = some_keys(rng, 5)
    poses[:, :3, 3] -= FAR  # a difference over a tiny step is wanted
    walk = Walk(poses, 60.0, seconds - seconds[0], closed)
    step = 1e-5
    inner = walk.seconds[0 if closed else 1 : 5 if closed else -1]
    before, at, after = (walk.at(inner + shift)[0] for shift in (-step, 0.0, step))
    for place in (np.s_[:, :3, 3], np.s_[:, :3, :3]):
        left, right = (at[place] - before[place]) / step, (after[place] - at[place]) / step
        assert np.abs(left - right).max() < 1e-2 * max(1.0, np.abs(left).max())


def test_a_ring_stays_round_and_level():
    walk = walk_through(ring(12), 50.0, 4.0, closed=True, fps=24)
    cameras = walk.cameras((64, 48))
    assert len(cameras) == 96
    away = np.linalg.norm(cameras.centers - FAR, axis=1)
    assert np.allclose(away, 2.0, rtol=3e-3)
    assert np.abs(cameras.world_from_cam[:, 2, 0]).max() < 1e-3  # x axes are level
    to_middle = (FAR - cameras.centers) / away[:, None]
    assert np.einsum("ni,ni->n", to_middle, cameras.view_directions).min() > np.cos(np.radians(0.5))
    steps = np.linalg.norm(np.diff(cameras.centers, axis=0, append=cameras.centers[:1]), axis=1)
    assert steps.max() < 1.07 * steps.min()  # keys 30 degrees apart


def test_constant_speed_whatever_the_times_of_keys_were():
    poses = np.tile(np.eye(4), (4, 1, 1))
    poses[:, 0, 3] = [0.0, 0.1, 3.0, 4.0]
    walk = Walk(poses, 60.0, np.array([0.0, 1.0, 2.0, 3.0])).evenly()
    assert walk.duration == 3.0
    assert np.allclose(walk.seconds, poses[:, 0, 3] * 0.75)
    turning = np.tile(np.eye(4), (3, 1, 1))
    turning[:, :3, :3] = Rotation.from_euler("y", [[0.0], [10.0], [90.0]], degrees=True).as_matrix()
    assert Walk(turning, 60.0, np.arange(3.0)).evenly().seconds[1] == pytest.approx(2.0 / 9.0, rel=0.02)


def test_the_field_of_view_is_vertical():
    cameras = Walk(np.eye(4)[None], 90.0, np.zeros(1)).cameras((300, 100))
    assert cameras.fx == pytest.approx(50.0) and cameras.fy == pytest.approx(50.0)
    assert (cameras.cx[0], cameras.cy[0]) == (150.0, 50.0)


def test_one_key_is_one_picture_or_stands_still():
    walk = Walk(ring(1), 50.0, np.zeros(1))
    assert len(walk.cameras()) == 1
    assert len(walk_through(ring(1), 50.0, 0.5, fps=10).cameras()) == 5


@pytest.mark.parametrize("closed", [False, True])
def test_a_file_brings_the_walk_back(tmp_path, closed):
    rng = np.random.default_rng(2)
    seconds = np.cumsum(rng.uniform(0.3, 2.0, 4 + closed))
    walk = Walk(some_keys(rng, 4), rng.uniform(20, 90, 4), seconds - seconds[0], closed, (320, 200), 12.0)
    write_walk(tmp_path / "camera_path.json", walk)
    back = read_walk(tmp_path / "camera_path.json")
    assert np.allclose(back.world_from_cam, walk.world_from_cam) and np.allclose(back.fov, walk.fov)
    assert np.allclose(back.seconds, walk.seconds)
    assert (back.closed, back.size, back.fps) == (closed, (320, 200), 12.0)


def test_a_file_of_others_comes_out_picture_by_picture(tmp_path):
    """What nerfstudio's viewer writes: a camera at (1, 2, 3) that looks along -z of the world, y up."""
    pictures = [
        {"camera_to_world": [1, 0, 0, 1 + 0.1 * i, 0, 1, 0, 2, 0, 0, 1, 3, 0, 0, 0, 1], "fov": 50 + i}
        for i in range(4)
    ]
    keys = [{"matrix": "[...]", "fov": 50, "aspect": 1.5, "override_transition_sec": None}]
    data = {
        "camera_type": "perspective", "render_width": 150, "render_height": 100, "fps": 24, "seconds": 0.1667,
        "is_cycle": True, "keyframes": keys, "camera_path": pictures,
    }  # fmt: skip
    (tmp_path / "path.json").write_text(json.dumps(data))
    cameras = read_walk(tmp_path / "path.json").cameras()
    assert np.allclose(cameras.centers, [[1 + 0.1 * i, 2, 3] for i in range(4)])
    assert np.allclose(cameras.view_directions, [0, 0, -1])
    assert np.allclose(cameras.world_from_cam[:, :3, 1], [0, -1, 0])  # OpenCV's y is down
    assert np.allclose(2 * np.degrees(np.arctan(50 / cameras.fy)), [50, 51, 52, 53])


@pytest.mark.parametrize("closed", [False, True])
def test_what_others_read_of_our_file(tmp_path, closed):
    walk = walk_through(ring(6), 40.0, 2.0, closed, (90, 60), 5.0)
    write_walk(tmp_path / "path.json", walk)
    data = json.loads((tmp_path / "path.json").read_text())
    cameras = walk.cameras()
    assert len(data["camera_path"]) == len(cameras) == 10
    for i, picture in enumerate(data["camera_path"]):
        matrix = np.array(picture["camera_to_world"]).reshape(4, 4)
        assert np.allclose(matrix[:3, 3], cameras.centers[i])
        assert np.allclose(-matrix[:3, 2], cameras.view_directions[i])  # OpenGL looks along -z
        assert picture["fov"] == pytest.approx(40.0) and picture["aspect"] == 1.5
    assert {"matrix", "fov", "aspect"} <= set(data["keyframes"][0])


BROKEN = {
    "no camera_path": lambda d: d.pop("camera_path"),
    "frame 1 has no camera_to_world": lambda d: d["camera_path"][1].pop("camera_to_world"),
    "is no 4x4 matrix": lambda d: d["camera_path"][1].update(camera_to_world=[1, 2]),
    "is not a rotation": lambda d: d["camera_path"][1].update(camera_to_world=[2.0] * 16),
    "fov of frame 0 is 180": lambda d: d["camera_path"][0].update(fov=180),
    "fov of frame 0 is 'wide'": lambda d: d["camera_path"][0].update(fov="wide"),
    "render_width is 0": lambda d: d.update(render_width=0),
    "render_height is None": lambda d: d.update(render_height=None),
    "fps is 0": lambda d: d.update(fps=0),
    "fisheye cameras": lambda d: d.update(camera_type="fisheye"),
    "camera_path is empty": lambda d: d.update(camera_path=[]),
}


@pytest.mark.parametrize("says", BROKEN)
def test_a_broken_file_is_one_line(tmp_path, says):
    path = tmp_path / "path.json"
    write_walk(path, walk_through(ring(3), 40.0, 1.0, fps=4.0))
    data = json.loads(path.read_text())
    data["keyframes"] = []
    BROKEN[says](data)
    path.write_text(json.dumps(data))
    with pytest.raises(UserError, match=says) as caught:
        read_walk(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_no_file_of_a_walk_is_one_line(tmp_path):
    for text in ("", "[1]", "{}", "{"):
        (tmp_path / "path.json").write_text(text)
        with pytest.raises(UserError, match=r"path\.json"):
            read_walk(tmp_path / "path.json")
    with pytest.raises(UserError, match="cannot be read"):
        read_walk(tmp_path / "nowhere.json")


def test_what_is_no_walk_is_said():
    keys = ring(3)
    for bad in (
        lambda: Walk(keys, 50.0, np.array([0.0, 1.0, 1.0])),
        lambda: Walk(keys, 50.0, np.array([1.0, 2.0, 3.0])),
        lambda: Walk(keys, 50.0, np.arange(3.0), closed=True),
        lambda: Walk(keys[:0], 50.0, np.zeros(0)),
        lambda: Walk(keys, 0.0, np.arange(3.0)),
        lambda: Walk(keys, 50.0, np.arange(3.0), fps=0.0),
        lambda: Walk(keys, 50.0, np.arange(3.0), size=(0, 10)),
        lambda: Walk(keys * 2.0, 50.0, np.arange(3.0)),
        lambda: Walk(keys, 50.0, np.arange(3.0)).lasting(0.0),
    ):
        with pytest.raises(UserError):
            bad()


def test_a_camera_that_looks_straight_down_is_a_camera():
    walk = Walk(looking(np.array([0.0, 0.0, 5.0]), np.zeros(3), UP)[None], 50.0, np.zeros(1))
    assert np.allclose(walk.cameras().view_directions, [0, 0, -1])
