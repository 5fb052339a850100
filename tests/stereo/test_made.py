"""The made scenes are what they say: views agree, normals belong to the depth, files are read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurfield.scenes import load_scene
from tests.stereo import made


def points_of(scene: made.MadeScene, i: int) -> np.ndarray:
    """The points [h,w,3] that the pixels of view i see, world."""
    h, w = scene.depth.shape[1:]
    v, u = np.mgrid[0:h, 0:w] + 0.5
    fx, fy, cx, cy = scene.lens[i].astype(np.float64)
    in_cam = np.stack([(u - cx) / fx, (v - cy) / fy, np.ones((h, w))], axis=-1) * scene.depth[i, ..., None]
    pose = scene.cameras.world_from_cam[i]
    return in_cam @ pose[:3, :3].T + pose[:3, 3]


@pytest.mark.parametrize("name", made.ALL)
def test_views_agree_on_what_they_see(name: str) -> None:
    """A point of one view is not in front of the surface that the next view sees there, and mostly on it."""
    scene = made.ALL[name]()
    axes = scene.cameras.view_directions
    near_by = int(np.argsort(-axes @ axes[7])[1])
    assert scene.colour.shape == (made.VIEWS, made.HEIGHT, made.WIDTH, 3)
    assert ((scene.depth > 0) == scene.mask).all() and scene.mask.any(axis=(1, 2)).all()
    seen = scene.mask[7]
    points = points_of(scene, 7)[seen]
    assert (points > scene.box[0] - 1e-5).all() and (points < scene.box[1] + 1e-5).all()
    uv, z = scene.cameras.project(near_by, points)
    column, row = np.floor(uv).astype(int).T
    inside = (column >= 1) & (column < made.WIDTH - 1) & (row >= 1) & (row < made.HEIGHT - 1)
    around = np.stack(
        [scene.depth[near_by][row[inside] + a, column[inside] + b] for a in (-1, 0, 1) for b in (-1, 0, 1)]
    )
    around[around == 0] = np.inf
    near, far = around.min(axis=0), np.where(np.isinf(around), 0, around).max(axis=0)
    on_surface = (z[inside] > near - 1e-4) & (z[inside] < far + 1e-4)
    in_front = z[inside] < near - 1e-4
    assert on_surface.mean() > 0.5 and in_front.mean() < 0.02
    # There it looks the same: light and paint do not know the camera.
    same = z[inside] - around[4]
    flat = (np.abs(same) < 0.01 * z[inside]) & (around.max(axis=0) - near < 0.02 * near)
    mine = scene.grey[7][seen][inside][flat].astype(float)
    theirs = scene.grey[near_by][row[inside][flat], column[inside][flat]].astype(float)
    assert flat.any() and np.median(np.abs(mine - theirs)) < 15


@pytest.mark.parametrize("name", ["slanted floor", "textured mug", "plain room"])
def test_normals_belong_to_the_depth_and_face_the_camera(name: str) -> None:
    scene = made.ALL[name]()
    points, normal, part = points_of(scene, 5), scene.normal[5], scene.part[5]
    right, down = points[1:-1, 2:] - points[1:-1, :-2], points[2:, 1:-1] - points[:-2, 1:-1]
    across = np.cross(down, right) @ scene.cameras.world_from_cam[5, :3, :3]  # to camera axes
    across /= np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-12)
    middle = normal[1:-1, 1:-1]
    seen = scene.mask[5]
    even = seen[1:-1, 1:-1]
    rest = slice(1, -1)
    for shift in ((rest, slice(2, None)), (rest, slice(None, -2)), (slice(2, None), rest)):
        even = even & (part[shift] == part[1:-1, 1:-1]) & ((normal[shift] * middle).sum(axis=-1) > 0.99)
    assert even.sum() > 500
    assert np.quantile((across * middle).sum(axis=-1)[even], 0.05) > 0.98
    assert np.allclose(np.linalg.norm(normal[seen], axis=-1), 1, atol=1e-5)
    v, u = np.mgrid[0 : made.HEIGHT, 0 : made.WIDTH] + 0.5
    fx, fy, cx, cy = scene.lens[5]
    rays = np.stack([(u - cx) / fx, (v - cy) / fy, np.ones_like(u)], axis=-1)
    assert ((rays * normal).sum(axis=-1)[seen] < 0).all() and (normal[~seen] == 0).all()


def test_the_floor_is_slanted_by_seventy_degrees() -> None:
    scene = made.slanted_floor()
    middle = scene.normal[:, made.HEIGHT // 2, made.WIDTH // 2]
    assert np.allclose(np.degrees(np.arccos(-middle[:, 2])), 70, atol=0.5)


@pytest.mark.parametrize("name", ["plain mug", "open box"])
def test_what_is_seen_lies_between_solid_and_free(name: str) -> None:
    scene = made.ALL[name]()
    assert scene.solid is not None and scene.cavity is not None
    for i in (0, 23):
        seen = scene.mask[i]
        points = points_of(scene, i)[seen]
        ray = points - scene.cameras.centers[i]
        ray /= np.linalg.norm(ray, axis=1, keepdims=True)
        assert scene.solid(points + 1e-4 * ray).mean() > 0.99  # all but at the edges
        assert not scene.solid(points - 1e-4 * ray).any()
    inside = scene.is_part("inside")
    assert inside.mean() > 0.05
    volume = np.random.default_rng(0).uniform(*scene.box, size=(20000, 3))
    assert 0.4 < scene.cavity(volume).mean() < 0.9 and not (scene.cavity(volume) & scene.solid(volume)).any()


def test_black_is_black_and_plain_has_no_texture() -> None:
    black = made.mug("black inside")
    assert black.colour[black.is_part("inside")].mean() < 3  # where the edge of the rim mixes in
    assert made.open_box().colour[made.open_box().is_part("inside")].mean() < 3
    room = made.plain_room()
    walls = [room.grey[i][room.is_part("wall")[i]] for i in range(made.VIEWS)]
    # Six plain faces have most of the wall's pixels: so few levels.
    for levels in walls:
        assert np.sort(np.bincount(levels, minlength=256))[::-1][:6].sum() > 0.55 * len(levels)
    assert made.textured_room().grey.std() > 20


def test_altered_pictures_keep_the_surface() -> None:
    scene = made.textured_room()
    worse, gain = scene.altered(noise=2.0, gains=(0.7, 1.4), vignetting=0.3, seed=3)
    assert worse.depth is scene.depth and gain.shape == (made.VIEWS,)
    assert 0.7 <= gain.min() < 0.8 and 1.25 < gain.max() <= 1.4
    middle = (slice(None), slice(50, 70), slice(70, 90))
    unclipped = scene.grey[middle].astype(float).clip(1)
    assert np.allclose(worse.grey[middle].mean(axis=(1, 2)) / unclipped.mean(axis=(1, 2)), gain, rtol=0.06)
    same, ones = scene.altered()
    assert (same.colour == scene.colour).all() and (ones == 1).all()
    noisy, _ = scene.altered(noise=2.0)
    difference = noisy.colour[..., 0].astype(float) - scene.colour[..., 0]
    assert 1.7 < difference[scene.colour[..., 0] > 20].std() < 2.2


@pytest.mark.parametrize("name", ["plain mug", "two planes"])
def test_written_scenes_are_read_back(name: str, tmp_path: Path) -> None:
    scene = made.ALL[name]()
    read = load_scene(scene.write(tmp_path / "made"))
    kept = scene.scene()
    assert read.sources == kept.sources == ({"image", "mask"} if scene.kind == "outside" else {"image"})
    assert np.allclose(read.cameras.world_from_cam, scene.cameras.world_from_cam)
    assert np.allclose(read.box, scene.box) and read.kind == kept.kind == scene.kind
    for i in (0, 23):
        assert (read.image(i) == scene.colour[i]).all() and (kept.image(i) == scene.colour[i]).all()
        if "mask" in read.sources:
            assert (read.mask(i) == scene.mask[i]).all() and (kept.mask(i) == scene.mask[i]).all()
    assert load_scene(scene.write(tmp_path / "bare", masks=False)).sources == {"image"}
