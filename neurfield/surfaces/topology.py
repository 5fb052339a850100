"""Cubes through which a surface could go in several ways go as the trilinear field of their corners does."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from neurfield.ops.cube_topology import AmbiguousCubes, regions, tiling
from neurfield.ops.marching_cubes_table import corner_position, cube_faces, triangle_table

_CORNERS = np.array([corner_position(corner) for corner in range(8)], dtype=np.int64)  # [8, 3]
_NO_CUBIC = 1e-5  # of the largest value: with a smaller term in xyz the saddles of one are lost in rounding


def as_trilinear(
    vertices: np.ndarray,
    faces: np.ndarray,
    cubes: AmbiguousCubes,
    level: float,
    evaluate: Callable[[np.ndarray], np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Vertices [e, 3] to put behind the others, and the faces [f, 3] with those of ambiguous cubes made anew.

    Faces of a cube are decided by the asymptotic decider (Nielson and Hamann, The asymptotic decider, 1991):
    positive corners hang together where their product is more than that of the negative ones. The two cubes
    of a face compare the same four numbers; where they are equal, positive corners are apart in both. The
    inside is decided by the field's saddles (see `neurfield.ops.cube_topology`), which concerns one cube
    alone.

    Args:
        vertices: [v, 3] in lattice units.
        faces: [f, 3] of marching cubes.
        cubes: those that the faces' own rule did not look into.
        level: of the surface.
        evaluate: the field's values [k] at points int64 [k, 3] of the lattice; asked for corners that nobody
            has looked at.
    """
    if not len(cubes.places):
        return np.zeros((0, 3)), faces
    values = cubes.values.astype(np.float64) - level
    joined = _joined(cubes.patterns, values)
    possible = _lookup(cubes.patterns, joined, _tubes_possible)
    asked, corner = np.nonzero(np.isnan(values) & (possible > 0)[:, None])
    if len(asked):
        values[asked, corner] = evaluate(cubes.places[asked] + _CORNERS[corner]).astype(np.float64) - level
    positive = (cubes.patterns[:, None] >> np.arange(8) & 1).astype(bool)
    least = np.finfo(np.float32).tiny  # settled corners keep the side that the surface was found with
    values = np.where(positive, np.maximum(values, 0.0), np.minimum(values, -least))
    tube = np.zeros(len(values), dtype=np.int64)
    rows = np.flatnonzero(possible)
    meets = saddles(values[rows])
    tube[rows] = np.where(
        meets[0] & (possible[rows] & 1 > 0), 1, np.where(meets[1] & (possible[rows] > 1), 2, 0)
    )
    changed = np.flatnonzero((joined > 0) | (tube > 0))
    if not len(changed):
        return np.zeros((0, 3)), faces
    keys = np.stack([cubes.patterns, joined, tube], axis=1)[changed]
    return _made_anew(vertices, faces, cubes, changed, keys)


