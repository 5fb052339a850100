"""A mesh as text that a page can hold and `viewer.js` reads.

Triangles lie along a Z curve and vertices in the order in which they are first used, so that what follows
each other is alike. Each number is kept as its difference to the one before, in planes of one byte a number,
and all of it is deflated. A corner says how far its vertex lies behind the first unused one (Forsyth's
high-water mark; Chun, WebGL models: end-to-end, OpenGL Insights 2012, chapter 30).
"""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np

from neurfield.report.shown_mesh import ShownMesh

_FINEST = 65535  # positions are whole numbers up to it along the longest side
_CURVE_BITS = 10


def packed(mesh: ShownMesh, distance: np.ndarray | None = None) -> tuple[dict[str, Any], str]:
    """What `viewer.js` is told of a mesh, and its bytes in base64.

    Args:
        mesh: what is shown.
        distance: [v] in 0..1 of each vertex to the true surface, or None.

    Returns:
        A header ({"vertices", "faces", "glass", "low" [3], "unit", "colors", "distance"}) and text. A vertex
        lies at low + unit * its three whole numbers; the last "glass" faces are seen through.
    """
    low = mesh.vertices.min(axis=0)
    unit = max(float(np.ptp(mesh.vertices, axis=0).max()) / _FINEST, 1e-12)
    places = np.rint((mesh.vertices - low) / unit).astype(np.int64)
    whole = np.arange(len(mesh.faces)) < len(mesh.faces) - mesh.glass
    code = np.where(whole, -1, 0) * (1 << (3 * _CURVE_BITS)) + _along_curve(places[mesh.faces].mean(axis=1))
    faces = mesh.faces[np.argsort(code, kind="stable")]
    used, first, ranks = np.unique(faces.ravel(), return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank_of = np.empty_like(order)
    rank_of[order] = np.arange(len(order))
    corners, vertices = rank_of[ranks.ravel()], used[order]
    fresh = np.zeros(len(corners), np.int64)
    fresh[first] = 1
    behind = np.cumsum(fresh) - fresh - corners
    parts = [_planes(behind, 3)]
    steps = np.diff(places[vertices], axis=0, prepend=0)
    parts += [_planes((steps[:, k] << 1) ^ (steps[:, k] >> 63), 3) for k in range(3)]
    if mesh.colors is not None:
        shades = mesh.colors[vertices].astype(np.int64)
        parts += [_planes(np.diff(shades[:, k], prepend=0) & 255, 1) for k in range(3)]
    if distance is not None:
        parts.append(_planes(np.rint(255 * np.clip(distance[vertices], 0, 1)).astype(np.int64), 1))
    header = {
        "vertices": len(vertices), "faces": len(faces), "glass": mesh.glass,
        "low": low.tolist(), "unit": unit,
        "colors": mesh.colors is not None, "distance": distance is not None,
    }  # fmt: skip
    return header, base64.b64encode(zlib.compress(b"".join(parts), 7)).decode("ascii")


def _planes(values: np.ndarray, count: int) -> bytes:
    """The lowest bytes of all values [k], then the next ones, up to `count`."""
    return b"".join(((values >> (8 * k)) & 255).astype(np.uint8).tobytes() for k in range(count))


def _along_curve(places: np.ndarray) -> np.ndarray:
    """Codes [k] that order places [k, 3] in 0..65535 along a Z curve."""
    cells = places.astype(np.int64) >> (16 - _CURVE_BITS)
    code = np.zeros(len(cells), np.int64)
    for bit in range(_CURVE_BITS):
        for axis in range(3):
            code |= ((cells[:, axis] >> bit) & 1) << (3 * bit + axis)
    return code
