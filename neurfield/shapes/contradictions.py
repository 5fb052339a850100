"""Whether the normals of a cloud fit its points, before anything is made of both."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from neurfield.shapes.estimate import cloud_scale, threads

_LOOKED_AT = 2000  # points
_FEWEST = 100  # of these have to lie in something flat: few points, and points in a volume, tell nothing
_NEIGHBOURS = (12, 64)
_FLAT = 0.3  # the deviation of neighbours across a surface, of that along it: more is no surface
_ACROSS = 0.5  # the cosine between a normal and its plane's, below which it contradicts the points
_BESIDE = 0.2  # the rise of the way to a neighbour, below which it lies in the same sheet
_WRONG = 0.25  # share of all from which on normals are no use


def contradiction(points: np.ndarray, normals: np.ndarray, seed: int = 0) -> str:
    """What is wrong with normals as a whole, in words; "" where nothing is.

    Two mistakes are common: normals of planes that nobody turned to one side, which differ in sign between
    neighbours of one sheet; and normals in other axes than the points, which lie along the surface. Both are
    looked for where the points of a neighbourhood are flat.

    Args:
        points: [N, 3] float64, distinct.
        normals: [N, 3] units.
        seed: of the points that are looked at.
    """
    if len(points) <= _NEIGHBOURS[1]:
        return ""
    reach = cloud_scale(points).reach
    tree = cKDTree(points)
    chosen = np.random.default_rng(seed).permutation(len(points))[:_LOOKED_AT]
    inside = tree.query_ball_point(points[chosen], reach, return_length=True, workers=threads())
    count = int(np.clip(np.median(inside), *_NEIGHBOURS))
    _, row = tree.query(points[chosen], count, workers=threads())
    around = points[row] - points[row].mean(axis=1, keepdims=True)
    variance, axes = np.linalg.eigh(np.einsum("nki,nkj->nij", around, around))
    flat = variance[:, 0] < _FLAT**2 * variance[:, 1]
    if flat.sum() < _FEWEST:
        return ""
    axis, own = axes[flat, :, 0], normals[chosen[flat]]
    across = float((np.abs(np.einsum("nd,nd->n", axis, own)) < _ACROSS).mean())
    if across > _WRONG:
        return f"its normals lie along the surface at {across:.0%} of the points (are they in other axes?)"
    way = points[row[flat, 1:]] - points[chosen[flat], None]
    rise = np.abs(np.einsum("nkd,nd->nk", way, axis))
    beside = rise < _BESIDE * np.linalg.norm(way, axis=2)
    if beside.sum() < _FEWEST:
        return ""
    turned = np.einsum("nkd,nd->nk", normals[row[flat, 1:]], own) < -_ACROSS
    both = float(turned[beside].mean())
    return f"its normals point to both sides: {both:.0%} of neighbours disagree" if both > _WRONG else ""
