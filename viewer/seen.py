"""Cameras as pyramids, their pictures in space, and what their depth shows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import trimesh
from PIL import Image

from neurfield.scenes import Cameras, Scene
from neurfield.viewer.layers import Pictures, Points

_PICTURE = 160  # pixels along the longer side of a picture in space
_MOST_FRAMES = 32
_MOST_POINTS = 400_000
_GREY = np.array([120, 118, 112], np.uint8)


def clay_points(count: int) -> np.ndarray:
    """Colours uint8 [count, 3] of points that have none."""
    return np.tile(_GREY, (count, 1))


def points_of(cloud: trimesh.PointCloud, origin: np.ndarray) -> Points:
    """A cloud in the world as it is shown around `origin` [3]; without those that are not finite."""
    places = (np.asarray(cloud.vertices) - origin).astype(np.float32)
    given = np.asarray(cloud.colors)
    colors = given[:, :3].astype(np.uint8) if len(given) == len(places) else clay_points(len(places))
    finite = np.isfinite(places).all(axis=1)
    return Points(places[finite], colors[finite])


def camera_rims(cameras: Cameras, depth: float) -> np.ndarray:
    """The corners [n, 4, 3] of each camera's picture at a z-depth: upper left, upper right, and around."""
    n = len(cameras)
    right = np.stack([np.zeros(n), cameras.width, cameras.width, np.zeros(n)], axis=1)
    down = np.stack([np.zeros(n), np.zeros(n), cameras.height, cameras.height], axis=1)
    x = (right - cameras.cx[:, None]) / cameras.fx[:, None] * depth
    y = (down - cameras.cy[:, None]) / cameras.fy[:, None] * depth
    in_cam = np.stack([x, y, np.full_like(x, depth)], axis=-1)
    pose = cameras.world_from_cam
    return np.einsum("nij,nkj->nki", pose[:, :3, :3], in_cam) + pose[:, None, :3, 3]


def camera_pyramids(cameras: Cameras, depth: float) -> np.ndarray:
    """Lines [8n,2,3] from each camera's centre to the corners of its picture at a z-depth, and around."""
    corners = camera_rims(cameras, depth)
    centers = np.broadcast_to(cameras.centers[:, None], corners.shape)
    spokes = np.stack([centers, corners], axis=2)
    rim = np.stack([corners, np.roll(corners, -1, axis=1)], axis=2)
    return np.concatenate([spokes, rim], axis=1).reshape(-1, 2, 3)


def has_pictures(scene: Scene) -> bool:
    """Whether there are pictures of a scene's cameras."""
    return "image" in scene.sources


def picture_quads(
    cameras: Cameras, depth: float, frames: np.ndarray, image: Callable[[int], np.ndarray]
) -> Pictures:
    """The pictures of cameras, small, in the rims of their pyramids.

    Args:
        cameras: n of them, as shown.
        depth: of the pyramids.
        frames: [n], by which `image` knows them.
        image: gives the picture uint8 [H, W, 3] of a frame.
    """
    small = []
    for frame in frames:
        picture = Image.fromarray(image(int(frame)))
        picture.thumbnail((_PICTURE, _PICTURE), Image.Resampling.BOX)
        small.append(np.asarray(picture))
    return Pictures(camera_rims(cameras, depth).astype(np.float32), tuple(small))


def depth_points(scene: Scene, origin: np.ndarray) -> Points:
    """What the depth of a scene shows, as coloured points around `origin` [3]."""
    source = "sensor_depth" if "sensor_depth" in scene.sources else "depth"
    frames = np.unique(np.linspace(0, len(scene) - 1, min(len(scene), _MOST_FRAMES)).astype(int))
    places, colors = [np.zeros((0, 3))], [np.zeros((0, 3), np.uint8)]
    for frame in frames:
        depth = scene.array(source, int(frame))
        if depth is None:
            continue
        step = max(1, int(np.ceil(np.sqrt(depth.size * len(frames) / _MOST_POINTS))))
        rows, columns = np.nonzero(depth[::step, ::step] > 0)
        uv = np.stack([columns, rows], axis=1) * step + 0.5
        origins, directions, z_per_t = scene.cameras.rays(np.full(len(uv), frame), uv)
        z = depth[rows * step, columns * step]
        places.append(origins - origin + directions * (z / z_per_t)[:, None])
        known = "image" in scene.sources
        colors.append(scene.image(int(frame))[rows * step, columns * step] if known else clay_points(len(uv)))
    return Points(np.concatenate(places).astype(np.float32), np.concatenate(colors))
