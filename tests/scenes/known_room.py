"""A bare room with smooth colours, drawn exactly through any lens: what readers of layouts are held to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from tiny_scenes import FOCAL, HEIGHT, ROOM, WIDTH, room_cameras

from neurfield.scenes import Cameras, Scene
from neurfield.scenes.lenses import Lens

FRAMES = 6
# A middle off the picture's, focal lengths that differ: mistakes with either are seen.
KNOWN = Cameras(
    room_cameras(FRAMES).world_from_cam, FOCAL, FOCAL + 2.0, WIDTH / 2 - 1.5, HEIGHT / 2 + 1.0, WIDTH, HEIGHT
)


def seen(pose: np.ndarray, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """z-depth [...] and colour uint8 [...,3] along rays [...,3] of z = 1 in camera axes."""
    directions = rays @ pose[:3, :3].T
    walls = np.where(directions > 0, ROOM[1], ROOM[0])
    with np.errstate(divide="ignore"):
        depth = np.where(directions != 0, (walls - pose[:3, 3]) / directions, np.inf).min(axis=-1)
    hits = pose[:3, 3] + directions * depth[..., None]
    return depth, np.rint(127.5 + 100.0 * np.sin(1.3 * hits + 0.5)).astype(np.uint8)


def normals_of(pose: np.ndarray, rays: np.ndarray) -> np.ndarray:
    """Unit normals [...,3] of the walls along rays [...,3] of z = 1, in camera axes, towards the camera."""
    directions = rays @ pose[:3, :3].T
    walls = np.where(directions > 0, ROOM[1], ROOM[0])
    with np.errstate(divide="ignore"):
        axis = np.where(directions != 0, (walls - pose[:3, 3]) / directions, np.inf).argmin(axis=-1)
    normals = np.eye(3)[axis] * -np.sign(np.take_along_axis(directions, axis[..., None], axis=-1))
    return np.asarray(normals @ pose[:3, :3])


def pinhole_rays(cameras: Cameras, i: int) -> np.ndarray:
    """Rays [H,W,3], z = 1, of the middles of all pixels of a camera without distortion."""
    rows, columns = np.mgrid[: cameras.height[i], : cameras.width[i]] + 0.5
    x, y = (columns - cameras.cx[i]) / cameras.fx[i], (rows - cameras.cy[i]) / cameras.fy[i]
    return np.stack([x, y, np.ones_like(x)], axis=-1)


def bent_rays(lens: Lens, width: int, height: int) -> np.ndarray:
    """Rays [H,W,3], z = 1, of the middles of the pixels of a picture through a lens, by Newton's method."""
    rows, columns = np.mgrid[:height, :width] + 0.5
    x, y = (columns - lens.cx) / lens.fx, (rows - lens.cy) / lens.fy
    h = 1e-6
    for _ in range(40):
        u, v = lens.pixels(x, y)
        (ux, vx), (uy, vy) = lens.pixels(x + h, y), lens.pixels(x, y + h)
        a, b, c, d = (ux - u) / h, (uy - u) / h, (vx - v) / h, (vy - v) / h
        du, dv, det = columns - u, rows - v, a * d - b * c
        x, y = x + (d * du - b * dv) / det, y + (a * dv - c * du) / det
    return np.stack([x, y, np.ones_like(x)], axis=-1)


def drawn(i: int, cameras: Cameras = KNOWN) -> tuple[np.ndarray, np.ndarray]:
    """z-depth [H,W] and colour [H,W,3] of frame i."""
    return seen(cameras.world_from_cam[i], pinhole_rays(cameras, i))


def write_picture(path: Path, picture: np.ndarray) -> None:
    """A picture or map of integers, in a folder that is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


def write_millimetres(path: Path, depth: np.ndarray, per_metre: float = 1000.0, nothing: int = 0) -> None:
    """Depth as 16-bit integers; the upper left corner holds what stands for nothing."""
    levels = np.round(depth * per_metre).astype(np.uint16)
    levels[:2, :3] = nothing
    write_picture(path, levels)


def outline(i: int) -> np.ndarray:
    """A mask that differs from frame to frame, and from its own mirror images: bool [H,W]."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.asarray((columns > 10 + i) & (rows > 5) & (rows + columns < 90))


def smaller(cameras: Cameras, factor: int) -> Cameras:
    """The same cameras with 1 / factor as many rows and columns."""
    values = {name: getattr(cameras, name) / factor for name in ("fx", "fy", "cx", "cy")}
    return Cameras(
        cameras.world_from_cam,
        **values,
        width=cameras.width // factor,
        height=cameras.height // factor,
    )


def assert_cameras(scene: Scene, known: Cameras = KNOWN, atol: float = 1e-9) -> None:
    """Poses, lenses and sizes are the known ones."""
    assert len(scene) == len(known)
    np.testing.assert_allclose(scene.cameras.world_from_cam, known.world_from_cam, atol=atol)
    for name in ("fx", "fy", "cx", "cy", "width", "height"):
        np.testing.assert_allclose(
            getattr(scene.cameras, name), getattr(known, name), rtol=1e-6, err_msg=name
        )


def assert_depth(scene: Scene, source: str, i: int, known: np.ndarray, atol: float = 6e-4) -> None:
    """The depth of frame i is the known one, and nothing where nothing was written."""
    depth = scene.array(source, i)
    assert depth is not None and not depth[:2, :3].any()
    np.testing.assert_allclose(depth[2:], known[2:], atol=atol)


def assert_consistent(scene: Scene, i: int, source: str = "sensor_depth") -> None:
    """Depth, carried into the world by the scene's own cameras, lies on the walls of the room."""
    depth = scene.array(source, i)
    assert depth is not None
    rows, columns = np.nonzero(depth)
    pixels = np.stack([columns, rows], axis=1) + 0.5
    origins, directions, z_per_t = scene.cameras.rays(np.full(len(rows), i), pixels)
    points = origins + directions * (depth[rows, columns] / z_per_t)[:, None]
    to_wall = np.minimum(np.abs(points - ROOM[0]), np.abs(points - ROOM[1])).min(axis=1)
    assert to_wall.max() < 2e-3
