"""Large things of a hall: an iron stove, an upright piano and its bench, a ladder of shelves."""

from __future__ import annotations

import numpy as np

from neurfield.scenes.room import finishes
from neurfield.scenes.room.materials import Material, srgb
from neurfield.scenes.room.parts import Pieces, pieces
from neurfield.scenes.room.patterns import Plain, Stripes, Wood
from neurfield.scenes.room.seating import tapered_leg
from neurfield.scenes.room.shapes import (
    Shape,
    block,
    lathe,
    prism,
    rounded,
    rounded_box,
    superellipse,
    tube,
)
from neurfield.scenes.room.storage import strip

PIANO_TOP, LADDER_LEVELS = 1.18, (0.32, 0.74, 1.16, 1.58)


def stove(ceiling: float) -> Pieces:
    """Round iron stove on a stone slab, fire behind its glass, a pipe up to the ceiling; back at y = 0."""
    y = -0.42
    slab = prism(superellipse(0.52, 0.42, 6.0, 64), 0.0, 0.025, 0.006, 2).moved(y=y)
    body = lathe(
        [
            (0, 0.11),
            *rounded([(0.20, 0.11), (0.235, 0.14), (0.235, 0.86), (0.25, 0.88), (0.25, 0.91), (0.12, 0.935)],
                     0.02, 4),
            (0, 0.94),
        ],
        72,
    ).moved(y=y)  # fmt: skip
    legs = [
        tube([(0.17 * np.cos(a), y + 0.17 * np.sin(a), 0.02), (0.15 * np.cos(a), y + 0.15 * np.sin(a), 0.13)],
             0.018, 14)
        for a in np.radians((45, 135, 225, 315))
    ]  # fmt: skip
    pipe = tube([(0, y, 0.93), (0, y, ceiling - 0.02)], 0.065, 36)
    collars = [
        lathe([(0.064, -0.02), (0.075, -0.02), (0.075, 0.02), (0.064, 0.02)], 36).moved(0, y, z)
        for z in (0.955, 1.62)
    ]
    rose = lathe([(0, -0.03), (0.09, -0.03), (0.12, -0.012), (0.12, 0.0), (0, 0.0)], 40).moved(0, y, ceiling)
    angles = np.radians(np.linspace(-118, -62, 19))
    rim: list[Shape] = []
    glass: list[Shape] = []
    for radius, half, shapes in ((0.243, 1.0, rim), (0.247, 0.82, glass)):
        a = -np.pi / 2 + half * (angles + np.pi / 2)
        for low, high in ((0.44, 0.78) if half == 1.0 else (0.475, 0.745),):
            outer = np.column_stack([radius * np.cos(a), y + radius * np.sin(a)])
            inner = np.column_stack([0.225 * np.cos(a), y + 0.225 * np.sin(a)])
            shapes.append(strip(outer, inner, low, high))
    handle = tube([(0.14, y - 0.20, 0.52), (0.155, y - 0.245, 0.53), (0.155, y - 0.245, 0.66)], 0.007, 12)
    iron = Material("iron", Plain(srgb("#2c2d30"), 0.10, 0.05), gloss=0.12)
    stone = Material("slate", Plain(srgb("#565a5e"), 0.25, 0.08), gloss=0.08)
    fire = Material("fire", Plain(srgb("#c8642a"), 0.5, 0.05), emission=(0.16, 0.055, 0.012))
    return (
        pieces(iron, body, *legs, pipe, *collars, rose, *rim)
        + pieces(stone, slab)
        + pieces(fire, *glass)
        + pieces(finishes.brass(), handle)
    )


