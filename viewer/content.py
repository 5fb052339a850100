"""What a run, a mesh or a scene looks like in a window: its layers, and from where they are seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import trimesh

from neurfield.errors import UserError
from neurfield.far import local_origin
from neurfield.fitting.folder import read_facts
from neurfield.gltf import has_glass
from neurfield.inputs.showing import shower_of
from neurfield.inputs.shown import Shown
from neurfield.report.mesh_file import MESH_SUFFIXES, read_mesh
from neurfield.report.pictures import solid_box
from neurfield.report.viewpoints import Viewpoint, four_sides
from neurfield.scenes import Cameras, Scene, load_scene
from neurfield.scenes.upright import up_direction
from neurfield.surface_file import Surface
from neurfield.viewer.glass import parted
from neurfield.viewer.layers import Layer, Lines, Points, Triangles, ordered, triangles_of
from neurfield.viewer.seen import (
    camera_pyramids,
    clay_points,
    depth_points,
    has_pictures,
    picture_quads,
    points_of,
)
from neurfield.viewer.shell import fewer, is_room
from neurfield.viewer.texels import spread
from neurfield.viewer.truth import NearestTruth, error_colors, truth_of

_CAMERA_COLOR = (0.85, 0.33, 0.10)
_BOX_COLOR = (0.45, 0.45, 0.45)
_CONTOUR_COLOR = (0.12, 0.33, 0.60)
# The depth of a camera's pyramid as a share of the box's diagonal.
_PYRAMID = 0.021
_MOST_CAMERAS = 48
# The default side: from where the built-in room shows its sofa and window.
_SIDE = 2
_UP = np.array([0.0, 0.0, 1.0])
# As `neurfield.slices.read.ENDINGS`, which loads torch.
_SLICES = (".csl", ".contour", ".nii", ".nii.gz", ".nrrd", ".nhdr", ".dcm")
_FILES = (*MESH_SUFFIXES, ".xyz", ".pwn", ".npz", ".las", ".laz")
MOST_FACES = 4_000_000  # that are drawn; of larger meshes a stand-in is


@dataclass(frozen=True)
class Content:
    """All that can be shown of a run, a mesh or a scene.

    What is shown lies near zero, because what draws it counts in float32: world = shown + origin.

    Attributes:
        title: for the window.
        layers: see `neurfield.viewer.layers.NAMES`; those that there are.
        box: [2, 3] that holds what is looked at, as shown.
        kind: "inside" is looked into from outside (faces that turn away are not drawn), "outside" is not.
        up: unit [3].
        origin: [3] float64.
        unit: of lengths, "m" for metres; "" where nothing tells it.
        cameras: as shown, all of them, or None.
        folder: of the run whose field can be asked (`neurfield.viewer.session`), or None.
        nearest: finds the true surface, or None.
        notes: lines for people on what is not shown as it is.
        alone: [2, 3] as `box`, without the cameras around; None: the same.
    """

    title: str
    layers: tuple[Layer, ...]
    box: np.ndarray
    kind: str
    up: np.ndarray
    origin: np.ndarray = field(default_factory=lambda: np.zeros(3))
    unit: str = ""
    cameras: Cameras | None = None
    folder: Path | None = None
    nearest: NearestTruth | None = None
    notes: tuple[str, ...] = ()
    alone: np.ndarray | None = None

    def viewpoint(self, aspect: float, alone: bool = False) -> Viewpoint:
        """From where one sees most at first.

        aspect: width over height of the window; alone: cameras are not shown and need no room.
        """
        box = self.alone if alone and self.alone is not None else self.box
        return four_sides(box, self.kind, self.up, aspect)[_SIDE]

    def layer(self, name: str) -> Layer | None:
        """The layer of a name, if there is one."""
        return next((layer for layer in self.layers if layer.name == name), None)

    @property
    def surface(self) -> Triangles | None:
        """The triangles that are walked on and clicked at: the surface's, else the true ones, if any."""
        for name in ("surface", "truth", "glass"):
            layer = self.layer(name)
            if layer is not None and isinstance(layer.geometry, Triangles):
                return layer.geometry
        return None