def saddles(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether positive parts meet inside of trilinear cubes with values [k, 8], and negative ones, [k] each.

    With x, y, z counted from where the second derivatives vanish, the field is c + a x + b y + g z + k xyz.
    Its gradient is zero where xyz is w or -w, w^2 = -a b g / k^3, and it is c - 2 k w there. The sign of k w
    tells which kind of saddle it is, that of the Hessian's determinant 2 k^3 w: positive parts meet at one
    with two falling directions, if it is positive.
    """
    v0, vz, vy, vyz, vx, vxz, vxy, vxyz = values.T
    kx, ky, kz = vx - v0, vy - v0, vz - v0
    kxy, kxz, kyz = vxy - vx - vy + v0, vxz - vx - vz + v0, vyz - vy - vz + v0
    k = vxyz - vxy - vxz - vyz + vx + vy + vz - v0

    def inside(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        return (x > 0) & (x < 1) & (y > 0) & (y < 1) & (z > 0) & (z < 1)

    def at(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        return v0 + kx * x + ky * y + kz * z + kxy * x * y + kxz * x * z + kyz * y * z + k * x * y * z

    with np.errstate(all="ignore"):
        p, q, r = kyz / k, kxz / k, kxy / k
        a, b, g = kx - kxy * q, ky - kxy * p, kz - kxz * p
        w = np.sqrt(-(a / k) * (b / k) * (g / k))  # not a number where there are no saddles
        middle = at(-p, -q, -r)
        meets = []
        for sign in (1.0, -1.0):
            turn = sign * np.abs(k) * w
            there = inside(-turn / a - p, -turn / b - q, -turn / g - r)
            meets.append(there & (sign * (middle - 2.0 * turn) > 0.0))
        # Without a term in xyz there is one critical point, and its kind is fixed.
        x = 0.5 * (kx * kyz - ky * kxz - kz * kxy) / (kxy * kxz)
        y = 0.5 * (ky * kxz - kx * kyz - kz * kxy) / (kxy * kyz)
        z = 0.5 * (kz * kxy - kx * kyz - ky * kxz) / (kxz * kyz)
        value, kind = at(x, y, z), kxy * kxz * kyz
        plain = np.abs(k) <= _NO_CUBIC * np.abs(values).max(axis=1)
        there = inside(x, y, z)
        return (
            np.where(plain, there & (kind > 0) & (value > 0), meets[0]),
            np.where(plain, there & (kind < 0) & (value < 0), meets[1]),
        )


def _joined(patterns: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Bits [k] of the ambiguous faces on which positive corners hang together."""
    joined = np.zeros(len(patterns), dtype=np.int64)
    for face, ring in enumerate(cube_faces()):
        signs = [patterns >> corner & 1 for corner in ring]
        open_ = (signs[0] == signs[2]) & (signs[1] == signs[3]) & (signs[0] != signs[1])
        first = values[:, ring[0]] * values[:, ring[2]]
        second = values[:, ring[1]] * values[:, ring[3]]
        together = np.where(signs[0] == 1, first > second, second > first)
        joined |= (open_ & together).astype(np.int64) << face
    return joined


@cache
def _tubes_possible(case: int, joined: int) -> int:
    """1 where two positive parts could meet inside, 2 where two negative ones, 3 where either."""
    found = regions(case, joined)
    return int(found.positive == 2) | int(found.negative == 2) << 1 if len(found.loops) > 1 else 0


def _lookup(patterns: np.ndarray, joined: np.ndarray, function: Callable[[int, int], int]) -> np.ndarray:
    keys, index = np.unique(patterns << 6 | joined, return_inverse=True)
    return np.array([function(int(key) >> 6, int(key) & 63) for key in keys], dtype=np.int64)[
        index.reshape(-1)
    ]


def _made_anew(
    vertices: np.ndarray, faces: np.ndarray, cubes: AmbiguousCubes, changed: np.ndarray, keys: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """As `as_trilinear`, for the cubes that change and what each says [k, 3]: case, joined, tube."""
    kinds, kind = np.unique(keys, axis=0, return_inverse=True)
    kind = kind.reshape(-1)
    tilings = [tiling(*map(int, one)) for one in kinds]
    counts = np.array([len(one.triangles) for one in tilings])
    inner = np.array([len(one.inner) for one in tilings])
    codes = np.zeros((len(kinds), counts.max(), 3), dtype=np.int64)
    weights = np.zeros((len(kinds), max(inner.max(), 1), 12), dtype=bool)
    before = (triangle_table()[kinds[:, 0]] != 255).sum(axis=1) // 3
    for row, one in enumerate(tilings):
        codes[row, : len(one.triangles)] = one.triangles
        for number, around in enumerate(one.inner):
            weights[row, number, list(around)] = True
    edges = cubes.edges[changed]
    # Vertices inside of cubes, in the order of their cubes.
    first_inner = len(vertices) + np.cumsum(inner[kind]) - inner[kind]
    cube, place = np.nonzero(np.arange(weights.shape[1]) < inner[kind][:, None])
    chosen = weights[kind[cube], place]  # [e, 12]
    total = np.zeros((len(cube), 3))
    for e in range(12):
        total += np.where(chosen[:, e, None], vertices[edges[cube, e]], 0.0)
    made = total / chosen.sum(axis=1, keepdims=True)
    # Faces, in the place of those that were there.
    numbers = np.concatenate([edges, first_inner[:, None] + np.arange(weights.shape[1])], axis=1)
    cube, place = np.nonzero(np.arange(codes.shape[1]) < counts[kind][:, None])
    new = np.take_along_axis(numbers[cube], codes[kind[cube], place], axis=1)
    start, length = cubes.faces[changed], before[kind]
    kept = np.ones(len(faces), dtype=bool)
    kept[np.repeat(start - (np.cumsum(length) - length), length) + np.arange(length.sum())] = False
    gone_before = np.cumsum(length) - length
    at = np.repeat(start - gone_before, counts[kind])
    return made, np.insert(faces[kept], at, new, axis=0)
