"""Closed meshes with real curvature: boxes with rounded edges, lofts, tubes, turned profiles.

Every maker returns a closed `Shape` whose normals point outwards, in metres. Thin, free-form pieces (sheets,
leaves, pillows) are in `sheets.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Vec = Sequence[float] | np.ndarray
Points = Sequence[Vec] | np.ndarray
_AXES = {"x": 0, "y": 1, "z": 2}


@dataclass(frozen=True)
class Shape:
    """A triangle mesh: vertices float64 [v,3] in metres, faces int64 [f,3]."""

    vertices: np.ndarray
    faces: np.ndarray

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Shape:
        """The shape shifted by metres."""
        return Shape(self.vertices + np.array([x, y, z]), self.faces)

    def turned(self, degrees: float, axis: str = "z") -> Shape:
        """The shape turned about a coordinate axis through the origin."""
        return Shape(self.vertices @ rotation(degrees, axis).T, self.faces)

    def scaled(self, x: float, y: float, z: float) -> Shape:
        """The shape stretched by positive factors."""
        return Shape(self.vertices * np.array([x, y, z]), self.faces)

    def posed(self, pose: np.ndarray) -> Shape:
        """The shape moved by a rigid 4x4 transform."""
        return Shape(self.vertices @ pose[:3, :3].T + pose[:3, 3], self.faces)

    def subset(self, keep: np.ndarray) -> Shape:
        """The chosen faces (bool [f]) and the vertices they use."""
        used, faces = np.unique(self.faces[keep], return_inverse=True)
        return Shape(self.vertices[used], faces.reshape(-1, 3))

    def signed_volume(self) -> float:
        """Signed volume in cubic metres; positive when the normals point outwards."""
        a, b, c = (self.vertices[self.faces[:, i]] for i in range(3))
        return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6.0)


def rotation(degrees: float, axis: str = "z") -> np.ndarray:
    """3x3 rotation about a coordinate axis, counter-clockwise seen from its tip."""
    i = _AXES[axis]
    j, k = (i + 1) % 3, (i + 2) % 3
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(3)
    matrix[j, j], matrix[j, k], matrix[k, j], matrix[k, k] = c, -s, s, c
    return matrix


def outward(shape: Shape) -> Shape:
    """The closed shape with its normals turned outwards."""
    return shape if shape.signed_volume() > 0 else Shape(shape.vertices, shape.faces[:, ::-1])


def join(shapes: Sequence[Shape]) -> Shape:
    """Several shapes as one, vertices kept apart."""
    offsets = np.cumsum([0] + [len(s.vertices) for s in shapes[:-1]])
    return Shape(
        np.concatenate([s.vertices for s in shapes]),
        np.concatenate([s.faces + o for s, o in zip(shapes, offsets, strict=True)]),
    )


def quads_to_faces(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Two triangles for every quad a-b-c-d of vertex numbers."""
    a, b, c, d = (np.ravel(v) for v in (a, b, c, d))
    return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


