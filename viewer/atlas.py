"""Flat pictures in space as one mesh with one texture: a graphics card takes that at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurfield.viewer.layers import Pictures

# A renderer without a tone curve shows a texture's light where its sRGB is meant: so it is encoded once more.
_LIGHT = np.arange(256) / 255.0
_AS_LIGHT = np.where(_LIGHT <= 0.0031308, 12.92 * _LIGHT, 1.055 * _LIGHT ** (1 / 2.4) - 0.055)
_TWICE = (255.0 * _AS_LIGHT + 0.5).astype(np.uint8)


@dataclass(frozen=True)
class Atlas:
    """Many pictures as one textured mesh.

    Attributes:
        vertices: float64 [4n, 3].
        faces: int32 [2n, 3].
        uvs: float64 [6n, 2], of each face's corners; v runs up from the texture's lowest row.
        image: uint8 [H, W, 3], the texture.
    """

    vertices: np.ndarray
    faces: np.ndarray
    uvs: np.ndarray
    image: np.ndarray


def atlas_of(pictures: Pictures) -> Atlas:
    """Pictures side by side in cells of the largest one's size, with their borders repeated around them."""
    count = len(pictures.images)
    wide = max(image.shape[1] for image in pictures.images) + 2
    high = max(image.shape[0] for image in pictures.images) + 2
    columns = max(1, int(np.ceil(np.sqrt(count * high / wide))))
    rows = -(-count // columns)
    texture = np.zeros((rows * high, columns * wide, 3), np.uint8)
    uvs = np.empty((count, 4, 2))
    for i, image in enumerate(pictures.images):
        top, left = i // columns * high, i % columns * wide
        h, w = image.shape[:2]
        texture[top : top + h + 2, left : left + w + 2] = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode="edge")
        u = np.array([left + 1, left + 1 + w]) / texture.shape[1]
        v = 1.0 - np.array([top + 1, top + 1 + h]) / texture.shape[0]
        uvs[i] = [[u[0], v[0]], [u[1], v[0]], [u[1], v[1]], [u[0], v[1]]]
    corners = np.array([[0, 3, 2], [0, 2, 1]])
    faces = (4 * np.arange(count)[:, None, None] + corners).reshape(-1, 3)
    return Atlas(
        np.asarray(pictures.quads, float).reshape(-1, 3),
        faces.astype(np.int32),
        uvs[:, corners].reshape(-1, 2),
        _TWICE[texture],
    )
