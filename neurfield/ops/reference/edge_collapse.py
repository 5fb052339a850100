"""Vertices moved onto neighbours, in plain Python and NumPy; see `neurfield.ops.edge_collapse`."""

from __future__ import annotations

import numpy as np

_THINNEST = 1e-3  # of a triangle whose attributes have a slope: the squared sine between its sides
_SHARE = 3  # of those that could be moved the cheapest third is looked at in a round
_FEW = 2000  # or one of so many faces


def collapse_edges(
    vertices: np.ndarray,
    faces: np.ndarray,
    attributes: np.ndarray,
    locked: np.ndarray,
    target: int,
    most: float,
    border: float,
    length: float,
    steepest: float,
) -> tuple[np.ndarray, float]:
    """The faces left [f', 3] and the highest cost that was paid."""
    quadric, weight, slope = _quadrics(vertices, faces, attributes)
    _add_borders(quadric, vertices, faces, border)
    paid = 0.0
    while len(faces) > target:
        sides = _sides(faces, len(vertices))
        around = [_around(ring) for ring in sides]
        choices = []
        for v, ring in enumerate(sides):
            known = around[v]
            if not ring or locked[v] or known is None:
                continue
            onto = np.array(known[0])
            costs = _costs(quadric[v], weight[v], slope[v], vertices[onto], attributes[onto])
            costs += length * ((vertices[onto] - vertices[v]) ** 2).sum(axis=1)
            for cost, u in sorted(zip(costs.tolist(), onto.tolist(), strict=True)):
                if cost <= most and _allowed(v, u, sides, around, vertices, steepest):
                    choices.append((cost, v, u))
                    break
        choices.sort()
        some = min(max(len(choices) // _SHARE, len(faces) // _FEW + 1), 2 * (len(faces) - target))
        onto, left = np.arange(len(vertices)), len(faces)
        touched: set[int] = set()
        for cost, v, u in choices[:some]:
            if left <= target:
                break
            if v in touched or u in touched:
                continue
            touched.update([v, *(end for side in sides[v] for end in side)])
            left -= sum(u in side for side in sides[v])
            onto[v] = u
            quadric[u] += quadric[v]
            weight[u] += weight[v]
            slope[u] += slope[v]
            paid = max(paid, cost)
        if left == len(faces):
            break
        a, b, c = onto[faces].T
        faces = onto[faces][(a != b) & (b != c) & (c != a)]
    return faces, paid


def _quadrics(
    vertices: np.ndarray, faces: np.ndarray, attributes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each vertex: the sum over its faces of squares [v, 4, 4], areas [v], slopes [v, k, 4]."""
    corner = vertices[faces]
    one, two = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    normal = np.cross(one, two)
    area = np.linalg.norm(normal, axis=1)
    unit = normal / np.maximum(area, 1e-300)[:, None]
    planes = [np.concatenate([unit, -(unit * corner[:, 0]).sum(axis=1)[:, None]], axis=1)]
    g11, g12, g22 = (one * one).sum(axis=1), (one * two).sum(axis=1), (two * two).sum(axis=1)
    det = g11 * g22 - g12 * g12
    thin = ~(det > _THINNEST * g11 * g22)
    det[thin] = 1.0
    for k in range(attributes.shape[1]):
        a, b, c = attributes[faces, k].T
        b, c = b - a, c - a
        g = one * ((g22 * b - g12 * c) / det)[:, None] + two * ((g11 * c - g12 * b) / det)[:, None]
        g[thin] = 0.0
        d = np.where(thin, a + (b + c) / 3.0, a - (g * corner[:, 0]).sum(axis=1))
        planes.append(np.concatenate([g, d[:, None]], axis=1))
    rows = np.stack(planes, axis=1)  # [f, 1 + k, 4]
    quadric = np.zeros((len(vertices), 4, 4))
    weight, slope = np.zeros(len(vertices)), np.zeros((len(vertices), attributes.shape[1], 4))
    for i in range(3):
        np.add.at(quadric, faces[:, i], area[:, None, None] * np.einsum("fki,fkj->fij", rows, rows))
        np.add.at(weight, faces[:, i], area)
        np.add.at(slope, faces[:, i], area[:, None, None] * rows[:, 1:])
    return quadric, weight, slope


def _add_borders(quadric: np.ndarray, vertices: np.ndarray, faces: np.ndarray, border: float) -> None:
    """Planes that stand on the faces along the edges of a border: leaving them moves the border."""
    ends = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    _, row, uses = np.unique(ends, axis=0, return_inverse=True, return_counts=True)
    for side in np.flatnonzero(uses[row.reshape(-1)] == 1):
        a, b, c = np.roll(faces[side // 3], -(side % 3))
        edge = vertices[b] - vertices[a]
        normal = np.cross(edge, np.cross(edge, vertices[c] - vertices[a]))
        size = float(np.linalg.norm(normal))
        if size > 0.0:
            plane = np.append(normal, -(normal @ vertices[a])) / size
            quadric[[a, b]] += border * (edge @ edge) * np.outer(plane, plane)


def _costs(
    quadric: np.ndarray, weight: float, slope: np.ndarray, places: np.ndarray, attributes: np.ndarray
) -> np.ndarray:
    """The mean squares [n] of what a vertex's faces are left by, where it is moved to places [n, 3]."""
    points = np.concatenate([places, np.ones((len(places), 1))], axis=1)
    sums = np.einsum("ni,ij,nj->n", points, quadric, points)
    sums += (weight * attributes**2 - 2.0 * attributes * (points @ slope.T)).sum(axis=1)
    return np.maximum(sums, 0.0) / max(weight, 1e-300)


def _sides(faces: np.ndarray, count: int) -> list[list[tuple[int, int]]]:
    """For each vertex the sides (next, last) of its faces that lie opposite."""
    sides: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for a, b, c in faces.tolist():
        sides[a].append((b, c))
        sides[b].append((c, a))
        sides[c].append((a, b))
    return sides


def _around(ring: list[tuple[int, int]]) -> tuple[list[int], list[int]] | None:
    """A vertex's neighbours, and those along its border; None: an edge of it has more faces than two."""
    nexts, lasts = [side[0] for side in ring], [side[1] for side in ring]
    ends = [v for v in nexts if v not in lasts] + [v for v in lasts if v not in nexts]
    if len(set(nexts)) < len(nexts) or len(set(lasts)) < len(lasts) or len(ends) > 2:
        return None
    return nexts + [v for v in lasts if v not in nexts], ends


def _allowed(v: int, u: int, sides: list, around: list, vertices: np.ndarray, steepest: float) -> bool:
    """Whether the mesh hangs together as before where v is moved onto u, and no face turns over."""
    neighbours, ends = around[v]
    if (ends and u not in ends) or around[u] is None:
        return False
    others = around[u][0]
    if sum(w in others for w in neighbours) != sum(u in side for side in sides[v]):
        return False
    if len(sides[v]) == 1 and set(sides[v][0]) & set(around[u][1]):
        return False  # an ear: what it stands on must have a face beside it
    for a, b in sides[v]:
        if u in (a, b):
            continue
        if (a, b) in sides[u] or (b, a) in sides[u]:
            return False  # the face would be there twice
        side = vertices[b] - vertices[a]
        before = np.cross(side, vertices[v] - vertices[a])
        after = np.cross(side, vertices[u] - vertices[a])
        lengths = float(np.linalg.norm(before) * np.linalg.norm(after))
        if not before @ after > steepest * lengths or not np.linalg.norm(after) > 0.0:
            return False
    return True
