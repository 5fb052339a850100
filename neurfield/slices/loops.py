"""Closed lines in the world put into planes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurfield.slices.contours import Contour, Plane, Slice

_ALIKE = 1e-3  # of the lines' size: planes nearer than that, and turned less, are one


def slices_of_loops(loops: Sequence[np.ndarray], labels: Sequence[int]) -> tuple[list[Slice], float]:
    """Lines [n, 3] with their labels as slices, in order, and how far any lies off its plane.

    Lines of fewer than three places that are not on one line have no plane and are left out.
    """
    usable = [(loop, label) for loop, label in zip(loops, labels) if _spans(loop)]
    if not usable:
        return [], 0.0
    size = float(np.ptp(np.concatenate([loop for loop, _ in usable]), axis=0).max())
    planes: list[Plane] = []
    inside: list[list[Contour]] = []
    off = 0.0
    for loop, label in sorted(usable, key=lambda pair: -_area(pair[0])):  # the largest tell planes best
        plane = _plane_of(loop)
        same = next((k for k, other in enumerate(planes) if _alike(plane, other, loop, size)), None)
        if same is None:
            same = len(planes)
            planes.append(plane)
            inside.append([])
        inside[same].append(Contour(planes[same].flat(loop), label))
        off = max(off, float(np.abs(planes[same].heights(loop)).max()))
    reference = planes[0].normal
    order = sorted(range(len(planes)), key=lambda k: float(planes[k].origin @ reference))
    return [Slice(planes[k], tuple(inside[k]), n + 1) for n, k in enumerate(order)], off


def _spans(loop: np.ndarray) -> bool:
    return len(loop) > 2 and _area(loop) > 0.0


def _area(loop: np.ndarray) -> float:
    return 0.5 * float(np.linalg.norm(_doubled(loop)))


def _doubled(loop: np.ndarray) -> np.ndarray:
    """Twice the area of a closed line as a vector [3] (Newell)."""
    centred = loop - loop.mean(axis=0)
    return np.cross(centred, np.roll(centred, -1, axis=0)).sum(axis=0)


def _plane_of(loop: np.ndarray) -> Plane:
    normal = _doubled(loop)
    normal = normal / np.linalg.norm(normal)
    if normal[int(np.argmax(np.abs(normal)))] < 0.0:
        normal = -normal
    return Plane.of(normal, float(loop.mean(axis=0) @ normal))


def _alike(plane: Plane, other: Plane, loop: np.ndarray, size: float) -> bool:
    return (
        float(np.abs(other.heights(loop)).max()) <= _ALIKE * size and abs(plane.normal @ other.normal) > 0.99
    )