def piano() -> Pieces:
    """Upright piano 1.48 x 0.60 x 1.18 m, lid open over the keys; back at y = 0, player at -y."""
    w = 0.74
    wood = Material("mahogany", Wood(srgb("#6b3a26"), srgb("#43211a"), 0, 0.09, 33), gloss=0.14)
    case = [
        block((-w, -0.34, 0.10), (w, -0.02, PIANO_TOP - 0.03), 0.005, 2),
        block((-w - 0.012, -0.36, PIANO_TOP - 0.031), (w + 0.012, -0.005, PIANO_TOP), 0.006, 2),
        block((-w + 0.002, -0.60, 0.60), (w - 0.002, -0.33, 0.66), 0.006, 2),
        block((-w + 0.05, -0.352, 0.16), (w - 0.05, -0.335, 0.57), 0.006, 2),
        block((-w + 0.05, -0.352, 0.84), (-0.02, -0.335, 1.10), 0.006, 2),
        block((0.02, -0.352, 0.84), (w - 0.05, -0.335, 1.10), 0.006, 2),
        block((-0.34, -0.40, 0.86), (0.34, -0.345, 0.872), 0.003),
    ]
    for side in (-1, 1):
        a, b = sorted((side * w, side * (w - 0.045)))
        case.append(block((a, -0.60, 0.659), (b, -0.33, 0.76), 0.012, 3))
        a, b = sorted((side * (w - 0.01), side * (w - 0.07)))
        case.append(block((a, -0.585, 0.0), (b, -0.525, 0.601), 0.008, 2))
        case.append(block((a, -0.60, 0.0), (b, -0.01, 0.101), 0.006, 2))
    ivory = Material(
        "keys", Stripes((srgb("#efe9da"), srgb("#8d8678")), (0.0216, 0.0019), 0, 0.03), gloss=0.12
    )
    white = block((-w + 0.05, -0.585, 0.655), (w - 0.05, -0.42, 0.690), 0.003)
    black = []
    for octave in range(8):
        for key in (0.5, 1.5, 3.5, 4.5, 5.5):
            x = -w + 0.06 + 0.0235 * (7 * octave + key + 0.5)
            if x < w - 0.06:
                black.append(block((x - 0.006, -0.525, 0.688), (x + 0.006, -0.42, 0.701), 0.002))
    felt = block((-w + 0.046, -0.425, 0.655), (w - 0.046, -0.335, 0.715), 0.003)
    return pieces(wood, *case, felt) + pieces(ivory, white) + pieces(finishes.black(), *black)


def bench(cover: Material, width: float = 0.90) -> Pieces:
    """Padded bench 0.36 m deep, 0.48 m tall, its middle over the origin."""
    w = width / 2
    pad = rounded_box((width, 0.36, 0.075), (0, 0, 0.445), 0.025, 3, (8, 4, 1), (0.0, 0.0, 0.012))
    timber = [block((-w + 0.02, -0.16, 0.36), (w - 0.02, 0.16, 0.408), 0.004, 2)]
    for x in (-w + 0.05, w - 0.05):
        for y in (-0.13, 0.13):
            timber.append(block((x - 0.02, y - 0.02, 0.0), (x + 0.02, y + 0.02, 0.361), 0.005, 2))
    return pieces(finishes.walnut(0, 41), *timber) + pieces(cover, pad)


def ladder_shelf(wood: Material) -> Pieces:
    """Two rails that lean on the wall (y = 0) and four boards, deeper below; 0.62 m wide, 1.95 m tall."""
    parts = []
    for x in (-0.29, 0.29):
        parts.append(tapered_leg((x, -0.46), (x, -0.03), 1.95, 0.015, 0.015))
        parts.append(tube([(x, -0.03, 0.0), (x, -0.03, 1.95)], 0.013, 12))
    for z in LADDER_LEVELS:
        front = -0.47 + 0.44 * z / 1.95
        parts.append(block((-0.31, front, z - 0.02), (0.31, -0.012, z), 0.003, 2))
    return pieces(wood, *parts)


def round_table(wood: Material, radius: float = 0.60) -> Pieces:
    """Round dining table on a turned column with a heavy foot; its top is 0.745 m up."""
    z = 0.745
    top = lathe(
        [
            (0, z - 0.035),
            *rounded([(radius - 0.03, z - 0.035), (radius, z - 0.02), (radius, z), (0.1, z)], 0.012, 4),
            (0, z),
        ],
        96,
    )
    column = lathe(
        [
            (0, 0),
            *rounded(
                [(0.30, 0.0), (0.30, 0.025), (0.12, 0.06), (0.055, 0.16), (0.05, 0.40), (0.075, 0.55),
                 (0.06, 0.66), (0.20, 0.711)],
                0.03,
                4,
            ),
            (0, 0.7105),
        ],
        64,
    )  # fmt: skip
    return pieces(wood, top) + pieces(finishes.black(), column)
