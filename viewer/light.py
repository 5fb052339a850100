"""The light that falls on what is shown: worked out once for each vertex, so windows and screenshots agree.

It follows from normals alone and does not move with the eye. Walls of a fitted room are a little rough, and
light from one side shows that as the skin of an orange: so normals are first averaged with those of their
neighbours that look nearly the same way.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from neurfield.report.shade import CLAY
from neurfield.viewer.layers import Triangles, unit

_SHADE, _SHARP = 0.36, 1.3
_ROUNDS = 8
_ALIKE = (
    0.45  # how far normals may differ that are averaged: an edge of a table is far more, roughness is less
)


def lit_colors(triangles: Triangles, lamp: np.ndarray, normals: np.ndarray | None = None) -> np.ndarray:
    """The colours float32 [v, 3] in 0..1 that vertices show.

    Args:
        triangles: in clay, where they have no colours.
        lamp: unit [3] towards it.
        normals: [v, 3] in place of the surface's own.
    """
    own = triangles.colors
    if not triangles.lit:
        return np.asarray(own, np.float32) / 255.0
    turned = (triangles.normals if normals is None else normals) @ lamp.astype(np.float32)
    # Wrapped around: what is turned away from the lamp differs in brightness, too.
    light = (_SHADE + (1.0 - _SHADE) * (0.5 + 0.5 * turned) ** _SHARP)[:, None]
    if own is None:
        return np.asarray(CLAY.astype(np.float32) * (0.1 + 0.95 * light), np.float32)
    # Colours of photographs carry light already.
    return np.minimum(own * ((0.66 + 0.38 * light) / 255.0).astype(np.float32), 1.0)


def smoothed_normals(triangles: Triangles) -> np.ndarray:
    """Normals [v, 3] averaged with neighbours that look nearly the same way, some rounds.

    Weights are those of the bilateral filter (Tomasi and Manduchi 1998), of normals alone.
    """
    faces, normals = triangles.faces, triangles.normals.astype(np.float32)
    if not len(faces):
        return normals
    rows = faces.ravel()
    columns = faces[:, [1, 2, 0]].ravel()
    apart = normals[rows] - normals[columns]
    weights = np.exp(np.einsum("ki,ki->k", apart, apart) / -(_ALIKE * _ALIKE))
    count = len(normals)
    links = csr_matrix((weights, (rows, columns)), shape=(count, count))
    links = (links + links.T).tocsr()
    for _ in range(_ROUNDS):
        normals = unit(links @ normals + normals)
    return normals
