"""Points at one distance of contours, on them, anywhere in their planes, and around all of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.spatial import ConvexHull

from neurfield.slices.contours import Slice
from neurfield.slices.planar import edges_of, inside
from neurfield.slices.unit_slices import UnitSlices


def around_contours(
    slices: UnitSlices, radius: float, each: int, anywhere: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Points [N, 3] of the planes, unit coordinates, and how far they are outside [N]: 0, 1, on contours 0.5.

    For each corner points on a circle, for each edge points on it and as many on either side, all of them
    evenly spaced; and points anywhere in a square of 2 x 2 around the corners' mean (Sawdayee et al., OReX,
    CVPR 2023, and the authors' code). Planes without contours have the last alone.

    Args:
        slices: contours of one label.
        radius: of the circles, and the distance to either side of edges, unit lengths.
        each: points on a circle, on an edge, on either side of it.
        anywhere: points in each plane's square.
        random: draws those.
    """
    points, outside = [], []
    for one in slices.slices.slices:
        for flat, known in _of_plane(slices, one, radius * slices.frame.half, each, anywhere, random):
            points.append(slices.frame.unit_from_world(one.plane.world(flat)))
            outside.append(known)
    return np.concatenate(points), np.concatenate(outside)


def count_around(slices: UnitSlices, each: int, anywhere: int) -> int:
    """How many points `around_contours` gives."""
    loops = [slices.loops(one) for one in slices.slices.slices]
    corners = sum(len(loop) for of_plane in loops for loop in of_plane)
    return each * (corners + 3 * sum(len(edges_of(one)) for one in loops)) + anywhere * len(loops)


def hull_points(slices: UnitSlices, count: int, margin: float, random: np.random.Generator) -> np.ndarray:
    """Points [count, 3], unit coordinates, spread evenly over the convex hull of all corners.

    Args:
        slices: contours of one label.
        count: of points.
        margin: by which share the hull is larger, around the corners' mean.
        random: draws them.
    """
    corners = slices.frame.unit_from_world(slices.slices.corners)
    middle = corners.mean(axis=0)
    places = middle + (1.0 + margin) * (corners - middle)
    triangles = places[ConvexHull(places).simplices]
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    row = random.choice(len(area), count, p=area / area.sum())
    # The square root makes points even over a triangle rather than denser at its first corner.
    far, along = np.sqrt(random.random((count, 1))), random.random((count, 1))
    return (1.0 - far) * a[row] + far * ((1.0 - along) * b[row] + along * c[row])


def _of_plane(
    slices: UnitSlices, one: Slice, radius: float, each: int, anywhere: int, random: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Points [n, 2] of a plane and how far they are outside [n]; `radius` in world lengths."""
    loops: Sequence[np.ndarray] = slices.loops(one)
    middle = one.plane.flat(slices.box.mean(axis=0)[None])[0]
    beside = []
    if loops:
        corners, edges = np.concatenate(loops), edges_of(loops)
        middle = corners.mean(axis=0)
        angles = 2.0 * math.pi * np.arange(each) / each
        circle = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        along = edges[:, 1] - edges[:, 0]
        across = np.stack([along[:, 1], -along[:, 0]], axis=1)
        across *= radius / np.linalg.norm(across, axis=1, keepdims=True)
        on = edges[:, :1] + (np.arange(each) / each)[:, None] * along[:, None]
        beside = [corners[:, None] + circle, on + across[:, None], on - across[:, None]]
        yield on.reshape(-1, 2), np.full(each * len(edges), 0.5)
    square = middle + slices.frame.half * random.uniform(-1.0, 1.0, (anywhere, 2))
    flat = np.concatenate([*(part.reshape(-1, 2) for part in beside), square])
    yield flat, 1.0 - inside(flat, loops)
