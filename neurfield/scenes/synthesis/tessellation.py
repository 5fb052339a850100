"""A copy of a mesh fine enough to carry light at its vertices, and the places where light is gathered."""

from __future__ import annotations

import numpy as np

# Faces that meet at less than this angle are shaded as one smooth surface.
_SMOOTH_ANGLE = np.radians(40.0)


def split_long_edges(
    vertices: np.ndarray, faces: np.ndarray, longest: float | np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut faces until no edge is much longer than `longest`.

    An edge is cut into 2^k equal parts by its own length alone, so the faces on both its sides agree, and no
    crack or T-junction opens; vertices at the same place (to 10 micrometres) become one. The surface itself
    does not change. The number of pieces follows the area, also of long thin faces.

    Args:
        longest: metres, one for all or one for each face.

    Returns:
        Vertices [v,3], faces [n,3], and parent [n] int64: the given face that each new one is a part of.
    """
    vertices = np.asarray(vertices, np.float64)
    faces = np.asarray(faces, np.int64)
    lengths = np.linalg.norm(vertices[faces] - vertices[np.roll(faces, -1, axis=1)], axis=-1)
    ratio = np.maximum(lengths / np.reshape(longest, (-1, 1)), 1.0)
    halvings = np.ceil(np.log2(ratio)).astype(np.int64)
    # Turn every face so that its least cut edge comes first: corners a, b, c with edges ab, bc, ca.
    order = (halvings.argmin(axis=1)[:, None] + np.arange(3)) % 3
    faces, halvings = np.take_along_axis(faces, order, 1), np.take_along_axis(halvings, order, 1)
    patterns, pattern_of_face = np.unique(halvings, axis=0, return_inverse=True)
    points, parents, triangles, n_points = [], [], [], 0
    for number, (ab, bc, ca) in enumerate(patterns):
        which = np.flatnonzero(pattern_of_face.ravel() == number)
        weights, pattern = _pattern(int(ab), int(bc), int(ca))
        points.append((weights @ vertices[faces[which]]).reshape(-1, 3))
        offsets = n_points + len(weights) * np.arange(len(which))
        triangles.append((offsets[:, None, None] + pattern).reshape(-1, 3))
        parents.append(np.repeat(which, len(pattern)))
        n_points += len(points[-1])
    everything = np.concatenate([np.empty((0, 3)), *points])
    first, place = np.unique(_cells(everything), return_index=True, return_inverse=True)[1:]
    corners = place.ravel()[np.concatenate([np.empty((0, 3), np.int64), *triangles])]
    return everything[first], corners, np.concatenate([np.empty(0, np.int64), *parents])


def _pattern(ab: int, bc: int, ca: int) -> tuple[np.ndarray, np.ndarray]:
    """How a triangle with edges cut into 2^ab <= 2^bc, 2^ca parts falls apart.

    First into 4^ab triangles of its own shape; what is then left are cuts across the length of each.

    Returns:
        The barycentric weights of points [p,3] and triangles of them [t,3].
    """
    whole = np.eye(3)[None]
    for _ in range(ab):
        a, b, c = whole[:, 0], whole[:, 1], whole[:, 2]
        x, y, z = 0.5 * (a + b), 0.5 * (b + c), 0.5 * (c + a)
        whole = np.concatenate([np.stack(t, axis=1) for t in ((a, x, z), (x, b, y), (z, y, c), (y, z, x))])
    n, m = 2 ** (ca - ab), 2 ** (bc - ab)
    corner_a, corner_b, corner_c = np.eye(3)
    left, right = (
        (1 - along) * corner + along * corner_c
        for along, corner in ((np.arange(k + 1)[:, None] / k, at) for k, at in ((n, corner_a), (m, corner_b)))
    )
    strip = []
    i = j = 0
    while i < n or j < m:
        if j == m or (i < n and (i + 1) * m <= (j + 1) * n):
            strip.append((left[i], right[j], left[i + 1]))
            i += 1
        else:
            strip.append((left[i], right[j], right[j + 1]))
            j += 1
    # The last triangle meets at corner c and has no area.
    cuts = np.array(strip[:-1])
    weights = np.einsum("kcw,twx->tkcx", cuts, whole).reshape(-1, 3)
    unique, slot = np.unique(np.rint(weights * 2.0**30), axis=0, return_inverse=True)
    return unique / 2.0**30, slot.reshape(-1, 3)


def _cells(points: np.ndarray) -> np.ndarray:
    """One whole number for each place; places are 10 micrometres wide, in a scene of at most 20 m."""
    # Borders between places at numbers that no design uses: one point, computed in two ways, is in one place.
    cells = np.floor((points - points.min(axis=0, initial=0.0)) * 98765.4 + 0.3183).astype(np.int64)
    return cells @ np.array([1 << 42, 1 << 21, 1])


def face_normals(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit normals [f,3] float64 (right-hand rule over the corners) and areas [f]."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    cross = np.cross(b - a, c - a)
    twice_area = np.linalg.norm(cross, axis=1)
    return cross / np.maximum(twice_area, 1e-30)[:, None], 0.5 * twice_area


def place_light_points(
    vertices: np.ndarray, faces: np.ndarray, group: np.ndarray, lift: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One light point for each vertex and each smooth surface through it.

    Points are raised by `lift` (metres) along the normal, and drawn a little into the surface, because rays
    that start exactly in a corner of a room slip out of it.

    Args:
        group: [f] int, keeps surfaces apart that only touch.

    Returns:
        Positions, normals [p,3] float32, and the points at the corners of each face [f,3] int32.
    """
    normals, areas = face_normals(vertices, faces)
    keys = faces * (int(group.max(initial=0)) + 1) + group[:, None]
    shared = np.unique(keys, return_inverse=True)[1].reshape(-1, 3)
    corner_normals = _smooth_corners(shared, normals, areas)
    keys = np.rint((corner_normals + 1.0) * 31.0).astype(np.int64) @ np.array([4096, 64, 1]) + shared * 262144
    _, first, corner = np.unique(keys.ravel(), return_index=True, return_inverse=True)
    corner = corner.reshape(-1, 3)
    at = vertices[faces.ravel()[first]]
    normal = _sum_at(corner, corner_normals)
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    normal = np.where(length > 1e-6, normal / np.maximum(length, 1e-6), [0.0, 0.0, 1.0])
    inward = vertices[faces].mean(axis=1)[:, None] - vertices[faces]
    count = np.bincount(corner.ravel())
    shift = _sum_at(corner, inward) / count[:, None]
    length = np.linalg.norm(shift, axis=1, keepdims=True)
    shift *= np.minimum(0.3, 2 * lift / np.maximum(length, 1e-9))
    positions = at + shift + lift * normal
    return positions.astype(np.float32), normal.astype(np.float32), corner.astype(np.int32)


def _smooth_corners(shared: np.ndarray, normals: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """Normals at corners [f,3,3]: the area-weighted mean over a vertex's faces that meet at a small angle."""
    corners = np.repeat(normals[:, None], 3, axis=1).reshape(-1, 3)
    vertex = shared.ravel()
    count = np.bincount(vertex)
    total = _sum_at(vertex, corners)
    # Where all faces of a vertex lie in one plane, nearly everywhere on a wall, there is nothing to smooth.
    curved = (np.linalg.norm(total, axis=1) < 0.99999 * count)[vertex]
    rows = np.flatnonzero(curved)
    rows = rows[np.argsort(vertex[rows], kind="stable")]
    starts = np.flatnonzero(np.diff(vertex[rows], prepend=-1))
    sizes = np.diff(np.append(starts, len(rows)))
    weight = np.repeat(areas, 3)
    result = corners.copy()
    for size in np.unique(sizes):
        block = rows[starts[sizes == size][:, None] + np.arange(size)]
        near = np.einsum("bif,bjf->bij", corners[block], corners[block]) > np.cos(_SMOOTH_ANGLE)
        smooth = np.einsum("bij,bj,bjf->bif", near, weight[block], corners[block])
        result[block] = smooth / np.maximum(np.linalg.norm(smooth, axis=-1, keepdims=True), 1e-30)
    return result.reshape(-1, 3, 3)


def _sum_at(slots: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Sum of the vectors [...,3] that share a slot [...]: [slots,3]."""
    return np.stack([np.bincount(slots.ravel(), vectors[..., i].ravel()) for i in range(3)], axis=1)
