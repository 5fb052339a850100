"""Bed, wardrobe, a chest of drawers. Origin on the floor, the back at y = 0, the front towards -y."""

from __future__ import annotations

import numpy as np

from neurfield.scenes.room import finishes
from neurfield.scenes.room.materials import Material
from neurfield.scenes.room.noise import layered2
from neurfield.scenes.room.parts import Pieces, carried, pieces, pose
from neurfield.scenes.room.seating import tapered_leg
from neurfield.scenes.room.shapes import Shape, block, lathe, rounded, rounded_box
from neurfield.scenes.room.sheets import pillow, sheet

BED_TOP, CHEST_TOP = 0.51, 0.55


def bed(frame: Material, duvet: Material, pillows: Material) -> Pieces:
    """Double bed 1.74 x 2.14 m: padded headboard at the wall, mattress, a rumpled duvet, two pillows."""
    wood = [
        block((-0.84, -2.12, 0.14), (0.84, -0.09, 0.28), 0.02, 3),
        rounded_box((1.74, 0.09, 0.74), (0, -0.05, 0.68), 0.035, 3, (6, 1, 3), (0, 0.02, 0)),
    ]
    legs = [tapered_leg((x, y), (x, y), 0.16, 0.022, 0.03) for x in (-0.74, 0.74) for y in (-2.0, -0.25)]
    mattress = rounded_box((1.60, 1.98, 0.23), (0, -1.10, 0.395), 0.06, 4, (6, 8, 1), (0, 0, 0.01))
    linen = finishes.cloth("#e9e4d8", "#cfc7b5", 31)
    soft: Pieces = []
    for x, turn in ((-0.40, 4.0), (0.39, -6.0)):
        lying = pieces(pillows, pillow(0.68, 0.44, 0.17))
        leaning = carried(lying, pose((x, -0.36, 0.0), turn, -58))
        lowest = min(float(p.shape.vertices[:, 2].min()) for p in leaning)
        soft += carried(leaning, pose((0, 0, BED_TOP - 0.005 - lowest)))
    return (
        pieces(frame, *wood)
        + pieces(finishes.walnut(2, 14), *legs)
        + pieces(linen, mattress)
        + pieces(duvet, _duvet())
        + soft
    )


def _duvet() -> Shape:
    """The cover of the bed's lower part; hangs over both sides, turned back below the pillows."""
    profile = rounded([(-0.855, 0.27), (-0.845, 0.545), (0.845, 0.545), (0.86, 0.22)], 0.10, 8)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(profile, axis=0), axis=1))])
    s = np.linspace(0, length[-1], 72)
    x, z = (np.interp(s, length, profile[:, i]) for i in (0, 1))
    y = np.linspace(-2.06, -0.72, 60)
    u, v = np.meshgrid(s, y, indexing="ij")
    puff = layered2((u * 4.5).astype(np.float32).ravel(), (v * 3.6).astype(np.float32).ravel(), 3, 17)
    puff = puff.reshape(u.shape) - 0.5
    hang = np.clip((0.53 - z) / 0.22, 0, 1)[:, None]
    grid = np.empty((*u.shape, 3))
    grid[..., 0] = x[:, None] + np.sign(x)[:, None] * hang * (0.02 + 0.05 * puff)
    grid[..., 1] = v + 0.03 * np.sin(3 * u)
    # the upper hem is folded back: thicker there
    fold = np.exp(-(((v + 0.80) / 0.09) ** 2))
    grid[..., 2] = z[:, None] + (1 - hang) * (0.055 * (puff + 0.5) + 0.025 * fold)
    return sheet(grid, 0.03)


def wardrobe(wood: Material, front: Material, width: float = 1.40, height: float = 2.08) -> Pieces:
    """Two framed doors over a drawer, 0.58 m deep."""
    w, d = width / 2, 0.58
    case = [
        block((-w, -d + 0.022, 0.07), (w, -0.005, height), 0.004, 2),
        block((-w + 0.02, -d + 0.06, 0.0), (w - 0.02, -0.02, 0.071), 0.002),
        block((-w - 0.02, -d - 0.015, height - 0.001), (w + 0.02, -0.003, height + 0.045), 0.01, 3),
    ]
    doors, panels, knobs = [], [], []
    for side in (-1, 1):
        a, b = sorted((side * 0.004, side * (w - 0.004)))
        doors.append(block((a, -d, 0.40), (b, -d + 0.021, height - 0.008), 0.004, 2))
        for low, high in ((0.48, 1.10), (1.18, height - 0.09)):
            panels.append(block((a + 0.08, -d - 0.008, low), (b - 0.08, -d + 0.004, high), 0.006, 2))
        knobs.append((side * 0.05, 1.14))
    doors.append(block((-w + 0.004, -d, 0.085), (w - 0.004, -d + 0.021, 0.392), 0.004, 2))
    knobs += [(-0.3 * width, 0.24), (0.3 * width, 0.24)]
    brass = [_knob().moved(x, -d + 0.001, z) for x, z in knobs]
    return pieces(wood, *case) + pieces(front, *doors, *panels) + pieces(finishes.brass(), *brass)


def chest(wood: Material, front: Material, width: float = 0.48) -> Pieces:
    """Small chest of two drawers on four legs, 0.40 m deep."""
    w, d, top = width / 2, 0.40, CHEST_TOP
    case = [
        block((-w, -d, top - 0.02), (w, -0.005, top), 0.004, 2),
        block((-w + 0.006, -d + 0.022, 0.16), (w - 0.006, -0.01, top - 0.0195), 0.003),
    ]
    drawers = [block((-w + 0.01, -d, z), (w - 0.01, -d + 0.021, z + 0.165), 0.004, 2) for z in (0.17, 0.343)]
    legs = [
        tapered_leg((x * 1.05, y), (x, y), 0.162, 0.010, 0.016)
        for x in (-w + 0.05, w - 0.05)
        for y in (-0.34, -0.06)
    ]
    knobs = [_knob().moved(0, -d + 0.001, z + 0.08) for z in (0.17, 0.343)]
    return pieces(wood, *case, *legs) + pieces(front, *drawers) + pieces(finishes.brass(), *knobs)


def _knob() -> Shape:
    return lathe([(0, 0), (0.006, 0), (0.006, 0.012), (0.014, 0.018), (0.014, 0.025), (0, 0.027)], 24).turned(
        90, "x"
    )
