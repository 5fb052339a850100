"""Poses that are off come back from the pictures, in the given world."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.poses import disturbed
from neurfield.cli.main import main
from neurfield.errors import UserError
from neurfield.evaluation import pose_errors
from neurfield.posing import PoseNumbers, from_pictures, poses_from_pictures
from neurfield.posing.from_pictures import laid_onto
from neurfield.scenes import Cameras, Scene, load_scene
from tests.posing.textured import FOCAL, HEIGHT, VIEWS, WIDTH, drawn, orbit, turning
from tests.scenes.tiny_scenes import write_transforms

pytest.importorskip("pycolmap", reason="pip install neurfield[photos]")
pytestmark = pytest.mark.slow
MIDDLE = np.array([0.0, 0.0, 0.4])


def seen_from(poses: np.ndarray) -> Cameras:
    return Cameras(poses, FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT)


def off(true: Cameras) -> Cameras:
    return disturbed(true, MIDDLE, 1.0, 0.02)


def write(folder: Path, true: Cameras, given: Cameras, plain: int | None = None) -> Path:
    """A scene whose pictures are of the true poses, one of them without anything in it."""
    lens = {"fl_x": FOCAL, "cx": WIDTH / 2, "cy": HEIGHT / 2, "w": WIDTH, "h": HEIGHT}
    pictures = [drawn(pose) for pose in true.world_from_cam]
    if plain is not None:
        pictures[plain][:] = 90
    write_transforms(folder, given, lens, lambda i: pictures[i])
    return folder


@pytest.fixture(scope="module")
def scene(tmp_path_factory) -> Scene:
    true = seen_from(orbit())
    return load_scene(write(tmp_path_factory.mktemp("scenes") / "off", true, off(true), plain=VIEWS - 1))


def test_poses_are_found_in_the_given_world(scene):
    again = poses_from_pictures(scene, threads=1)
    true, last = seen_from(orbit()).world_from_cam, VIEWS - 1
    assert again.found.tolist() == [i != last for i in range(VIEWS)]
    before = pose_errors(scene.cameras.world_from_cam[:last], true[:last])
    after = pose_errors(again.cameras.world_from_cam[:last], true[:last])
    assert np.median(before[0]) > 0.8 and after[0].max() < 0.4
    assert np.median(before[1]) > 0.02 and after[1].max() < 0.006
    # The world is that of the given poses: their errors, in the mean over the cameras.
    shift = np.linalg.norm(again.cameras.centers[:last] - true[:last, :3, 3], axis=1)
    assert shift.max() < 0.03
    # What was not found stays, to the bit; lenses do, too.
    assert np.array_equal(again.cameras.world_from_cam[last], scene.cameras.world_from_cam[last])
    assert again.turned[last] == again.moved[last] == 0.0 and np.median(again.turned[:last]) > 0.5
    assert np.array_equal(again.cameras.fx, scene.cameras.fx)


def test_a_scene_is_written_with_them(scene, tmp_path, capsys):
    out = tmp_path / "found"
    given = [
        "scene",
        "convert",
        str(scene.path),
        "--out",
        str(out),
        "--poses-from-pictures",
        "--threads",
        "1",
    ]
    assert main(given) == 0
    said = capsys.readouterr().out
    assert f"poses of {VIEWS - 1} of {VIEWS} frames found again" in said
    assert f"stay as they were given: images/{VIEWS - 1:03d}.png" in said
    degrees, _ = pose_errors(load_scene(out).cameras.world_from_cam[:-1], orbit()[:-1])
    assert degrees.max() < 0.4


def test_a_camera_that_only_turned_is_named(tmp_path):
    true = seen_from(turning())
    with pytest.raises(UserError, match="pure rotation"):
        poses_from_pictures(load_scene(write(tmp_path / "scene", true, true)), threads=1)


@pytest.mark.parametrize("plain, words", [(VIEWS, "only 0 of 10"), (3, "only 7 of 10")])
def test_too_few_pictures_that_tell_anything_are_one_line(tmp_path, plain, words):
    true = seen_from(orbit())
    path = write(tmp_path / "scene", true, true)
    for file in sorted((path / "images").iterdir())[:plain]:
        Image.fromarray(np.full((HEIGHT, WIDTH, 3), 90, np.uint8)).save(file)
    with pytest.raises(UserError, match=words) as caught:
        poses_from_pictures(load_scene(path), threads=1)
    assert "\n" not in str(caught.value)


def test_a_scene_without_pictures_is_one_line(scene):
    with pytest.raises(UserError, match="no pictures"):
        poses_from_pictures(scene.without("image"))


def test_a_pose_far_from_the_given_one_is_another_place_that_looks_the_same():
    given = seen_from(orbit())
    poses = given.world_from_cam.copy()
    poses[:, :3, 3] *= 3.0  # in a world of another unit
    poses[4] = poses[9]
    poses[6] = np.nan
    again = laid_onto(given, poses, PoseNumbers(9, VIEWS, 100, 0.5, 3.0, 10.0))
    assert np.flatnonzero(~again.found).tolist() == [4, 6]
    np.testing.assert_allclose(again.cameras.world_from_cam, given.world_from_cam, atol=1e-9)


def test_places_that_are_known_well_straighten_what_pictures_alone_bend(tmp_path, monkeypatch):
    true = seen_from(orbit())
    scene = load_scene(write(tmp_path / "scene", true, disturbed(true, MIDDLE, 1.0, 0.0)))
    held = poses_from_pictures(scene, threads=1)
    monkeypatch.setattr(from_pictures, "_hold", lambda *_: None)
    free = poses_from_pictures(scene, threads=1)
    off, bent = (pose_errors(one.cameras.world_from_cam, orbit())[1].max() for one in (held, free))
    assert off < 0.5 * bent and off < 0.002