def box_lattice(counts: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Surface of a lattice of `counts` points an axis: integer positions [v,3] and outward faces [f,3]."""
    quads = []
    for axis in range(3):
        b, c = (axis + 1) % 3, (axis + 2) % 3
        grid_b, grid_c = np.meshgrid(np.arange(counts[b] - 1), np.arange(counts[c] - 1), indexing="ij")
        for side in (0, counts[axis] - 1):
            corners: list[np.ndarray] = []
            for db, dc in ((0, 0), (1, 0), (1, 1), (0, 1)):
                corner = np.empty((*grid_b.shape, 3), dtype=np.int64)
                corner[..., axis], corner[..., b], corner[..., c] = side, grid_b + db, grid_c + dc
                corners.append(np.asarray(np.ravel_multi_index(tuple(np.moveaxis(corner, -1, 0)), counts)))
            quads.append(quads_to_faces(*(corners if side else corners[::-1])))
    faces = np.concatenate(quads)
    used, compact = np.unique(faces, return_inverse=True)
    return np.stack(np.unravel_index(used, counts), 1), compact.reshape(faces.shape)


def rounded_box(
    size: Vec,
    centre: Vec = (0, 0, 0),
    radius: float = 0.004,
    segments: int = 1,
    cells: tuple[int, int, int] = (1, 1, 1),
    bulge: Vec = (0, 0, 0),
) -> Shape:
    """Box with rounded edges.

    `segments` make each half of an edge's quarter circle; `cells` subdivides the flat part along an axis;
    `bulge` swells the two faces across each axis by metres at their middle (a filled cushion).
    """
    half = np.asarray(size, dtype=np.float64) / 2
    r = min(radius, 0.98 * half.min())
    arc = r * np.tan(np.linspace(0, np.pi / 4, segments + 1))
    axes = []
    for h, n in zip(half, cells, strict=True):
        flat = np.linspace(-(h - r), h - r, n + 1)
        axes.append(np.concatenate([-(h - r) - arc[:0:-1], flat, (h - r) + arc[1:]]))
    lattice, faces = box_lattice(tuple(len(a) for a in axes))
    points = np.stack([axes[i][lattice[:, i]] for i in range(3)], 1)
    inner = np.clip(points, -(half - r), half - r)
    away = points - inner
    points = inner + away * (r / np.linalg.norm(away, axis=1, keepdims=True))
    u = points / half
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        points[:, i] += bulge[i] * u[:, i] * (1 - u[:, j] ** 2) * (1 - u[:, k] ** 2)
    return Shape(points + np.asarray(centre, dtype=np.float64), faces)


def block(low: Vec, high: Vec, radius: float = 0.003, segments: int = 1) -> Shape:
    """Rounded box from corner to corner."""
    a, b = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    return rounded_box(b - a, (a + b) / 2, radius, segments)


def loft(rings: np.ndarray, closed: bool = False) -> Shape:
    """Skin over rings [n,k,3] of equal vertex count; the ends get fans unless the last joins the first."""
    n, k = rings.shape[:2]
    index = np.arange(n * k).reshape(n, k)
    ring = index if closed else index[:-1]
    next_ring = np.roll(index, -1, 0) if closed else index[1:]
    faces = [quads_to_faces(ring, np.roll(ring, -1, 1), np.roll(next_ring, -1, 1), next_ring)]
    vertices = [rings.reshape(-1, 3)]
    if not closed:
        vertices.append(np.stack([rings[0].mean(0), rings[-1].mean(0)]))
        for ring, tip, flip in ((index[0], n * k, True), (index[-1], n * k + 1, False)):
            fan = np.stack([ring, np.roll(ring, -1), np.full(k, tip)], 1)
            faces.append(fan[:, ::-1] if flip else fan)
    return outward(Shape(np.concatenate(vertices), np.concatenate(faces)))


def circle(sides: int) -> np.ndarray:
    """Unit circle as [sides,2]."""
    a = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    return np.stack([np.cos(a), np.sin(a)], 1)


def sweep(
    path: np.ndarray, section: np.ndarray, closed: bool = False, scale: np.ndarray | None = None
) -> Shape:
    """Section [k,2] carried along a path [n,3] without twist; `scale` [n] shrinks or grows it on the way."""
    path = np.asarray(path, dtype=np.float64)
    if closed:
        tangents = np.roll(path, -1, 0) - np.roll(path, 1, 0)
    else:
        tangents = np.gradient(path, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    seed = np.array([0.0, 0.0, 1.0]) if abs(tangents[0, 2]) < 0.9 else np.array([1.0, 0.0, 0.0])
    side = np.cross(tangents[0], seed)
    rings = []
    grow = np.ones(len(path)) if scale is None else np.asarray(scale)
    for p, t, g in zip(path, tangents, grow, strict=True):
        side = side - t * (side @ t)
        side /= np.linalg.norm(side)
        up = np.cross(side, t)
        rings.append(p + g * (section[:, :1] * side + section[:, 1:] * up))
    return loft(np.stack(rings), closed)


def tube(path: Points, radius: float | np.ndarray, sides: int = 12, closed: bool = False) -> Shape:
    """Round bar along a path [n,3]; `radius` in metres, one or one a point."""
    radii = np.broadcast_to(np.asarray(radius, dtype=np.float64), (len(path),))
    return sweep(np.asarray(path), circle(sides), closed, radii)


def lathe(profile: Points, segments: int = 40) -> Shape:
    """Turned body of a profile [(radius, z)] that ends on the axis at both ends, or else is a closed loop."""
    profile = np.asarray(profile, dtype=np.float64)
    on_axis = profile[0, 0] < 1e-9 and profile[-1, 0] < 1e-9
    body = profile[1:-1] if on_axis else profile
    ring = circle(segments)
    rings = np.concatenate(
        [body[:, None, :1] * ring[None], np.broadcast_to(body[:, None, 1:], (len(body), segments, 1))], axis=2
    )
    if not on_axis:
        return loft(rings, closed=True)
    shape = loft(rings)
    # the fans of the loft meet at the mean of a ring; the profile says how high that tip lies
    vertices = shape.vertices.copy()
    vertices[-2:, 2] = profile[[0, -1], 1]
    return outward(Shape(vertices, shape.faces))


def rounded(points: Points, radius: float, segments: int = 4) -> np.ndarray:
    """Polyline [n,d] with every inner corner replaced by a smooth arc that starts `radius` before it."""
    p = np.asarray(points, dtype=np.float64)
    out = [p[:1]]
    t = np.linspace(0, 1, segments + 1)[:, None]
    for a, b, c in zip(p[:-2], p[1:-1], p[2:], strict=True):
        before, after = a - b, c - b
        la, lc = np.linalg.norm(before), np.linalg.norm(after)
        r = min(radius, 0.49 * la, 0.49 * lc)
        s, e = b + before * (r / la), b + after * (r / lc)
        out.append((1 - t) ** 2 * s + 2 * t * (1 - t) * b + t**2 * e)
    out.append(p[-1:])
    return np.concatenate(out)


def curve(points: Points, count: int) -> np.ndarray:
    """Smooth curve [count,d] through the points (natural cubic spline over the chord length)."""
    from scipy.interpolate import CubicSpline

    p = np.asarray(points, dtype=np.float64)
    s = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(p, axis=0), axis=1))])
    return CubicSpline(s, p, bc_type="natural")(np.linspace(0, s[-1], count))


def signed_power(value: np.ndarray, exponent: float) -> np.ndarray:
    """|value| to a power, with the sign of the value."""
    return np.sign(value) * np.abs(value) ** exponent


def superellipse(half_x: float, half_y: float, exponent: float = 4.0, sides: int = 64) -> np.ndarray:
    """Outline [sides,2] between an ellipse (exponent 2) and a rectangle (large), counter-clockwise."""
    unit = circle(sides)
    return signed_power(unit, 2.0 / exponent) * [half_x, half_y]


def superellipsoid(
    half: Vec, vertical: float = 1.0, plan: float = 1.0, segments: int = 32, rings: int = 16
) -> Shape:
    """Superellipsoid about the origin: exponents 1 give an ellipsoid, towards 0 a box with soft edges."""
    phi = np.linspace(-np.pi / 2, np.pi / 2, rings + 1)
    profile = np.stack([np.cos(phi) ** vertical, signed_power(np.sin(phi), vertical)], 1)
    profile[[0, -1], 0] = 0.0
    unit = lathe(profile, segments)
    v = unit.vertices.copy()
    r = np.linalg.norm(v[:, :2], axis=1)
    safe = np.maximum(r, 1e-12)
    v[:, 0] = r * signed_power(v[:, 0] / safe, plan)
    v[:, 1] = r * signed_power(v[:, 1] / safe, plan)
    return Shape(v * np.asarray(half, dtype=np.float64), unit.faces)


def prism(outline: np.ndarray, low: float, high: float, bevel: float = 0.003, segments: int = 2) -> Shape:
    """Upright slab over a star-shaped, counter-clockwise outline [k,2], its upper and lower edges rounded."""
    edge = np.roll(outline, -1, 0) - np.roll(outline, 1, 0)
    normal = np.stack([edge[:, 1], -edge[:, 0]], 1) / np.linalg.norm(edge, axis=1, keepdims=True)
    a = np.linspace(0, np.pi / 2, segments + 1)
    inset = bevel * (1 - np.sin(a))
    rise = bevel * (1 - np.cos(a))
    insets = np.concatenate([inset, inset[::-1]])
    heights = np.concatenate([low + rise, high - rise[::-1]])
    rings = [
        np.column_stack([outline - i * normal, np.full(len(outline), z)])
        for i, z in zip(insets, heights, strict=True)
    ]
    return loft(np.stack(rings))


def rectangle_frame(width: float, height: float, profile: Points) -> Shape:
    """Mitred frame in the x-z plane about the origin; profile = closed loop of (inset from the edge, y)."""
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], dtype=np.float64)
    rings = []
    for sx, sz in corners:
        rings.append([[sx * (width / 2 - inset), y, sz * (height / 2 - inset)] for inset, y in profile])
    return loft(np.array(rings), closed=True)
