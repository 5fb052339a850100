"""Clouds whose normals are known: points [N, 3] and outward normals [N, 3]."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Cloud = tuple[np.ndarray, np.ndarray]


def sphere(
    count: int, seed: int = 0, center: tuple[float, ...] = (0.0, 0.0, 0.0), radius: float = 1.0
) -> Cloud:
    """Points on a sphere."""
    normals = np.random.default_rng(seed).normal(size=(count, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return np.asarray(center) + radius * normals, normals


def two_spheres(count: int) -> Cloud:
    """A sphere and a smaller one beside it."""
    return joined(sphere(count // 2, 1), sphere(count - count // 2, 2, (1.8, 0.3, 0.0), 0.6))


def hollow_ball(count: int) -> Cloud:
    """A ball with a void in its middle: there, normals point into the void."""
    points, normals = sphere(count // 4, 2, radius=0.6)
    return joined(sphere(count - count // 4, 1), (points, -normals))


def torus(count: int, tube: float = 0.35) -> Cloud:
    """A ring of radius 1."""
    random = np.random.default_rng(3)
    u, v = random.uniform(0.0, 2.0 * np.pi, (2, 4 * count))
    kept = np.nonzero(random.uniform(size=4 * count) < (1.0 + tube * np.cos(v)) / (1.0 + tube))[0][:count]
    u, v = u[kept], v[kept]
    normals = np.stack([np.cos(u) * np.cos(v), np.sin(u) * np.cos(v), np.sin(v)], axis=1)
    return np.stack([np.cos(u), np.sin(u), 0.0 * u], axis=1) + tube * normals, normals


def plate(count: int, thickness: float = 0.1) -> Cloud:
    """A box of 2 x 2 and little height."""
    random = np.random.default_rng(4)
    half = np.array([1.0, 1.0, thickness / 2.0])
    areas = np.array([half[1] * half[2], half[0] * half[2], half[0] * half[1]])
    axis = random.choice(3, count, p=areas / areas.sum())
    side = random.choice([-1.0, 1.0], count)
    points = random.uniform(-1.0, 1.0, (count, 3)) * half
    normals = np.zeros((count, 3))
    normals[np.arange(count), axis] = side
    points[np.arange(count), axis] = side * half[axis]
    return points, normals


def joined(*clouds: Cloud) -> Cloud:
    """All of them as one."""
    points, normals = zip(*clouds)
    return np.concatenate(points), np.concatenate(normals)


def noisy(points: np.ndarray, share: float, seed: int = 5) -> tuple[np.ndarray, float]:
    """Points with noise of a share of the diagonal, and its deviation."""
    deviation = share * float(np.linalg.norm(np.ptp(points, axis=0)))
    return points + np.random.default_rng(seed).normal(size=points.shape) * deviation, deviation


SHAPES: dict[str, Callable[[int], Cloud]] = {
    "sphere": sphere, "torus": torus, "two spheres": two_spheres, "hollow ball": hollow_ball, "plate": plate,
}  # fmt: skip
