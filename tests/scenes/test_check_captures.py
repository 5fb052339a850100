"""What scene check says of real captures: sparse points, baselines, coverage, blur, copies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter
from tiny_scenes import FOCAL, HEIGHT, WIDTH, look_at, ring_cameras, room_cameras

from neurfield.scenes import Cameras, Scene, check_scene
from neurfield.scenes.check_pictures import picture_findings
from neurfield.scenes.check_views import triangulation_angles, view_findings
from neurfield.scenes.coverage import cameras_of_cells, coverage_picture, write_coverage
from neurfield.scenes.finding import listed
from neurfield.scenes.images import FileList, read_rgb
from neurfield.scenes.tracks import Tracks

CENTRE = np.array([0.4, -0.3, 0.2])
BOX = np.stack([CENTRE - 0.5, CENTRE + 0.5])


def textured(folder, count, change=lambda i, picture: picture):
    """Pictures of fine and coarse texture, each its own."""
    paths = []
    for i in range(count):
        random = np.random.default_rng(i)
        picture = Image.fromarray(random.integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8))
        coarse = picture.filter(ImageFilter.GaussianBlur(1.5))
        levels = 0.25 * np.asarray(picture) + 4.0 * (np.asarray(coarse, np.float32) - 128.0) + 96.0
        picture = Image.fromarray(levels.clip(0, 255).astype(np.uint8))
        paths.append(folder / f"{i}.png")
        change(i, picture).save(paths[-1])
    return FileList(tuple(paths), read_rgb)


def scene_of(folder, cameras, points=None, tracks=None, files=None, **more):
    files = textured(folder, len(cameras)) if files is None else files
    return Scene("made", folder, cameras, {"image": files}, points=points, tracks=tracks, **more)


def sightings(cameras, points, off=0.0, seed=0):
    """Exact sightings of all points by all cameras, moved by `off` pixels in a direction by chance."""
    random = np.random.default_rng(seed)
    rows = [cameras.project(i, points)[0] for i in range(len(cameras))]
    pixel = np.concatenate(rows)
    turn = random.uniform(0, 2 * np.pi, len(pixel))
    pixel = pixel + off * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    frame, point = np.divmod(np.arange(len(pixel)), len(points))
    return Tracks(frame, point, pixel)


def said(findings, where, level=None):
    return [f for f in findings if f.where == where and level in (None, f.level)]


@pytest.fixture
def points():
    return np.random.default_rng(0).uniform(CENTRE - 0.3, CENTRE + 0.3, (40, 3))


@pytest.mark.parametrize(
    ("off", "level", "says"), [(0.4, "ok", "0.40 pixels"), (3.5, "error", "lens"), (1.0, "ok", "1.00 pixels")]
)
def test_how_far_sparse_points_are_off_is_said(tmp_path, points, off, level, says):
    ring = ring_cameras(CENTRE)
    scene = scene_of(tmp_path, ring, points, sightings(ring, points, off))
    (found,) = said(view_findings(scene), "sparse points")
    assert found.level == level and says in str(found)
    assert "40 points, 640 sightings" in found.what


def test_points_that_are_off_a_little_ask_for_poses_found_again(tmp_path, points):
    wide = replace(ring_cameras(CENTRE), width=np.full(16, 640), height=np.full(16, 480))
    scene = scene_of(tmp_path, wide, points, sightings(wide, points, 4.0))
    (found,) = said(view_findings(scene), "sparse points")
    assert found.level == "warn" and "--poses-from-pictures" in found.todo


def test_the_frame_whose_pose_is_off_is_named(tmp_path, points):
    ring = ring_cameras(CENTRE)
    tracks = sightings(ring, points, 0.3)
    poses = ring.world_from_cam.copy()
    poses[5, :3, 3] += 0.4 * poses[5, :3, 0]
    scene = scene_of(tmp_path, replace(ring, world_from_cam=poses), points, tracks)
    whole, frame = said(view_findings(scene), "sparse points")
    assert whole.level == "ok" and frame.level == "warn" and frame.what.startswith("frame 5 is off")
    alone = Tracks(*(column[tracks.frame != 7] for column in (tracks.frame, tracks.point, tracks.pixel)))
    found = said(view_findings(scene_of(tmp_path, ring, points, alone)), "sparse points", "warn")
    assert [f.what.split(" tied")[0] for f in found] == ["frame 7 is"]


def test_tracks_follow_their_frames(tmp_path, points):
    ring = ring_cameras(CENTRE)
    scene = scene_of(tmp_path, ring, points, sightings(ring, points))
    some = scene.with_frames(np.array([9, 2]))
    assert len(some.tracks) == 2 * len(points)
    assert some.tracks.errors(some.cameras, points).max() < 1e-9
    assert scene.without("image").tracks is scene.tracks
    assert scene_of(tmp_path, ring, None, scene.tracks).tracks is None, "of no points there are no tracks"


def test_angles_to_the_next_and_the_farthest_view(tmp_path):
    turn = np.radians([0.0, 4.0, 12.0, 30.0])
    centers = CENTRE + 2.0 * np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1)
    poses = np.stack([look_at(c, CENTRE) for c in centers])
    cameras = Cameras(poses, FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT)
    nearest, widest = triangulation_angles(scene_of(tmp_path, cameras, box=BOX, kind="outside"))
    np.testing.assert_allclose(nearest, [4, 4, 8, 18], atol=1e-6)
    np.testing.assert_allclose(widest, [30, 26, 18, 30], atol=1e-6)


def turned(count, step):
    """Cameras that turn on the spot, but for `step` to the side each."""
    poses = []
    for i in range(count):
        angle = np.radians(15.0 * i)
        center = np.array([2.5 + step * i, 2.0, 1.3])
        poses.append(
            look_at(center, center + np.array([np.cos(angle), np.sin(angle), 0.05 * np.sin(3 * angle)]))
        )
    return Cameras(np.stack(poses), FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT)


def test_pure_rotation_is_named(tmp_path):
    room = np.array([[0.0, 0.0, 0.0], [5.0, 4.0, 2.5]])
    spot = scene_of(tmp_path, turned(24, 1e-4), box=room)
    (found,) = said(check_scene(spot), "baselines")
    assert found.level == "warn" and "turn on the spot" in found.what and "walk" in found.todo
    assert not said(check_scene(scene_of(tmp_path, room_cameras(), box=room)), "baselines", "warn")
    depth = {"image": textured(tmp_path, 24), "sensor_depth": textured(tmp_path, 24)}
    sensed = Scene("made", tmp_path, turned(24, 1e-4), depth, box=room, kind="inside")
    assert [f.level for f in said(view_findings(sensed), "baselines")] == ["ok"]


def test_a_frame_that_only_turned_among_others_is_named(tmp_path):
    ring = ring_cameras(CENTRE, count=16)
    up = look_at(CENTRE + np.array([0.0, 0.0, 3.0]), CENTRE + np.array([0.1, 0.0, 9.0]))[None]
    cameras = replace(
        ring,
        **{name: np.full(17, getattr(ring, name)[0]) for name in ("fx", "fy", "cx", "cy")},
        width=np.full(17, WIDTH), height=np.full(17, HEIGHT),
        world_from_cam=np.concatenate([ring.world_from_cam, up]),
    )  # fmt: skip
    (found,) = said(view_findings(scene_of(tmp_path, cameras, box=BOX)), "baselines", "warn")
    assert found.what.startswith("frame 16 is only turned")


def test_views_too_far_apart_to_be_matched_are_said(tmp_path):
    scene = scene_of(tmp_path, ring_cameras(CENTRE, count=6), box=BOX)
    (found,) = said(view_findings(scene), "baselines")
    assert found.level == "warn" and "too far to be matched" in found.what


def test_how_many_cameras_see_each_part_of_the_box():
    poses = np.stack([look_at(np.array([-2.0, 0.5, 0.5]), np.array([0.0, 0.5, 0.5]))] * 3)
    cameras = Cameras(poses, 1000.0, 1000.0, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT)
    box = np.array([[0.0, 0.0, 0.0], [2.0, 1.0, 1.0]])
    counts = cameras_of_cells(cameras, box, cells=10)
    assert counts.shape == (10, 5, 5)
    assert (counts[:, 2, 2] == 3).all() and counts.sum() == 3 * 10, "they see one row of cells"


def test_a_box_that_is_hardly_seen_is_warned_of(tmp_path):
    ring = ring_cameras(CENTRE)
    (good,) = said(view_findings(scene_of(tmp_path, ring, box=BOX)), "coverage")
    assert good.level == "ok" and "100 %" in good.what and "16 cameras" in good.what
    wide = np.stack([CENTRE - 1.5, CENTRE + 1.5])
    narrow = replace(ring, fx=8 * ring.fx, fy=8 * ring.fy)
    (found,) = said(view_findings(scene_of(tmp_path, narrow, box=wide)), "coverage")
    assert found.level == "warn" and "box" in found.todo


def test_the_picture_shows_cameras_and_what_they_see(tmp_path):
    ring = ring_cameras(CENTRE)
    scene = scene_of(tmp_path, ring, box=BOX)
    write_coverage(scene, tmp_path / "coverage.png")
    picture = np.asarray(Image.open(tmp_path / "coverage.png"))
    assert np.array_equal(picture, coverage_picture(scene)) and picture.shape[2] == 3
    red = (picture[..., 0] > 150) & (picture[..., 1] < 60) & (picture[..., 2] < 60)
    yellow = (picture == [253, 231, 37]).all(axis=2)  # what all of them see
    assert red.sum() > 16 * 8 and yellow.sum() > 2000
    blind = replace(ring, world_from_cam=np.stack([look_at(c, 2 * c - CENTRE) for c in ring.centers]))
    unseen = coverage_picture(Scene("away", Path(), blind, {}, kind="outside"))
    assert not (unseen == [253, 231, 37]).all(axis=2)[:-90].any()


def test_blurred_pictures_are_named(tmp_path):
    def blur(i, picture):
        return picture.filter(ImageFilter.GaussianBlur(1.5)) if i in (4, 11) else picture

    scene = scene_of(tmp_path, ring_cameras(CENTRE), files=textured(tmp_path, 16, blur))
    (found,) = said(picture_findings(scene), "image", "warn")
    assert found.what.startswith("frames 4, 11 are blurred") and "sharpness" in found.what
    sharp = scene_of(tmp_path, ring_cameras(CENTRE))
    assert {f.level for f in picture_findings(sharp)} == {"ok"}


def test_what_is_plain_is_not_called_blurred(tmp_path):
    """Half of the cameras look at something smoother; they are compared with each other."""

    def plainer(i, picture):
        return picture.filter(ImageFilter.GaussianBlur(1.0)) if i < 8 else picture

    turn = np.append(np.linspace(0, 20, 8), np.linspace(180, 200, 8)) * np.pi / 180
    centers = CENTRE + 2.0 * np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1)
    poses = np.stack([look_at(c, CENTRE) for c in centers])
    cameras = Cameras(poses, FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT)
    scene = scene_of(tmp_path, cameras, files=textured(tmp_path, 16, plainer))
    assert not [f for f in picture_findings(scene) if "neighbours" in f.what and f.level == "warn"]


def test_a_capture_that_is_blurred_all_over_is_said(tmp_path):
    files = textured(tmp_path, 16, lambda i, picture: picture.filter(ImageFilter.GaussianBlur(2.5)))
    found = said(picture_findings(scene_of(tmp_path, ring_cameras(CENTRE), files=files)), "image", "warn")
    assert len(found) == 1 and "all are blurred or enlarged" in found[0].what


def test_flat_pictures_cannot_be_matched(tmp_path):
    files = textured(tmp_path, 16, lambda i, picture: Image.new("RGB", picture.size, (90 + i, 90, 90)))
    found = said(picture_findings(scene_of(tmp_path, ring_cameras(CENTRE), files=files)), "image", "warn")
    assert "flat" in found[-1].what


def with_copy(ring):
    poses = ring.world_from_cam.copy()
    poses[12] = poses[3]
    return replace(ring, world_from_cam=poses)


def test_the_same_picture_under_two_names_is_named(tmp_path):
    """Compressed again, so that not a byte is the same."""
    files = textured(tmp_path, 16)
    Image.open(files.paths[3]).save(tmp_path / "copy.jpg", quality=95)
    copied = FileList((*files.paths[:12], tmp_path / "copy.jpg", *files.paths[13:]), read_rgb)
    scene = scene_of(tmp_path, with_copy(ring_cameras(CENTRE)), files=copied)
    (found,) = [f for f in check_scene(scene) if f.level == "warn"]
    assert found.where == "frame 12" and found.what == "the same picture and pose as frame 3"


def test_one_pose_of_two_pictures_is_named(tmp_path):
    (found,) = [
        f for f in check_scene(scene_of(tmp_path, with_copy(ring_cameras(CENTRE)))) if f.level == "warn"
    ]
    assert found.where == "frame 12" and "same pose, another picture as frame 3" in found.what


def test_frames_are_listed_in_a_sentence():
    assert listed(np.array([3])) == "frame 3 is"
    assert listed(np.array([3, 4])) == "frames 3, 4 are"
    assert listed(np.arange(9)) == "frames 0, 1, 2, 3, 4 and 4 more are"
