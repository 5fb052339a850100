"""Sofa, armchair, dining chair, pouf, cushions, a throw."""

from __future__ import annotations

import numpy as np

from neurfield.scenes.room import finishes
from neurfield.scenes.room.materials import Material
from neurfield.scenes.room.parts import Pieces, carried, pieces, pose
from neurfield.scenes.room.shapes import (
    Shape,
    block,
    circle,
    curve,
    lathe,
    loft,
    rounded,
    rounded_box,
    signed_power,
    superellipse,
    superellipsoid,
    sweep,
    tube,
)
from neurfield.scenes.room.sheets import pillow, sheet


def tapered_leg(
    foot: tuple[float, float], head: tuple[float, float], top: float, thin: float, thick: float
) -> Shape:
    """Round leg from the floor at `foot` up to `head` at height `top`; `thin` and `thick` are its radii."""
    path = np.array([[*foot, 0.0], [*foot, 0.004], [*head, top]])
    # a foot cut level with the floor: the rings stay horizontal
    ring = circle(20)
    radii = (thin * 0.85, thin, thick)
    rings = [
        np.column_stack([p[0] + r * ring[:, 0], p[1] + r * ring[:, 1], np.full(20, p[2])])
        for p, r in zip(path, radii, strict=True)
    ]
    return loft(np.array(rings))


def _piping(
    width: float, depth: float, radius: float, at: tuple[float, float, float], corner: float
) -> Shape:
    """Cord around a cushion's upper edge."""
    outline = superellipse(width / 2, depth / 2, 10.0 if corner < 0.06 else 6.0, 72)
    return tube(np.column_stack([outline, np.zeros(72)]) + at, radius, 8, closed=True)


def sofa(cover: Material | None = None) -> Pieces:
    """Three-seater, 2.10 x 0.94 x 0.84 m; front at y = -0.47."""
    cover = cover or finishes.cloth("#2f6f73", "#1d4a52", 1)
    legs = finishes.walnut(2)
    soft = [
        rounded_box((1.98, 0.84, 0.17), (0, 0.01, 0.225), 0.03, 3, (6, 3, 1)),
        rounded_box((2.06, 0.20, 0.50), (0, 0, 0), 0.08, 4, (8, 1, 3), (0, 0.015, 0.01))
        .turned(-9, "x")
        .moved(y=0.355, z=0.545),
    ]
    for side in (-1, 1):
        soft.append(
            rounded_box((0.19, 0.90, 0.46), (side * 0.955, 0.0, 0.375), 0.075, 4, (1, 5, 2), (0.01, 0, 0.012))
        )
    seat = 0.5733
    for i in (-1, 0, 1):
        x = i * (seat + 0.004)
        cushion = rounded_box((seat, 0.68, 0.15), (0, 0, 0), 0.045, 3, (8, 8, 2), (0.006, 0.008, 0.022))
        soft.append(cushion.moved(x, -0.115, 0.385))
        soft.append(_piping(seat - 0.012, 0.668, 0.006, (x, -0.115, 0.444), 0.05))
        rest = rounded_box((seat, 0.16, 0.40), (0, 0, 0), 0.06, 3, (8, 2, 8), (0.008, 0.04, 0.015))
        soft.append(rest.turned(-14, "x").moved(x, 0.225, 0.635))
    feet = [
        tapered_leg((sx * 0.93, y * 1.05), (sx * 0.90, y), 0.16, 0.016, 0.026)
        for sx in (-1, 1)
        for y in (-0.34, 0.36)
    ]
    return pieces(cover, *soft) + pieces(legs, *feet)


def armchair(cover: Material | None = None) -> Pieces:
    """Barrel chair about 0.80 m wide: a bent, padded back that runs into arms, a round seat, thin legs."""
    cover = cover or finishes.cloth("#d8a136", "#a9741c", 6)
    legs = finishes.oak(2)
    angles = np.radians(np.linspace(-122, 122, 41))
    path = np.stack([0.335 * np.sin(angles), 0.315 * np.cos(angles), np.zeros(41)], 1)
    rise = 0.20 + 0.30 * np.clip(np.cos(angles * 0.74), 0, 1) ** 1.6
    section = superellipse(0.055, 0.5, 5.0, 40)
    rings = []
    for p, a, h in zip(path, angles, rise, strict=True):
        out = np.array([np.sin(a), np.cos(a), 0.0])
        lean = 0.10 * (section[:, 1] + 0.5) * (0.35 + 0.65 * np.cos(a / 2))
        across = section[:, 0] + lean
        rings.append(p + across[:, None] * out + np.outer(section[:, 1] * h + h / 2 + 0.24, [0, 0, 1]))
    # rounded front ends of the arms: smaller and smaller rings, each further forward
    first, last = rings[0], rings[-1]
    for s in (0.9, 0.68, 0.35):
        forward = [0.0, -0.05 * np.sqrt(1 - s * s), 0.0]
        rings.insert(0, first.mean(0) + s * (first - first.mean(0)) + forward)
        rings.append(last.mean(0) + s * (last - last.mean(0)) + forward)
    shell = loft(np.array(rings))
    seat = superellipsoid((0.33, 0.35, 0.085), 0.45, 0.75, 48, 20).moved(y=-0.055, z=0.375)
    base = superellipsoid((0.31, 0.32, 0.06), 0.4, 0.8, 40, 14).moved(y=-0.02, z=0.265)
    feet = [
        tapered_leg((sx * 0.27, sy * 0.25 - 0.02), (sx * 0.21, sy * 0.20 - 0.02), 0.25, 0.011, 0.018)
        for sx in (-1, 1)
        for sy in (-1, 1)
    ]
    return pieces(cover, shell, seat, base) + pieces(legs, *feet)


