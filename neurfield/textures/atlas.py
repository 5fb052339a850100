"""A mesh cut into charts that lie flat in a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trimesh

from neurfield.errors import UserError
from neurfield.far import local_origin
from neurfield.optional import require

LARGEST = 8192  # texels along a side
SMALLEST = 16
_FILLED = 0.6  # of a picture: what charts fill of it, about
PADDING = 4  # texels between charts
_PIECE = 8_000  # faces that are cut into charts in one go


@dataclass(frozen=True)
class Atlas:
    """Where each corner of a mesh lies in a square picture.

    A vertex at a cut stands here once for each of its charts, so there are more of them than in the mesh.

    Attributes:
        origin: int64 [a], of each vertex its row in the mesh.
        faces: int64 [f, 3], in the mesh's order.
        uv: float64 [a, 2] in 0..1; u to the right, v upwards, as OBJ has it.
        size: texels along a side.
    """

    origin: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    size: int

    @property
    def corners(self) -> np.ndarray:
        """Corners of the faces [f, 3, 2] in texels: x to the right, y downwards; centres lie at + 0.5."""
        place = self.uv[self.faces] * self.size
        place[..., 1] = self.size - place[..., 1]
        return place


def unwrap(mesh: trimesh.Trimesh, size: int) -> Atlas:
    """Cut a mesh into charts and pack them, by xatlas.

    Args:
        mesh: its vertices and faces.
        size: of the picture, texels along a side.

    Raises:
        UserError: xatlas is not installed, the size is no texture's, or the mesh has no faces.
    """
    check_size(size)
    if not len(mesh.faces):
        raise UserError("the mesh is empty: there is nothing to unwrap")
    xatlas = require("xatlas", extra="texture")
    places = np.asarray(mesh.vertices) - local_origin(np.asarray(mesh.vertices))
    # Lengths of one order, whatever the unit: xatlas has fixed tolerances.
    places = places / max(float(np.ptp(places, axis=0).max()), 1e-300)
    whole = np.asarray(mesh.faces, dtype=np.int64)
    middles = places[whole].mean(axis=1)
    atlas, pieces = xatlas.Atlas(), _pieces(middles, np.arange(len(whole)))
    used = []
    for piece in pieces:
        vertices, local = np.unique(whole[piece], return_inverse=True)
        atlas.add_mesh(places[vertices].astype(np.float32), local.reshape(-1, 3).astype(np.uint32))
        used.append(vertices)
    packing = xatlas.PackOptions()
    area = float(trimesh.triangles.area(places[whole]).sum())
    # Without a resolution all charts go into one picture, as large as they need; it is scaled to `size`.
    packing.resolution, packing.padding, packing.bilinear = 0, PADDING, True
    packing.texels_per_unit = float(size * np.sqrt(_FILLED / area)) if area > 0 else 0.0
    atlas.generate(xatlas.ChartOptions(), packing)
    faces, origins, uvs, count = np.empty_like(whole), [], [], 0
    for index, (piece, vertices) in enumerate(zip(pieces, used)):
        origin, corners, uv = atlas.get_mesh(index)
        faces[piece] = corners.astype(np.int64) + count
        origins.append(vertices[origin])
        uvs.append(uv)
        count += len(uv)
    longest = max(atlas.width, atlas.height)
    uv = np.concatenate(uvs).astype(np.float64) * (np.array([atlas.width, atlas.height]) / longest)
    return Atlas(np.concatenate(origins), faces, uv, size)


def _pieces(middles: np.ndarray, rows: np.ndarray) -> list[np.ndarray]:
    """Faces [k] cut at the middle of their longest axis until pieces are small.

    The time that xatlas takes grows with the square of a mesh's faces.
    """
    if len(rows) <= _PIECE:
        return [rows]
    axis = int(np.ptp(middles[rows], axis=0).argmax())
    order = np.argsort(middles[rows, axis], kind="stable")
    half = len(rows) // 2
    return [piece for part in (order[:half], order[half:]) for piece in _pieces(middles, np.sort(rows[part]))]


def check_size(size: int) -> None:
    """Refuse what is no texture's size.

    Raises:
        UserError: fewer than 16 texels along a side, or more than 8192.
    """
    if not SMALLEST <= size <= LARGEST:
        raise UserError(
            f"a texture of {size} texels a side: it must be {SMALLEST} to {LARGEST}, such as 4096"
        )
