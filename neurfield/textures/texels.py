"""Which texels of an atlas the faces cover, and where on the surface each lies."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_CHUNK = 1 << 22  # texels looked at in one go


class Texels(NamedTuple):
    """Texels whose centres lie in a face, face by face.

    Attributes:
        place: int64 [t], row * size + column.
        face: int64 [t], ascending.
        weights: float32 [t, 3], of the face's corners; they sum to 1.
    """

    place: np.ndarray
    face: np.ndarray
    weights: np.ndarray

    def between(self, values: np.ndarray, faces: np.ndarray) -> np.ndarray:
        """Values [v, c] of vertices, at the texels [t, c]: float64.

        Args:
            values: of the vertices of `faces`.
            faces: int [f, 3].
        """
        first, second, third = (values[faces[self.face, k]] for k in range(3))
        # By differences: the weights' sum is 1 but for their rounding, and places may be far from zero.
        return np.asarray(
            first + self.weights[:, 1:2] * (second - first) + self.weights[:, 2:3] * (third - first)
        )


def covered(corners: np.ndarray, size: int) -> Texels:
    """The texels that faces cover; one that lies on an edge of two belongs to the later of them.

    Args:
        corners: [f, 3, 2] in texels, `Atlas.corners`; faces turn either way.
        size: texels along a side.
    """
    corners = np.asarray(corners, dtype=np.float64)
    low = np.clip(np.ceil(corners.min(axis=1) - 0.5), 0, size).astype(np.int64)
    high = np.clip(np.floor(corners.max(axis=1) - 0.5) + 1, 0, size).astype(np.int64)
    extent = np.maximum(high - low, 0)
    wide = extent.min(axis=1) > 0
    # Faces of like extent are looked at together, on one grid as large as the largest of them.
    classes = np.ceil(np.log2(np.maximum(extent, 1))).astype(np.int64)
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for columns, rows in np.unique(classes[wide], axis=0):
        members = np.flatnonzero(wide & (classes[:, 0] == columns) & (classes[:, 1] == rows))
        grid = np.stack(np.meshgrid(np.arange(1 << columns), np.arange(1 << rows)), axis=-1).reshape(-1, 2)
        for part in np.array_split(members, -(-len(members) * len(grid) // _CHUNK)):
            found.append(_inside(corners, low, high, part, grid, size))
    if not found:
        return Texels(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 3), np.float32))
    place, face, weights = (np.concatenate(column) for column in zip(*found))
    order = np.argsort(face, kind="stable")
    place, face, weights = place[order], face[order], weights[order]
    last = np.full(size * size, -1, dtype=np.int64)
    last[place] = np.arange(len(place))
    kept = last[place] == np.arange(len(place))
    return Texels(place[kept], face[kept], weights[kept])


def reached(corners: np.ndarray, size: int) -> Texels:
    """As `covered`, and for a face too small to hold a texel's centre the texel that its middle lies in.

    Charts of nothing but such faces would else take the colours of other charts. Where that texel is taken
    already, the face's neighbours have it.
    """
    texels = covered(corners, size)
    small = np.setdiff1d(np.arange(len(corners)), texels.face)
    middle = np.floor(np.asarray(corners, dtype=np.float64)[small].mean(axis=1)).astype(np.int64)
    middle = np.clip(middle, 0, size - 1)
    place = middle[:, 1] * size + middle[:, 0]
    _, first = np.unique(place, return_index=True)
    first = first[~np.isin(place[first], texels.place)]
    face = np.concatenate([texels.face, small[first]])
    order = np.argsort(face, kind="stable")
    thirds = np.full((len(first), 3), 1.0 / 3.0, dtype=np.float32)
    return Texels(
        np.concatenate([texels.place, place[first]])[order],
        face[order],
        np.concatenate([texels.weights, thirds])[order],
    )


def _inside(
    corners: np.ndarray, low: np.ndarray, high: np.ndarray, faces: np.ndarray, grid: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places, faces and weights of the texels in some faces, of grids that begin at their low corners."""
    a, b, c = (corners[faces, k][:, None] for k in range(3))
    texel = low[faces][:, None] + grid
    centre = texel + 0.5
    double = _cross(b - a, c - a)
    with np.errstate(divide="ignore", invalid="ignore"):
        second, third = _cross(centre - a, c - a) / double, _cross(b - a, centre - a) / double
        first = 1.0 - second - third
    inside = (first >= 0) & (second >= 0) & (third >= 0) & (texel < high[faces][:, None]).all(axis=2)
    which, nth = np.nonzero(inside)
    weights = np.stack([first[which, nth], second[which, nth], third[which, nth]], axis=1)
    column, row = texel[which, nth].T
    return row * size + column, faces[which], weights.astype(np.float32)


def _cross(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0]
