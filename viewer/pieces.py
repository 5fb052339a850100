"""A surface in pieces that turn their back to an eye together: walls between the eye and a room are left out.

Open3D's materials draw both sides of a triangle. Left out one by one, millions of triangles would have to be
sent anew wherever the eye goes; pieces are only switched.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurfield.viewer.glass import face_steps, opacity_of_step
from neurfield.viewer.layers import Triangles

_CELLS = 7  # along the longest side
_SMALL = 30_000  # faces that are not worth pieces, of what is seen from outside
_ASKED = 200  # faces of a piece that are asked for their side
_BACKS = 0.8  # of them: a piece of a wall has nearly all, one of a ball near its outline a half


@dataclass(frozen=True)
class Piece:
    """Faces int32 [f, 3] into its own vertices, which are those of these numbers [v] in the surface.

    opacity: of all of it; 1: nothing is seen through it.
    """

    faces: np.ndarray
    vertices: np.ndarray
    opacity: float = 1.0


class Pieces:
    """A surface cut by a lattice of cubes, and by which of six ways its faces look.

    What is seen through is cut, too, however small: of a piece Open3D draws what is nearest to the eye alone,
    and pieces by their distance.

    Args:
        triangles: the surface.
        into: whether it is looked into; else it is cut only if it is large, and all of it is shown.

    Attributes:
        pieces: all of it.
    """

    def __init__(self, triangles: Triangles, into: bool) -> None:
        faces, vertices = triangles.faces, triangles.vertices
        low, high = vertices.min(axis=0), vertices.max(axis=0)
        self._box = np.stack([low, high])
        middles, across = _middles_and_normals(vertices, faces)
        cell = max(float((high - low).max()), 1e-30) / _CELLS
        key = np.zeros(len(faces), np.int32)
        if into or len(faces) > _SMALL or triangles.opacity is not None:
            for k in range(3):
                key = key * _CELLS + np.minimum((middles[k] - low[k]) / cell, _CELLS - 1).astype(np.int32)
        if into:
            size = np.abs(across)
            axis = (size[1] > size[0]).astype(np.int32)
            axis[size[2] > np.maximum(size[0], size[1])] = 2
            key = key * 6 + axis * 2 + np.choose(axis, across > 0)
        steps = None if triangles.opacity is None else face_steps(triangles)
        if steps is not None:
            key = key * (int(steps.max()) + 1) + steps
        order = np.argsort(key, kind="stable")
        starts = np.flatnonzero(np.diff(key[order], prepend=-1))
        slot = np.empty(len(vertices), np.int32)
        self.pieces: list[Piece] = []
        samples, owners = [], []
        for i, rows in enumerate(np.split(order, starts[1:])):
            opacity = 1.0 if steps is None else opacity_of_step(int(steps[rows[0]]))
            self.pieces.append(_piece(faces[rows], slot, opacity))
            some = rows[np.linspace(0, len(rows) - 1, min(len(rows), _ASKED)).astype(int)]
            samples.append(some)
            owners.append(np.full(len(some), i))
        self._into = into
        asked = np.concatenate(samples)
        self._owners, self._across = np.concatenate(owners), across[:, asked].T
        self._middles = middles[:, asked].T

    def shown_from(self, eye: np.ndarray) -> np.ndarray:
        """Which pieces are drawn for an eye at [3]: bool [k]; all of them within the room."""
        if not self._into or ((eye > self._box[0]) & (eye < self._box[1])).all():
            return np.ones(len(self.pieces), bool)
        away = np.einsum("ki,ki->k", self._across, self._middles - eye) > 0
        count = np.bincount(self._owners, minlength=len(self.pieces))
        return np.asarray(np.bincount(self._owners, away, minlength=len(self.pieces)) <= _BACKS * count)


def _middles_and_normals(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Middles [3, f] of faces and normals [3, f] twice as long as their areas, an axis at a time.

    That takes a quarter of what rows of three would, and the first picture waits for it.
    """
    corners = np.ascontiguousarray(faces.T)
    middles = np.empty((3, len(faces)), vertices.dtype)
    across = np.empty_like(middles)
    sides = []
    for k, places in enumerate(np.ascontiguousarray(vertices.T)):
        first, second, third = (np.take(places, corner) for corner in corners)
        middles[k] = (first + second + third) / 3
        sides.append((second - first, third - first))
    for k in range(3):
        (one_next, two_next), (one_last, two_last) = sides[(k + 1) % 3], sides[(k + 2) % 3]
        np.subtract(one_next * two_last, one_last * two_next, out=across[k])
    return middles, across


def _piece(faces: np.ndarray, slot: np.ndarray, opacity: float) -> Piece:
    """Faces [f, 3] with vertices of their own; slot [v]: room for numbers, whatever is in it."""
    flat = faces.ravel()
    turn = np.arange(len(flat), dtype=np.int32)
    slot[flat] = turn
    used = flat[slot[flat] == turn]
    slot[used] = np.arange(len(used), dtype=np.int32)
    return Piece(slot[flat].reshape(-1, 3), used, opacity)
