"""Pictures of a scene brought to one size and one lens, and maps brought back to each frame's own pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from neurfield.ops import depth_and_normal, fit_planes
from neurfield.scenes import Cameras, Scene
from neurfield.scenes.images import FileList
from neurfield.stereo import Flag, ScenePictures, StereoMaps, scene_pictures
from neurfield.stereo.geometry import pixel_rays
from tests.scenes.tiny_scenes import look_at

PLANE, NORMAL = np.array([0.2, 0.1, 0.0]), np.array([0.3, -0.2, 0.9])
POSES = np.stack([look_at(np.array([x, -0.5, 4.0]), PLANE) for x in (0.0, 0.4, -0.4)])
LENS = np.array([-0.25, 0.06, 0.004, -0.003, 0.0])


def meet(cameras: Cameras, i: int) -> tuple[np.ndarray, np.ndarray]:
    """Points [h,w,3] on the plane and z-depth [h,w] at the pixels of camera i."""
    width, height = int(cameras.width[i]), int(cameras.height[i])
    rows, columns = np.mgrid[:height, :width]
    pixels = np.stack([columns.ravel() + 0.5, rows.ravel() + 0.5], axis=1)
    origins, directions, z_per_t = cameras.rays(np.full(len(pixels), i), pixels)
    t = ((PLANE - origins) @ NORMAL) / (directions @ NORMAL)
    points = origins + directions * t[:, None]
    return points.reshape(height, width, 3), (t * z_per_t).reshape(height, width)


def painted(points: np.ndarray) -> np.ndarray:
    wave = 120 + 60 * np.sin(5.0 * points[..., 0]) * np.cos(4.0 * points[..., 1])
    return np.repeat(np.rint(wave).astype(np.uint8)[..., None], 3, axis=2)


def scene_of(cameras: Cameras, masks: list[np.ndarray] | None = None) -> Scene:
    pictures = [painted(meet(cameras, i)[0]) for i in range(len(cameras))]
    paths = tuple(Path(str(i)) for i in range(len(cameras)))
    files = {"image": FileList(paths, lambda path: pictures[int(path.name)])}
    if masks is not None:
        files["mask"] = FileList(paths, lambda path: masks[int(path.name)])
    return Scene("plane", Path("plane"), cameras, files, box=[[-3, -3, -3], [3, 3, 3]], kind="outside")


def shows_the_plane(views: ScenePictures, tolerance: float) -> None:
    """The pictures show what their own cameras would see."""
    for i in range(len(views.cameras)):
        shown = np.ones(views.pictures.grey.shape[1:], bool)
        if views.pictures.inside is not None:
            shown = views.pictures.inside[i].numpy()
        truth = painted(meet(views.cameras, i)[0])[..., 0].astype(float)
        error = np.abs(views.pictures.grey[i].numpy() - truth)[shown]
        assert np.median(error) <= tolerance and np.percentile(error, 98) < 6 * tolerance


def maps_of(views: ScenePictures) -> StereoMaps:
    """Exact maps of the plane."""
    depth = torch.stack([torch.from_numpy(meet(views.cameras, i)[1]).float() for i in range(3)])
    _, normal = depth_and_normal(fit_planes(1 / depth), views.pictures.lens)
    flags = torch.full(depth.shape, int(Flag.MATCHED), dtype=torch.uint8)
    return StereoMaps(
        np.arange(3), depth, normal, torch.ones_like(depth), flags, np.zeros((3, 1), int), views
    )


def own_depth_is_exact(maps: StereoMaps, own: Cameras, tolerance: float) -> None:
    for k in range(3):
        frame = maps.frame(k)
        truth = meet(own, k)[1]
        rows, columns = (
            ((np.arange(frame.depth.shape[a]) + 0.5) * truth.shape[a] / frame.depth.shape[a]).astype(int)
            for a in (0, 1)
        )
        known = frame.depth > 0
        assert known.mean() > 0.85 and frame.flags[~known].max(initial=0) == Flag.NONE
        error = np.abs(frame.depth / truth[rows][:, columns] - 1.0)[known]
        assert np.percentile(error, 95) < tolerance


def test_one_size_passes_as_it_is() -> None:
    cameras = Cameras(POSES, 80.0, 80.0, 50.0, 35.0, 100, 70)
    views = scene_pictures(scene_of(cameras), 1024)
    assert views.same and views.pictures.inside is None and views.pictures.gain is None
    assert np.array_equal(views.pictures.grey[1].numpy(), painted(meet(cameras, 1)[0])[..., 0])
    own_depth_is_exact(maps_of(views), cameras, 1e-5)


def test_luma_weighs_the_colours() -> None:
    scene = scene_of(Cameras(POSES, 80.0, 80.0, 50.0, 35.0, 100, 70))
    colour = np.zeros((70, 100, 3), np.uint8)
    colour[:] = (200, 100, 50)
    scene = scene.with_files({"image": FileList(scene.files["image"].paths, lambda path: colour)})
    assert (scene_pictures(scene, 1024).pictures.grey == round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)).all()


def test_mixed_sizes_and_shapes() -> None:
    cameras = Cameras(
        POSES, [80.0, 120.0, 80.0], [80.0, 120.0, 80.0], [50.0, 52.5, 50.0], [35.0, 75.0, 35.0],
        [100, 105, 100], [70, 150, 70],
    )  # fmt: skip
    views = scene_pictures(scene_of(cameras), 1024)
    assert tuple(views.pictures.grey.shape) == (3, 70, 100) and not views.same
    shows_the_plane(views, 1.0)
    maps = maps_of(views)
    assert maps.frame(1).depth.shape == (150, 105) and maps.frame(0).depth.shape == (70, 100)
    own_depth_is_exact(maps, cameras, 2e-3)


def test_large_pictures_are_reduced() -> None:
    cameras = Cameras(POSES, 240.0, 240.0, 150.0, 105.0, 301, 211)
    views = scene_pictures(scene_of(cameras), 100)
    assert tuple(views.pictures.grey.shape) == (3, 70, 100)
    shows_the_plane(views, 1.5)
    own_depth_is_exact(maps_of(views), cameras, 6e-3)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_distorted_lens(sign: float) -> None:
    cameras = Cameras(POSES, 80.0, 80.0, 50.0, 35.0, 100, 70, np.tile(sign * LENS, (3, 1)))
    views = scene_pictures(scene_of(cameras), 1024)
    assert views.cameras.distortion is None and not views.same
    if sign < 0:  # a pincushion's picture does not fill the corners of a pinhole's
        assert views.pictures.inside is not None and 0.8 < views.pictures.inside.float().mean() < 1.0
    shows_the_plane(views, 1.0)
    own_depth_is_exact(maps_of(views), cameras, 2e-3)


def test_masks_of_pictures_and_their_sizes() -> None:
    cameras = Cameras(
        POSES,
        [80.0, 160.0, 80.0],
        [80.0, 160.0, 80.0],
        [50.0, 100.0, 50.0],
        [35.0, 70.0, 35.0],
        [100, 200, 100],
        [70, 140, 70],
    )
    masks = [np.zeros((int(h), int(w)), bool) for w, h in zip(cameras.width, cameras.height)]
    for mask in masks:
        mask[: len(mask) // 2] = True
    inside = scene_pictures(scene_of(cameras, masks), 1024).pictures.inside
    assert inside is not None and inside[:, :35].all() and not inside[:, 35:].any()


def test_attached_maps_are_sources_of_the_scene() -> None:
    cameras = Cameras(POSES, 80.0, 80.0, 50.0, 35.0, 100, 70)
    scene = scene_of(cameras)
    maps = maps_of(scene_pictures(scene, 1024))
    held = maps.attached_to(scene)
    assert held.sources == {"image", "stereo_depth", "stereo_normal", "stereo_confidence"}
    assert np.array_equal(held.stereo_depth(2), maps.depth[2].numpy())
    assert held.with_frames(np.array([2])).stereo_normal(0) is not None


def test_the_box_holds_what_was_matched() -> None:
    cameras = Cameras(POSES, 80.0, 80.0, 50.0, 35.0, 100, 70)
    maps = maps_of(scene_pictures(scene_of(cameras), 1024))
    points = np.concatenate([meet(cameras, i)[0].reshape(-1, 3) for i in range(3)])
    box = maps.box(margin=0.0)
    low, high = np.percentile(points, [1, 99], axis=0)
    assert (box[0] <= low).all() and (box[1] >= high).all()
    assert (box[0] >= points.min(axis=0) - 1e-3).all() and box[1][2] >= cameras.centers[:, 2].max() - 1e-6
    assert maps.points(500).shape == (500, 3)
    distance = (maps.points() - PLANE) @ NORMAL
    assert np.abs(distance).max() < 1e-4


def test_rays_are_of_their_pixels() -> None:
    views = scene_pictures(scene_of(Cameras(POSES, 80.0, 90.0, 47.0, 36.0, 100, 70)), 1024)
    points, depth = meet(views.cameras, 0)
    rays = pixel_rays(views.pictures, 0).double().numpy()
    pose = views.cameras.world_from_cam[0]
    assert np.abs((rays * depth[..., None]) @ pose[:3, :3].T + pose[:3, 3] - points).max() < 1e-5
