"""What can be shown of a view, layer by layer: geometry near zero that is made when it is switched on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import trimesh
from trimesh.visual import ColorVisuals

from neurfield.errors import UserError
from neurfield.report.shade import vertex_colors_of, vertex_normals
from neurfield.viewer.palettes import Scale

# The order is that of the keys 1, 2, 3 ...: whatever is shown, a key means the same.
NAMES: Mapping[str, str] = {
    "surface": "the surface",
    "truth": "the true surface",
    "error": "distance to the true surface",
    "normals": "normals as colours",
    "cameras": "cameras",
    "pictures": "their pictures",
    "box": "the box",
    "slice": "a slice through the field",
    "points": "points",
    "glass": "what is seen through",
}
_KEYS = "123456789g"
# Of these one is shown at a time: they lie in each other.
SKINS = ("surface", "truth", "error", "normals")


@dataclass(frozen=True)
class Triangles:
    """A surface.

    Attributes:
        vertices: float32 [v, 3], as shown.
        faces: int32 [f, 3], turning left around normals that point into free space.
        normals: float32 [v, 3], unit; 0 where there is none.
        colors: uint8 [v, 3] sRGB, or None: clay.
        scale: what the colours mean, where they are numbers.
        lit: whether light falls on it; not on a slice or on normals.
        opacity: float32 [v] in 0..1, or None: nothing is seen through it.
    """

    vertices: np.ndarray
    faces: np.ndarray
    normals: np.ndarray
    colors: np.ndarray | None = None
    scale: Scale | None = None
    lit: bool = True
    opacity: np.ndarray | None = None

    def painted(self, colors: np.ndarray, scale: Scale | None = None, lit: bool = True) -> Triangles:
        """The same surface in other colours uint8 [v, 3]."""
        return replace(self, colors=colors, scale=scale, lit=lit)

    @property
    def mesh(self) -> trimesh.Trimesh:
        """As a mesh of trimesh, with its colours."""
        mesh = trimesh.Trimesh(self.vertices, self.faces, process=False)
        if self.colors is not None:
            mesh.visual = trimesh.visual.ColorVisuals(mesh, vertex_colors=self.colors)
        return mesh


@dataclass(frozen=True)
class Lines:
    """Straight lines of one colour: ends [k,2,3] as shown, color (r, g, b) in 0..1."""

    ends: np.ndarray
    color: tuple[float, float, float]


@dataclass(frozen=True)
class Points:
    """Points float32 [k,3] as shown, with colours uint8 [k,3] sRGB."""

    places: np.ndarray
    colors: np.ndarray


@dataclass(frozen=True)
class Pictures:
    """Flat pictures in space.

    Attributes:
        quads: float32 [n, 4, 3], corners as shown: upper left, upper right, lower right, lower left.
        images: n of uint8 [h, w, 3].
        scale: what their colours mean, where they are numbers.
    """

    quads: np.ndarray
    images: tuple[np.ndarray, ...]
    scale: Scale | None = None


Geometry = Triangles | Lines | Points | Pictures


class Layer:
    """One thing that can be switched on and off; its geometry is made when it is first asked for.

    Args:
        name: a key of `NAMES`.
        make: gives the geometry; may take seconds, and raise UserError; called once, from any thread.
        on: whether it is shown at first.
        words: what it is, in place of that of `NAMES`.
    """

    def __init__(
        self, name: str, make: Callable[[], Geometry], on: bool = False, words: str | None = None
    ) -> None:
        self.name, self.on, self.words = name, on, words or NAMES[name]
        self.key = _KEYS[list(NAMES).index(name)]
        self._make, self._lock = make, threading.Lock()
        self._made: Geometry | None = None

    def __repr__(self) -> str:
        return f"Layer({self.name!r}, on={self.on})"

    @property
    def made(self) -> bool:
        """Whether the geometry is there already."""
        return self._made is not None

    @property
    def geometry(self) -> Geometry:
        """What is drawn.

        Raises:
            UserError: it cannot be made, and why.
        """
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made


def triangles_of(mesh: trimesh.Trimesh, origin: np.ndarray) -> Triangles:
    """A mesh in the world as it is shown around `origin` [3].

    Normals are those of its file, which in ours are the field's, else the sums of those around each vertex,
    weighted by area. Faces with a corner that is not finite are left out.
    """
    vertices = np.asarray(mesh.vertices)
    faces = np.asarray(mesh.faces)
    colors, normals, opacity = vertex_colors_of(mesh), _normals_of_file(mesh), opacity_of(mesh)
    near = (vertices - origin).astype(np.float32)
    finite = np.isfinite(near).all(axis=1)
    if not finite.all():
        faces = faces[finite[faces].all(axis=1)]
        near[~finite] = 0.0
    faces = np.ascontiguousarray(faces, np.int32)
    return Triangles(
        near,
        faces,
        summed_normals(near, faces) if normals is None else normals,
        None if colors is None else (255.0 * colors + 0.5).astype(np.uint8),
        opacity=opacity,
    )


def opacity_of(mesh: trimesh.Trimesh) -> np.ndarray | None:
    """How much of the light vertices hold back, float32 [v] in 0..1, by their colours; None: all of it."""
    visual = mesh.visual
    if not isinstance(visual, ColorVisuals) or visual.kind != "vertex":
        return None
    alpha = np.asarray(visual.vertex_colors)[:, 3]
    return None if (alpha == 255).all() else (alpha / np.float32(255.0)).astype(np.float32)


def summed_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals float32 [v, 3] of vertices, weighted by the area of the faces around them."""
    first, second, third = (vertices[faces[:, k]].astype(np.float64) for k in range(3))
    return unit(vertex_normals(faces, np.cross(second - first, third - first), len(vertices)))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors [k, 3] of length 1, float32; 0 stays 0."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros(vectors.shape), where=length > 0).astype(np.float32)


def ordered(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """Layers in the order of their keys."""
    return tuple(sorted(layers, key=lambda layer: layer.key))


def layer_names(words: str) -> tuple[str, ...]:
    """Names of layers as they are typed, with commas between.

    Raises:
        UserError: there is no such layer.
    """
    names = tuple(word.strip() for word in words.split(",") if word.strip())
    for name in names:
        if name not in NAMES:
            raise UserError(f"--layers {words}: there is no layer '{name}': take some of {', '.join(NAMES)}")
    return names


def shown_layers(layers: tuple[Layer, ...], names: tuple[str, ...] | None) -> tuple[Layer, ...]:
    """The layers of these names; None: those that are on at first.

    Raises:
        UserError: there is none of such a name.
    """
    there = [layer.name for layer in layers]
    for name in names or ():
        if name not in there:
            raise UserError(f"there is no layer '{name}' ({NAMES[name]}) here, only {', '.join(there)}")
    return tuple(layer for layer in layers if (layer.on if names is None else layer.name in names))


def _normals_of_file(mesh: trimesh.Trimesh) -> np.ndarray | None:
    """The normals [v, 3] that a PLY brought, or None; trimesh keeps them among what it has no place for."""
    raw = mesh.metadata.get("_ply_raw", {}).get("vertex", {}).get("data")
    names = getattr(getattr(raw, "dtype", None), "names", None) or ()
    if not {"nx", "ny", "nz"} <= set(names) or len(raw) != len(mesh.vertices):
        return None
    normals = np.stack([np.asarray(raw[axis], np.float32) for axis in ("nx", "ny", "nz")], axis=1)
    return normals if np.isfinite(normals).all() and normals.any() else None
