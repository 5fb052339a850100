"""Closed solids that shape families are put together from, z upwards; booleans by manifold3d."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neurfield.optional import require

Numbers = Sequence[float] | np.ndarray
Solid = Any  # manifold3d.Manifold
ROUND = 40  # corners of a circle


class Draw:
    """Random numbers of one shape.

    Args:
        generator: where they come from.
    """

    def __init__(self, generator: np.random.Generator) -> None:
        self.generator = generator

    def __call__(self, low: float, high: float) -> float:
        """Uniform between two numbers."""
        return float(self.generator.uniform(low, high))

    def whole(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return int(self.generator.integers(low, high + 1))

    def chance(self, share: float) -> bool:
        """True in that share of draws."""
        return bool(self.generator.random() < share)

    def choice(self, *options: str) -> str:
        """One of some words."""
        return options[int(self.generator.integers(len(options)))]


def library() -> Any:
    """The module manifold3d.

    Raises:
        UserError: it is not installed.
    """
    return require("manifold3d", "triplanes")


def joined(solids: Sequence[Solid]) -> Solid:
    """The union of solids."""
    module = library()
    return module.Manifold.batch_boolean(list(solids), module.OpType.Add)


def box(size: Numbers, at: Numbers = (0.0, 0.0, 0.0)) -> Solid:
    """A box of some size whose lower side is centred at a place."""
    return library().Manifold.cube(size, True).translate((at[0], at[1], at[2] + size[2] / 2))


def board(corners: np.ndarray, height: float, z: float = 0.0, rounded: float = 0.0) -> Solid:
    """A polygon [N, 2], its corners rounded by a radius, raised from z to z + height."""
    module = library()
    section = module.CrossSection([np.asarray(corners, np.float64)])
    if rounded > 0.0:
        section = section.offset(-rounded, module.JoinType.Miter).offset(
            rounded, module.JoinType.Round, 2.0, ROUND
        )
    return section.extrude(height).translate((0.0, 0.0, z))


def rectangle(x: float, y: float) -> np.ndarray:
    """Corners [4, 2] of a rectangle about the origin."""
    return np.array([[-x, -y], [x, -y], [x, y], [-x, y]]) / 2


def rod(start: Numbers, end: Numbers, radius: float, end_radius: float | None = None, sides=ROUND) -> Solid:  # type: ignore[no-untyped-def]
    """A round rod between two places; with few sides an edged one."""
    ends = np.asarray([start, end], np.float64)
    return tube(ends, np.array([radius, radius if end_radius is None else end_radius]), sides=sides)


def lathe(radii: Numbers, heights: Numbers, sides: int = ROUND) -> Solid:
    """The solid under a curve of radii [N] at rising heights [N], turned around z."""
    outline = np.stack([np.asarray(radii, np.float64), np.asarray(heights, np.float64)], axis=1)
    first, last = np.array([[0.0, outline[0, 1]]]), np.array([[0.0, outline[-1, 1]]])
    return library().CrossSection([np.concatenate([first, outline, last])]).revolve(sides)


def profile(radii: Numbers, heights: Numbers, count: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """A smooth curve through radii at heights, which does not overshoot: (radii [count], heights [count])."""
    from scipy.interpolate import PchipInterpolator

    curve = PchipInterpolator(heights, radii)
    along = np.linspace(heights[0], heights[-1], count)
    return np.maximum(curve(along), 1e-3), along


def vessel(radii: np.ndarray, heights: np.ndarray, wall: float, sides: int = ROUND) -> Solid:
    """An open vessel: a turned solid, hollow but for its wall and its floor, open at the top."""
    floor = heights[0] + 1.5 * wall
    inner_heights = np.concatenate([[floor], heights[heights > floor], [heights[-1] + wall]])
    inner = np.interp(inner_heights, heights, radii) - wall
    inner[inner_heights < floor + wall] *= 0.8
    hollow = lathe(np.maximum(inner, 0.15 * wall), inner_heights, sides)
    return lathe(radii, heights, sides) - hollow


def tube(path: np.ndarray, radii: np.ndarray | float, flat: float = 1.0, sides: int = 14) -> Solid:
    """A solid of round sections around a path [N, 3] that lies in a plane.

    Args:
        path: its middle line.
        radii: of the sections, one or [N].
        flat: how much wider sections are across the path's plane than in it.
        sides: corners of a section.
    """
    path = np.asarray(path, np.float64)
    radii = np.broadcast_to(np.asarray(radii, np.float64), len(path))
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    bend = np.cross(along[0], along[-1])
    if np.linalg.norm(bend) < 1e-6:  # straight
        bend = np.cross(along[0], np.eye(3)[np.abs(along[0]).argmin()])
    across = bend / np.linalg.norm(bend)
    inwards = np.cross(across, along)
    inwards /= np.linalg.norm(inwards, axis=1, keepdims=True)
    turn = 2.0 * np.pi * (np.arange(sides) + 0.5) / sides
    rings = path[:, None] + radii[:, None, None] * (
        np.cos(turn)[None, :, None] * inwards[:, None] + flat * np.sin(turn)[None, :, None] * across
    )
    vertices = np.concatenate([rings.reshape(-1, 3), path[[0, -1]]])
    ring = np.arange(sides)
    after = (ring + 1) % sides
    faces = []
    for k in range(len(path) - 1):
        a, b, c, d = k * sides + ring, k * sides + after, (k + 1) * sides + ring, (k + 1) * sides + after
        faces += [np.stack([a, b, d], 1), np.stack([a, d, c], 1)]
    top = (len(path) - 1) * sides
    faces.append(np.stack([np.full(sides, len(vertices) - 2), after, ring], 1))
    faces.append(np.stack([np.full(sides, len(vertices) - 1), top + ring, top + after], 1))
    return solid_of(vertices, np.concatenate(faces))


def solid_of(vertices: np.ndarray, faces: np.ndarray) -> Solid:
    """A closed mesh as a solid, its faces turned outwards."""
    module = library()
    corners = vertices[faces]
    volume = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum()
    turned = faces if volume > 0.0 else faces[:, ::-1]
    mesh = module.Mesh(vertices.astype(np.float32), np.ascontiguousarray(turned, np.uint32))
    return module.Manifold(mesh)


def arc(center: Numbers, radii: tuple[float, float], begin: float, end: float, count: int = 16) -> np.ndarray:
    """Places [count, 3] on an ellipse in the plane of x and z.

    Args:
        center: of the ellipse.
        radii: along x and z.
        begin: angle in degrees from x towards z.
        end: the same of the last place.
        count: of places.
    """
    turn = np.radians(np.linspace(begin, end, count))
    x, z = radii[0] * np.cos(turn), radii[1] * np.sin(turn)
    return np.asarray(center) + np.stack([x, np.zeros(count), z], axis=1)