def content_of(target: str | Path, scene: str | None = None) -> Content:
    """What to show of a run's folder, a file of a mesh or of slices, or a scene (a built-in name or a path).

    scene: where a run's scene lies now, if it was moved.

    Raises:
        UserError: the target is none of these, or a file of it cannot be read.
    """
    path = Path(target).expanduser()
    if path.is_file() and (path.name.lower().endswith(_SLICES) or _is_dicom(path)):
        return content_of_slices(path)
    if path.suffix.lower() in _FILES and (path.is_file() or not path.exists()):
        return content_of_mesh(path)
    if (path / "run.json").is_file():
        return content_of_run(path, scene)
    return content_of_scene(load_scene(target))


def content_of_mesh(path: Path) -> Content:
    """A file of triangles or of points alone; a room's is looked into, anything else seen from outside."""
    surface = _read(path)
    box = _finite_box(path, surface)
    origin = local_origin(box)
    layers, notes = _surface_layers(surface, origin)
    shown = layers[0].geometry
    kind = "inside" if isinstance(shown, Triangles) and is_room(shown) else "outside"
    return Content(path.name, tuple(layers), box - origin, kind, _UP, origin, notes=notes)


def content_of_slices(path: Path) -> Content:
    """The contours of a file of cross-sections, in its box."""
    from neurfield.slices import read_slices

    slices = read_slices(path)
    shown = Shown(slices.box, "outside", unit=slices.unit)
    origin = local_origin(slices.box)
    content = _with_cameras(path.name, [_contours(slices.edges, origin)], shown, origin)
    return replace(content, notes=(slices.words, *slices.notes))


def _is_dicom(path: Path) -> bool:
    from neurfield.slices.dicom import is_dicom

    return is_dicom(path)


def _contours(edges: np.ndarray, origin: np.ndarray) -> Layer:
    lines = Lines(edges - origin, _CONTOUR_COLOR)
    return Layer("points", lambda: lines, on=True, words="contours")


def content_of_run(folder: Path, scene: str | None = None) -> Content:
    """A run's mesh.ply with the cameras, the box and the truth that it was fitted with.

    Where labels lie in others, which hide them there, the scene of all labels takes its place.
    """
    path = folder / "mesh.ply"
    facts = read_facts(folder)
    show = shower_of(folder, facts)
    if not path.is_file():
        raise UserError(f"{folder}: this run has no mesh.ply yet; make it with `neurfield mesh {folder}`")
    shown = show(folder, facts, scene)
    labels = folder / "objects" / "scene.glb"
    surface = _read(labels if has_glass(labels) else path)
    origin = local_origin(shown.box)
    layers, notes = _surface_layers(surface, origin)
    layer = layers[0]
    nearest = None if shown.truth is None else NearestTruth(shown.truth, origin)
    if isinstance(layer.geometry, Triangles):
        triangles = layer.geometry
        normals = ((triangles.normals + 1.0) * 127.5).astype(np.uint8)
        layers += [Layer("normals", lambda: triangles.painted(normals, lit=False))]
        if nearest is not None:
            found = nearest
            layers += [Layer("error", lambda: error_colors(triangles, found, shown.unit))]
    if nearest is not None:
        layers += [Layer("truth", lambda: truth_of(nearest))]
    if shown.contours is not None:
        layers += [_contours(shown.contours(), origin)]
    content = _with_cameras(str(folder), layers, shown, origin)
    return replace(content, folder=folder, nearest=nearest, notes=notes)


def content_of_scene(scene: Scene) -> Content:
    """A scene's true surface, or its points where it has none, with its cameras and its box."""
    truth = (lambda: scene.ground_truth) if scene.ground_truth_file is not None else None
    shown = Shown(scene.box, scene.kind, scene.cameras, scene.up, scene, truth, scene.unit)
    origin = local_origin(scene.box)
    layers: list[Layer] = []
    nearest = None
    if truth is not None:
        found = nearest = NearestTruth(truth, origin)
        layers += [Layer("truth", lambda: truth_of(found), on=True)]
    if scene.points is not None:
        points = (scene.points - origin).astype(np.float32)
        layers += [Layer("points", lambda: Points(points, clay_points(len(points))), on=truth is None)]
    elif scene.sources & {"depth", "sensor_depth"}:
        layers += [Layer("points", lambda: depth_points(scene, origin), on=truth is None)]
    return replace(_with_cameras(scene.name, layers, shown, origin), nearest=nearest)


