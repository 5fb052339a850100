"""What a run, a mesh or a scene looks like in a window: a mesh, the cameras as small pyramids, the box."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import trimesh

from neurfield.errors import UserError
from neurfield.far import local_origin
from neurfield.inputs.run import input_of
from neurfield.report.mesh_file import MESH_SUFFIXES, read_mesh
from neurfield.report.pictures import solid_box
from neurfield.report.viewpoints import Viewpoint, four_sides
from neurfield.scenes import Cameras, Scene, load_scene
from neurfield.scenes.upright import up_direction

_CAMERA_COLOR = (0.85, 0.33, 0.10)
_BOX_COLOR = (0.45, 0.45, 0.45)
# The depth of a camera's pyramid as a share of the box's diagonal.
_PYRAMID = 0.016
_MOST_CAMERAS = 48
# The default side: from where the built-in room shows its sofa and window.
_SIDE = 2


@dataclass(frozen=True)
class Lines:
    """Straight lines of one colour: ends [k,2,3] in the world, color (r, g, b) in 0..1."""

    ends: np.ndarray
    color: tuple[float, float, float]


@dataclass(frozen=True)
class Content:
    """All that is shown; box [2,3] holds it, kind "inside" is looked into from outside; up: unit [3]."""

    title: str
    mesh: trimesh.Trimesh | None
    lines: tuple[Lines, ...]
    box: np.ndarray
    kind: str
    up: np.ndarray

    def viewpoint(self, aspect: float) -> Viewpoint:
        """From where one sees most at first; aspect: width over height of the window."""
        return four_sides(self.box, self.kind, self.up, aspect)[_SIDE]


def content_of(target: str | Path, scene: str | None = None) -> Content:
    """What to show of a run's folder, a mesh file, or a scene (a built-in name or a path).

    scene: where a run's scene lies now, if it was moved.

    Raises:
        UserError: the target is none of these, or a file of it cannot be read.
    """
    return _near_zero(_content_of(target, scene))


def _content_of(target: str | Path, scene: str | None) -> Content:
    path = Path(target).expanduser()
    if path.suffix.lower() in MESH_SUFFIXES and (path.is_file() or not path.exists()):
        return content_of_mesh(path)
    if (path / "run.json").is_file():
        return content_of_run(path, scene)
    return content_of_scene(load_scene(target))


def _near_zero(content: Content) -> Content:
    """The same, moved to where it can be drawn: what draws it counts in float32, and UTM would be drawn as
    slices."""
    origin = local_origin(content.box)
    if not origin.any():
        return content
    mesh = content.mesh
    if mesh is not None:
        mesh = mesh.copy()
        mesh.vertices = np.asarray(mesh.vertices) - origin
    lines = tuple(replace(item, ends=item.ends - origin) for item in content.lines)
    return replace(content, mesh=mesh, lines=lines, box=content.box - origin)


def content_of_mesh(path: Path) -> Content:
    """A mesh file alone; seen from outside."""
    mesh = read_mesh(path)
    return Content(
        path.name, mesh, (), solid_box(np.asarray(mesh.vertices)), "outside", np.array([0.0, 0.0, 1.0])
    )


def content_of_run(folder: Path, scene: str | None = None) -> Content:
    """A run's mesh.ply with the cameras and the box it was fitted with."""
    path = folder / "mesh.ply"
    kind, facts = input_of(folder)
    kind.require("view", folder)
    if not path.is_file():
        raise UserError(f"{folder}: this run has no mesh.ply yet; make it with `neurfield mesh {folder}`")
    shown = kind.shown(folder, facts, scene)
    return _with_cameras(str(folder), read_mesh(path), shown.cameras, shown.box, shown.looks, shown.up)


def content_of_scene(scene: Scene) -> Content:
    """A scene's true surface, where it has one in triangles, with its cameras and its box."""
    truth = scene.ground_truth
    mesh = truth if isinstance(truth, trimesh.Trimesh) else None
    return _with_cameras(scene.name, mesh, scene.cameras, scene.box, scene.kind, scene.up)


def camera_pyramids(cameras: Cameras, depth: float) -> np.ndarray:
    """Lines [8n,2,3] from each camera's centre to the corners of its picture at a z-depth, and around."""
    n = len(cameras)
    right = np.stack([np.zeros(n), cameras.width, cameras.width, np.zeros(n)], axis=1)
    down = np.stack([np.zeros(n), np.zeros(n), cameras.height, cameras.height], axis=1)
    x = (right - cameras.cx[:, None]) / cameras.fx[:, None] * depth
    y = (down - cameras.cy[:, None]) / cameras.fy[:, None] * depth
    in_cam = np.stack([x, y, np.full_like(x, depth)], axis=-1)
    pose = cameras.world_from_cam
    corners = np.einsum("nij,nkj->nki", pose[:, :3, :3], in_cam) + pose[:, None, :3, 3]
    spokes = np.stack([np.broadcast_to(pose[:, None, :3, 3], corners.shape), corners], axis=2)
    rim = np.stack([corners, np.roll(corners, -1, axis=1)], axis=2)
    return np.concatenate([spokes, rim], axis=1).reshape(-1, 2, 3)


def box_edges(box: np.ndarray) -> np.ndarray:
    """The twelve edges [12,2,3] of a box [2,3]."""
    corners = np.array([[box[i][0], box[j][1], box[k][2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    pairs = [(a, b) for a in range(8) for b in range(a + 1, 8) if bin(a ^ b).count("1") == 1]
    return corners[np.array(pairs)]


def _with_cameras(
    title: str,
    mesh: trimesh.Trimesh | None,
    cameras: Cameras | None,
    box: np.ndarray,
    kind: str,
    up: np.ndarray | None,
) -> Content:
    edges = Lines(box_edges(box), _BOX_COLOR)
    if cameras is None:
        return Content(title, mesh, (edges,), box, kind, np.array([0.0, 0.0, 1.0]))
    some = cameras.select(np.unique(np.linspace(0, len(cameras) - 1, _MOST_CAMERAS).astype(int)))
    around = np.stack(
        [np.minimum(box[0], some.centers.min(axis=0)), np.maximum(box[1], some.centers.max(axis=0))]
    )
    pyramids = camera_pyramids(some, _PYRAMID * float(np.linalg.norm(around[1] - around[0])))
    # Cameras stand far around an object: half the way to them keeps both large enough and in the picture.
    shown = box if kind == "inside" else (box + around) / 2
    up = up_direction(cameras.world_from_cam) if up is None else up
    return Content(title, mesh, (Lines(pyramids, _CAMERA_COLOR), edges), shown, kind, up)
