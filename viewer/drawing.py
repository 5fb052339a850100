"""Layers on Open3D's scene: geometry of arrays, in pieces where it is large, switched on and off."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurfield.viewer.atlas import atlas_of
from neurfield.viewer.glass import glass_material, glass_normals, shine_at
from neurfield.viewer.layers import Geometry, Lines, Pictures, Points, Triangles
from neurfield.viewer.light import lit_colors
from neurfield.viewer.pieces import Pieces


@dataclass
class _Drawn:
    """What is on the scene of a layer: names of geometries, and which of them are shown now."""

    names: list[str]
    pieces: Pieces | None = None
    shown: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    on: bool = True


@dataclass(frozen=True)
class Prepared:
    """A geometry ready to be drawn; making it may take a second and needs no window."""

    geometry: Geometry
    pieces: Pieces | None = None
    colors: np.ndarray | None = None


def prepared(geometry: Geometry, lamp: np.ndarray, into: bool) -> Prepared:
    """A geometry with its light, cut into pieces; into: faces that turn away are to be left out."""
    if not isinstance(geometry, Triangles):
        return Prepared(geometry)
    into = into and geometry.opacity is None
    return Prepared(geometry, Pieces(geometry, into), lit_colors(geometry, lamp))


class Drawing:
    """What is drawn on a scene of Open3D.

    Args:
        o3d: the module.
        scene: an `Open3DScene`.
        scaling: pixels of the screen for one of ours.
    """

    def __init__(self, o3d: Any, scene: Any, scaling: float) -> None:
        self._o3d, self._scene, self._scaling = o3d, scene, scaling
        self._layers: dict[str, _Drawn] = {}
        self.backs = False  # whether faces that turn away are shown, too

    def __contains__(self, name: str) -> bool:
        return name in self._layers

    def put(self, name: str, ready: Prepared, eye: np.ndarray) -> None:
        """Draw a geometry under a name, in place of what was drawn there, as it looks for an eye at [3]."""
        self.remove(name)
        geometry = ready.geometry
        if ready.pieces is None:
            self._scene.add_geometry(name, *self._plain(geometry))
            self._layers[name] = _Drawn([name])
            return
        assert isinstance(geometry, Triangles) and ready.colors is not None
        if geometry.opacity is not None:
            shine_at(self._scene)
        names = []
        for i in range(len(ready.pieces.pieces)):
            names.append(f"{name}/{i}")
            self._scene.add_geometry(names[-1], *self._piece(ready, i))
        self._layers[name] = _Drawn(names, ready.pieces, np.ones(len(names), bool))
        self.look_from(eye)

    def repaint(self, name: str, ready: Prepared, rows: range) -> None:
        """Draw some pieces of a layer anew, in other colours."""
        drawn = self._layers.get(name)
        if drawn is None or drawn.pieces is not ready.pieces:
            return
        for i in rows:
            self._scene.remove_geometry(drawn.names[i])
            self._scene.add_geometry(drawn.names[i], *self._piece(ready, i))
            self._scene.show_geometry(drawn.names[i], bool(drawn.on and drawn.shown[i]))

    def remove(self, name: str) -> None:
        """Take a layer off the scene, if it is there."""
        drawn = self._layers.pop(name, None)
        for part in drawn.names if drawn else ():
            self._scene.remove_geometry(part)

    def show(self, name: str, on: bool) -> None:
        """Switch a layer that is there."""
        drawn = self._layers.get(name)
        if drawn is None or drawn.on == on:
            return
        drawn.on = on
        for i, part in enumerate(drawn.names):
            self._scene.show_geometry(part, bool(on and (drawn.pieces is None or drawn.shown[i])))

    def look_from(self, eye: np.ndarray) -> None:
        """Leave out what turns away from an eye at [3]."""
        for drawn in self._layers.values():
            if drawn.pieces is None:
                continue
            shown = drawn.pieces.shown_from(eye) | self.backs
            for i in np.flatnonzero(shown != drawn.shown):
                self._scene.show_geometry(drawn.names[i], bool(drawn.on and shown[i]))
            drawn.shown = shown

    def _material(self, shader: str) -> Any:
        material = self._o3d.visualization.rendering.MaterialRecord()
        material.shader = shader
        return material

    def _piece(self, ready: Prepared, i: int) -> tuple[Any, Any]:
        assert ready.pieces is not None and ready.colors is not None
        piece = ready.pieces.pieces[i]
        tensor = self._o3d.core.Tensor
        mesh = self._o3d.t.geometry.TriangleMesh()
        assert isinstance(ready.geometry, Triangles)
        normals, material = ready.geometry.normals[piece.vertices], self._material("defaultUnlit")
        if piece.opacity < 1.0:
            normals = glass_normals(len(piece.vertices))
            material = glass_material(self._o3d.visualization.rendering, piece.opacity)
        mesh.vertex.positions = tensor(np.ascontiguousarray(ready.geometry.vertices[piece.vertices]))
        mesh.vertex.normals = tensor(np.ascontiguousarray(normals))
        mesh.vertex.colors = tensor(np.ascontiguousarray(ready.colors[piece.vertices], np.float32))
        mesh.triangle.indices = tensor(np.ascontiguousarray(piece.faces))
        return mesh, material

    def _plain(self, geometry: Geometry) -> tuple[Any, Any]:
        o3d = self._o3d
        vectors = o3d.utility.Vector3dVector
        if isinstance(geometry, Lines):
            pairs = np.arange(2 * len(geometry.ends)).reshape(-1, 2)
            lines = o3d.geometry.LineSet(
                vectors(geometry.ends.reshape(-1, 3)), o3d.utility.Vector2iVector(pairs)
            )
            lines.paint_uniform_color(geometry.color)
            material = self._material("unlitLine")
            material.line_width = 1.4 * self._scaling
            return lines, material
        material = self._material("defaultUnlit")
        if isinstance(geometry, Points):
            cloud = o3d.geometry.PointCloud(vectors(geometry.places))
            cloud.colors = vectors(geometry.colors / 255.0)
            material.point_size = 2.5 * self._scaling
            return cloud, material
        assert isinstance(geometry, Pictures)
        atlas = atlas_of(geometry)
        mesh = o3d.geometry.TriangleMesh(vectors(atlas.vertices), o3d.utility.Vector3iVector(atlas.faces))
        mesh.triangle_uvs = o3d.utility.Vector2dVector(atlas.uvs)
        mesh.paint_uniform_color([1.0, 1.0, 1.0])  # else Open3D takes half of it
        material.albedo_img = o3d.geometry.Image(np.ascontiguousarray(atlas.image))
        return mesh, material