def surrounded(title: str, layers: list[Layer], shown: Shown, origin: np.ndarray) -> Content:
    """Layers with the box, cameras and their pictures around them; `origin` [3] is what they count from."""
    return _with_cameras(title, layers, shown, origin)


def box_edges(box: np.ndarray) -> np.ndarray:
    """The twelve edges [12,2,3] of a box [2,3]."""
    corners = np.array([[box[i][0], box[j][1], box[k][2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    pairs = [(a, b) for a in range(8) for b in range(a + 1, 8) if bin(a ^ b).count("1") == 1]
    return corners[np.array(pairs)]


def _read(path: Path) -> Surface:
    """The triangles of a file, or the points of one that has none."""
    try:
        return read_mesh(path)
    except UserError as no_mesh:
        from neurfield.shapes.read import read_shape

        try:
            shape = read_shape(path)
        except UserError:
            raise no_mesh from None
        if shape.is_mesh:
            raise
        return trimesh.PointCloud(shape.vertices, colors=shape.colors)


def _surface_layers(surface: Surface, origin: np.ndarray) -> tuple[list[Layer], tuple[str, ...]]:
    """A surface as layers that are on, its glass apart, and a line where stand-ins are shown."""
    if not isinstance(surface, trimesh.Trimesh):
        points = points_of(surface, origin)
        return [Layer("points", lambda: points, on=True)], ()
    there = dict(zip(("surface", "glass"), parted(spread(triangles_of(surface, origin), surface))))
    whole = {name: part for name, part in there.items() if part is not None}
    shown = {name: fewer(part, MOST_FACES) for name, part in whole.items()}
    layers = [Layer(name, lambda part=part: part, on=True) for name, part in shown.items()]  # type: ignore[misc]
    many, few = (sum(len(part.faces) for part in parts.values()) for parts in (whole, shown))
    if few == many:
        return layers, ()
    return layers, (f"{few:,} triangles stand for {many:,}, which a window would hardly turn",)


def _finite_box(path: Path, surface: Surface) -> np.ndarray:
    """The box [2, 3] of what a file holds; UserError where none of it lies anywhere."""
    vertices = np.asarray(surface.vertices, float)
    finite = np.isfinite(vertices).all(axis=1)
    if not finite.any():
        raise UserError(f"{path}: none of its {len(vertices):,} vertices is finite: write it again")
    box = solid_box(vertices[finite])
    if not np.ptp(box, axis=0).any():
        raise UserError(f"{path}: all of its vertices lie in one place: nothing of it can be seen")
    return box


def _with_cameras(title: str, layers: list[Layer], shown: Shown, origin: np.ndarray) -> Content:
    box = shown.box - origin
    edges = Lines(box_edges(box), _BOX_COLOR)
    layers = [*layers, Layer("box", lambda: edges, on=True)]
    if shown.cameras is None:
        up = _UP if shown.up is None else shown.up
        return Content(title, ordered(layers), box, shown.looks, up, origin, shown.unit)
    poses = shown.cameras.world_from_cam.copy()
    poses[:, :3, 3] -= origin
    cameras = replace(shown.cameras, world_from_cam=poses)
    chosen = np.unique(np.linspace(0, len(cameras) - 1, _MOST_CAMERAS).astype(int))
    some = cameras.select(chosen)
    around = np.stack(
        [np.minimum(box[0], some.centers.min(axis=0)), np.maximum(box[1], some.centers.max(axis=0))]
    )
    depth = _PYRAMID * float(np.linalg.norm(around[1] - around[0]))
    pyramids = Lines(camera_pyramids(some, depth), _CAMERA_COLOR)
    layers += [Layer("cameras", lambda: pyramids, on=True)]
    if shown.scene is not None and has_pictures(shown.scene):
        images: Callable[[int], np.ndarray] = shown.scene.image
        layers += [Layer("pictures", lambda: picture_quads(some, depth, chosen, images))]
    # Cameras stand far around an object: half the way to them keeps both large enough and in the picture.
    seen = box if shown.looks == "inside" else (box + around) / 2
    up = up_direction(cameras.world_from_cam) if shown.up is None else shown.up
    content = Content(title, ordered(layers), seen, shown.looks, up, origin, shown.unit, cameras)
    return replace(content, alone=box)
