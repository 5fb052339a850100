"""Thin and soft closed meshes: cloth with thickness, leaves, pillows."""

from __future__ import annotations

import numpy as np

from neurfield.scenes.room.shapes import Shape, outward, quads_to_faces


def sheet(grid: np.ndarray, thickness: float | np.ndarray) -> Shape:
    """Cloth about a grid [n,m,3] of points, closed along the rim; thickness in metres, one or [n,m]."""
    du, dv = np.gradient(grid, axis=0), np.gradient(grid, axis=1)
    normal = np.cross(du, dv)
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    half = np.broadcast_to(np.asarray(thickness, dtype=np.float64) / 2, grid.shape[:2])[..., None]
    return two_skins(grid + normal * half, grid - normal * half)


def two_skins(top: np.ndarray, bottom: np.ndarray) -> Shape:
    """Closed body between two grids [n,m,3] of equal size."""
    n, m = top.shape[:2]
    upper = np.arange(n * m).reshape(n, m)
    lower = upper + n * m

    def quads(i: np.ndarray) -> np.ndarray:
        return quads_to_faces(i[:-1, :-1], i[1:, :-1], i[1:, 1:], i[:-1, 1:])

    def ring(i: np.ndarray) -> np.ndarray:
        return np.concatenate([i[:-1, 0], i[-1, :-1], i[:0:-1, -1], i[0, :0:-1]])

    a, b = ring(upper), ring(lower)
    rim = quads_to_faces(a, b, np.roll(b, -1), np.roll(a, -1))
    faces = np.concatenate([quads(upper), quads(lower)[:, ::-1], rim])
    return outward(Shape(np.concatenate([top.reshape(-1, 3), bottom.reshape(-1, 3)]), faces))


def pillow(width: float, height: float, thickness: float, cells: int = 18, pull: float = 0.07) -> Shape:
    """Stuffed cushion in the x-z plane about the origin; `pull` draws its sides in between the corners."""
    a = np.sin(np.linspace(-np.pi / 2, np.pi / 2, cells + 1))
    u, v = np.meshgrid(a, a, indexing="ij")
    x = width / 2 * u * (1 - pull * (1 - v**2))
    z = height / 2 * v * (1 - pull * (1 - u**2))
    full = np.sqrt(np.clip((1 - u**4) * (1 - v**4), 0, None)) * (1 - 0.25 * (u**2 + v**2) + 0.1 * u**2 * v**2)
    y = thickness / 2 * full + 0.004  # a welt: the rim keeps 8 mm
    return two_skins(np.stack([x, -y, z], 2), np.stack([x, y, z], 2))


def leaf(
    length: float,
    width: float,
    rise: float,
    droop: float,
    fold: float = 0.25,
    thickness: float = 0.0025,
    cells: tuple[int, int] = (10, 4),
) -> Shape:
    """Leaf from the origin along +x; climbs at `rise` degrees, bends down by `droop`, folded at its rib."""
    n, m = cells
    s = np.linspace(0, 1, n + 1)
    angle = np.radians(rise - droop * s)
    piece = length / n
    x = np.concatenate([[0], np.cumsum(np.cos(angle[:-1]) * piece)])
    z = np.concatenate([[0], np.cumsum(np.sin(angle[:-1]) * piece)])
    half_width = width / 2 * (np.sin(np.pi * np.clip(s, 0.0, 1.0) ** 0.8) ** 0.8 * 0.97 + 0.03)
    v = np.linspace(-1, 1, m + 1)
    y = half_width[:, None] * v[None]
    lift = fold * np.abs(y)
    side, up = -np.sin(angle)[:, None] * lift, np.cos(angle)[:, None] * lift
    grid = np.stack([x[:, None] + side, y, z[:, None] + up], 2)
    taper = 0.35 + 0.65 * (1 - np.abs(v[None]) ** 2) * np.ones((n + 1, 1))
    return sheet(grid, thickness * taper)