def chair(wood: Material, seat_cover: Material) -> Pieces:
    """Dining chair, 0.44 x 0.47 x 0.84 m, legs 3 cm thick; front at y = -0.22."""
    timber = []
    for side in (-1, 1):
        front = rounded_box((0.03, 0.03, 0.43), (side * 0.195, -0.195, 0.215), 0.008, 2)
        bend = curve(
            [
                (side * 0.175, 0.215, 0.0),
                (side * 0.18, 0.19, 0.25),
                (side * 0.182, 0.19, 0.45),
                (side * 0.184, 0.225, 0.66),
                (side * 0.186, 0.275, 0.84),
            ],
            16,
        )
        back = sweep(bend, superellipse(0.015, 0.015, 5.0, 20))
        # the post's foot is cut square to its slope: press it level with the floor
        vertices = back.vertices.copy()
        vertices[:, 2] = np.maximum(vertices[:, 2], 0.0)
        timber += [front, Shape(vertices, back.faces)]
        timber.append(
            block((side * 0.187 - 0.010, -0.18, 0.375), (side * 0.187 + 0.010, 0.185, 0.425), 0.003)
        )
        timber.append(
            block((side * 0.187 - 0.009, -0.18, 0.17), (side * 0.187 + 0.009, 0.195, 0.195), 0.004, 2)
        )
    timber.append(block((-0.18, -0.205, 0.375), (0.18, -0.185, 0.425), 0.003))
    timber.append(block((-0.17, 0.18, 0.375), (0.17, 0.2, 0.425), 0.003))
    for z, tall, y in ((0.585, 0.045, 0.21), (0.69, 0.045, 0.235), (0.795, 0.075, 0.262)):
        a = np.linspace(-1, 1, 13)
        path = np.stack([a * 0.178, y + 0.03 * (1 - a**2), np.full(13, z)], 1)
        timber.append(sweep(path, superellipse(0.008, tall / 2, 6.0, 24)))
    outline = superellipse(0.222, 0.212, 6.0, 64)
    taper = 1 - 0.08 * (outline[:, 1:] + 0.212) / 0.424
    pad_rings = []
    for inset, z in (
        (0.02, 0.428),
        (0.006, 0.43),
        (0.0, 0.438),
        (0.004, 0.452),
        (0.02, 0.462),
        (0.08, 0.468),
        (0.16, 0.467),
    ):
        ring = outline * taper * (1 - inset / 0.217)
        pad_rings.append(np.column_stack([ring, np.full(64, z)]) - [0, 0.012, 0])
    return pieces(wood, *timber) + pieces(seat_cover, loft(np.array(pad_rings)))


def pouf() -> Pieces:
    """Knitted stool 0.5 m wide: a flattened ball with ridges."""
    cover = finishes.cloth("#c9b79c", "#8d7a62", 9)
    n, m = 120, 22
    phi = np.linspace(-np.pi / 2, np.pi / 2, m + 1)
    profile = np.stack([0.245 * np.cos(phi) ** 0.62, 0.19 + 0.19 * signed_power(np.sin(phi), 0.8)], 1)
    profile[[0, -1], 0] = 0
    body = lathe(profile, n)
    v = body.vertices.copy()
    around = np.arctan2(v[:, 1], v[:, 0])
    r = np.hypot(v[:, 0], v[:, 1])
    ridge = 1 + 0.022 * np.cos(24 * around + 9 * v[:, 2] / 0.19) * np.clip(r / 0.2, 0, 1)
    v[:, :2] *= ridge[:, None]
    return pieces(cover, Shape(v, body.faces))


def cushion(cover: Material, size: float = 0.42, thickness: float = 0.15) -> Pieces:
    """Throw pillow standing on its lower edge, its middle over the origin."""
    return pieces(cover, pillow(size, size, thickness).moved(z=size / 2 * 0.965))


def throw_over_arm(cover: Material) -> Pieces:
    """Folded blanket over a sofa's arm, whose top middle is at x = 0, z = 0.62; it hangs on both sides."""
    profile = rounded([(-0.125, 0.49), (-0.118, 0.625), (0.118, 0.625), (0.122, 0.22)], 0.075, 6)
    s = np.linspace(0, 1, 48)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(profile, axis=0), axis=1))])
    x = np.interp(s * length[-1], length, profile[:, 0])
    z = np.interp(s * length[-1], length, profile[:, 1])
    v = np.linspace(-0.23, 0.23, 32)
    hang = np.clip((0.56 - z) / 0.3, 0, 1)
    outward = np.sign(x) * hang
    fold = 0.012 * (1 + np.sin(v * 34 + 0.8 * np.sin(v * 11)))
    grid = np.empty((len(s), len(v), 3))
    grid[..., 0] = x[:, None] + outward[:, None] * fold + 0.004 * np.sign(x)[:, None]
    grid[..., 1] = v[None] * (1 + 0.05 * hang[:, None]) + 0.01 * np.sin(s * 7)[:, None]
    rest = 0.008 * np.exp(-(((z - 0.62) / 0.03) ** 2))
    grid[..., 2] = (z + rest)[:, None] + 0.006 * np.sin(v * 17)[None] * hang[:, None]
    return pieces(cover, sheet(grid, 0.012))


def cushion_on_seat(cover: Material, lean: float, turn: float, size: float = 0.42) -> Pieces:
    """Throw pillow leaning back by `lean` degrees, turned about z; lowest edge at the origin's height."""
    leaning = carried(cushion(cover, size), pose((0, 0, 0), turn, -lean))
    lowest = min(float(p.shape.vertices[:, 2].min()) for p in leaning)
    return carried(leaning, pose((0, 0, -lowest)))
