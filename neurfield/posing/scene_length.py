"""The unit of a scene that has poses already, from one length that somebody measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.posing.known_length import parse_length, photos_meant, point_of_rays
from neurfield.scenes import Cameras, Scene
from neurfield.scenes.poses_file import frame_names

_MOST_MISSED = 0.01  # of a picture's width: how far from a pixel the point may be seen that two pixels mean


def in_metres(scene: Scene, text: str) -> Scene:
    """The scene in metres, because a length in it is known.

    Args:
        scene: of whatever unit, without measured depth.
        text: how far apart two pictures were taken, "PICTURE PICTURE METRES"; or two points by their pixels
            in two pictures, "PICTURE X,Y X,Y PICTURE X,Y X,Y METRES".

    Raises:
        UserError: the text has another form, a picture is not there, pixels do not mean the same points, or
            `Scene.scaled` refuses.
    """
    length = parse_length(text)
    names = [Path(name).stem for name in frame_names(scene)]
    frames = photos_meant(length, names)
    if length.pixels is None:
        ends = scene.cameras.centers[list(frames)]
    else:
        ends = np.stack([_met(scene.cameras, frames, length.names, length.pixels[:, k]) for k in range(2)])
    measured = float(np.linalg.norm(ends[0] - ends[1]))
    if measured < 1e-9 * max(1.0, float(np.abs(ends).max())):
        raise UserError(f"--known-length {text!r}: the two places are one: name two that differ")
    return scene.scaled(length.metres / measured)


def _met(cameras: Cameras, frames: tuple[int, int], names: tuple[str, str], pixels: np.ndarray) -> np.ndarray:
    """The point [3] nearest to the rays of two pixels [2, 2], one in each of two frames."""
    for i, name, pixel in zip(frames, names, pixels):
        size = np.array([cameras.width[i], cameras.height[i]])
        if (pixel < 0).any() or (pixel > size).any():
            raise UserError(
                f"--known-length: pixel {pixel[0]:g},{pixel[1]:g} is not in {name}, which has "
                f"{size[0]}x{size[1]} here"
            )
    origins, rays, _ = cameras.rays(np.array(frames), pixels)
    rays = np.asarray(rays, dtype=np.float64)
    point = point_of_rays(origins, rays / np.linalg.norm(rays, axis=1, keepdims=True))
    for i, name, pixel in zip(frames, names, pixels):
        seen, depth = cameras.project(i, point[None])
        if depth[0] <= 0 or np.linalg.norm(seen[0] - pixel) > _MOST_MISSED * cameras.width[i]:
            raise UserError(
                f"--known-length: {pixel[0]:g},{pixel[1]:g} in {name} is not the point given in the other "
                "picture (their rays pass each other): measure the pixels again"
            )
    return point
