"""The scanned objects on a table in a room, without masks: what somebody with a phone has.

A round wooden table under the object, and a papered room of 4 x 4 x 2.6 m around it, in the procedural
materials of the built-in rooms. 64 cameras look down at the object from 10 to 75 degrees above the table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh
from trimesh.intersections import slice_faces_plane

from benchmarks import object_assets, object_render
from benchmarks.common import say
from neurfield.scenes.builtin import data_root
from neurfield.scenes.cameras import Cameras
from neurfield.scenes.room.materials import srgb
from neurfield.scenes.room.patterns import Planks, Slabs, Wallpaper, Wood

# Linear light [k,3] of points and normals [k,3], metres.
Pattern = Callable[[np.ndarray, np.ndarray], np.ndarray]
TABLE_RADIUS = 0.4  # metres
ROOM = np.array([[-2.0, -2.0, 0.0], [2.0, 2.0, 2.6]])  # about the object's place, from the floor
LOWEST, HIGHEST = np.radians(10.0), np.radians(75.0)
# Of the object's diagonal: meshes are measured from this far above the table, and this far around the object.
ABOVE_TABLE, AROUND_OBJECT = 0.01, 0.03
TOP = Wood(srgb("#c39a6b"), srgb("#7a5230"), ring=0.015)
FLOOR = Planks(srgb("#a08060"), srgb("#6f5238"))
WALL = Wallpaper(srgb("#d8cdb4"), srgb("#6d8a78"))
CEILING = Slabs(srgb("#c9c4ba"), srgb("#9a958c"), srgb("#5f5b55"))


@dataclass(frozen=True)
class Surroundings:
    """The table and the room about an object that stands at [3] (its lowest, middle point).

    Called with rays, it answers as `object_render.Around`; `top` is what the table is made of.
    """

    at: np.ndarray
    top: Pattern = TOP

    def __call__(self, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        o, d = (origins - [*self.at[:2], 0.0]).astype(np.float32), directions.astype(np.float32)
        with np.errstate(divide="ignore", invalid="ignore"):
            to_walls = (np.where(d > 0, ROOM[1], ROOM[0]).astype(np.float32) - o) / d
            to_top = (np.float32(self.at[2]) - o[:, 2]) / d[:, 2]
        to_walls[d == 0] = np.inf
        axis = to_walls.argmin(axis=1)
        distance = np.take_along_axis(to_walls, axis[:, None], axis=1)[:, 0]
        from_above = (o[:, 2] > self.at[2]) & (to_top > 0) & (to_top < distance)
        at_top = o[:, :2] + np.where(from_above, to_top, 0)[:, None] * d[:, :2]
        on_table = from_above & (np.hypot(at_top[:, 0], at_top[:, 1]) < TABLE_RADIUS)
        distance = np.where(on_table, to_top, distance)
        points = o + distance[:, None] * d
        normals = np.zeros_like(d)
        np.put_along_axis(normals, axis[:, None], -np.sign(np.take_along_axis(d, axis[:, None], 1)), 1)
        normals[on_table] = (0.0, 0.0, 1.0)
        colour = np.zeros_like(d)
        level = (axis == 2) & ~on_table
        for pattern, here in (
            (self.top, on_table), (FLOOR, level & (d[:, 2] < 0)), (CEILING, level & (d[:, 2] > 0)),
            (WALL, ~level & ~on_table),
        ):  # fmt: skip
            if here.any():
                colour[here] = np.clip(pattern(points[here], normals[here]), 0.0, 1.0)
        return distance, colour * object_render.hemisphere_light(normals)[:, None].astype(np.float32)


def dome_cameras(box: np.ndarray, n: int = 64, size: int = 400, focal: float = 1.4, seed: int = 0) -> Cameras:
    """`n` cameras above a box [2,3] that look at its middle, otherwise as `object_render.orbit_cameras`."""
    cameras = object_render.orbit_cameras(box, n, size, focal, seed)
    centre = box.mean(axis=0)
    k = np.arange(n)
    height = np.sin(LOWEST) + (k + 0.5) / n * (np.sin(HIGHEST) - np.sin(LOWEST))
    turn, ring = k * np.pi * (3 - np.sqrt(5)), np.sqrt(1 - height**2)
    directions = np.stack([ring * np.cos(turn), ring * np.sin(turn), height], axis=1)
    eyes = centre + directions * np.linalg.norm(cameras.centers - centre, axis=1)[:, None]
    poses = np.stack([object_render.look_at(eye, centre) for eye in eyes])
    lens = (cameras.fx, cameras.fy, cameras.cx, cameras.cy, cameras.width, cameras.height)
    return Cameras(poses, *lens)


def cameras_of(box: np.ndarray) -> Cameras:
    """The 64 cameras of 400 x 400 pixels above a box [2,3]."""
    return dome_cameras(box)


def make_views(name: str) -> Path:
    """The scene folder of an object on the table, rendered on first use (about 20 s on one core).

    Raises:
        Unavailable: the package with the scan cannot be downloaded.
    """
    folder = data_root() / "objects" / f"{name}_on_table"
    if object_render.is_whole(folder):
        return folder
    mesh = object_assets.load(name)
    box = mesh.surface.bounds
    cameras = cameras_of(box)
    say(f"{name} on a table: rendering {len(cameras)} views into {folder}")
    object_render.write_views(
        folder, mesh, cameras, Surroundings(np.array([*box.mean(axis=0)[:2], box[0, 2]]))
    )
    return folder


def cut_out(mesh: trimesh.Trimesh, object_box: np.ndarray) -> trimesh.Trimesh:
    """What of a mesh belongs to the object: above the table, and little beyond the object's box [2,3].

    As DTU's plane cut and its volume of observed points do: the table itself is not measured.
    """
    diagonal = float(np.linalg.norm(object_box[1] - object_box[0]))
    low, high = object_box[0] - AROUND_OBJECT * diagonal, object_box[1] + AROUND_OBJECT * diagonal
    low[2] = object_box[0, 2] + ABOVE_TABLE * diagonal
    vertices, faces = np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces)
    for axis in range(3):
        for place, inward in ((low, 1.0), (high, -1.0)):
            if len(faces):
                vertices, faces, _ = slice_faces_plane(vertices, faces, inward * np.eye(3)[axis], place)
    return trimesh.Trimesh(vertices, faces, process=False)
