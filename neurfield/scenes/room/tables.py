"""Tables: dining, coffee, side."""

from __future__ import annotations

import numpy as np

from neurfield.scenes.room import finishes
from neurfield.scenes.room.parts import Pieces, pieces
from neurfield.scenes.room.seating import tapered_leg
from neurfield.scenes.room.shapes import block, lathe, loft, prism, rounded_box, superellipse, tube

DINING_TOP, COFFEE_TOP, SIDE_TOP = 0.745, 0.42, 0.52


def dining_table() -> Pieces:
    """Oak table 1.35 (x) x 0.82 (y), legs that taper from 6 to 3.6 cm."""
    top = rounded_box((1.35, 0.82, 0.032), (0, 0, DINING_TOP - 0.016), 0.009, 3, (12, 8, 1))
    timber = []
    for sx in (-1, 1):
        for sy in (-1, 1):
            rings = []
            for z, half in ((0.0, 0.016), (0.004, 0.018), (0.60, 0.03), (DINING_TOP - 0.03, 0.03)):
                # the outer faces stay upright, the inner ones taper
                at = np.array([sx * (0.555 + half), sy * (0.295 + half)])
                square = superellipse(half, half, 8.0, 32) + at
                rings.append(np.column_stack([square, np.full(32, z)]))
            timber.append(loft(np.array(rings)))
        timber.append(block((sx * 0.585 - 0.011, -0.30, 0.63), (sx * 0.585 + 0.011, 0.30, 0.715)))
    for sy in (-1, 1):
        timber.append(block((-0.56, sy * 0.325 - 0.011, 0.63), (0.56, sy * 0.325 + 0.011, 0.715)))
    return pieces(finishes.oak(0, 2), top) + pieces(finishes.oak(2, 3), *timber)


def coffee_table() -> Pieces:
    """Low walnut table with a rounded top 1.10 x 0.58, a slatted shelf, four splayed legs."""
    top = prism(superellipse(0.55, 0.29, 3.2, 96), COFFEE_TOP - 0.028, COFFEE_TOP, 0.010, 4)
    legs = [
        tapered_leg((sx * 0.45, sy * 0.225), (sx * 0.38, sy * 0.17), COFFEE_TOP - 0.02, 0.011, 0.019)
        for sx in (-1, 1)
        for sy in (-1, 1)
    ]
    across = np.linspace(-0.15, 0.15, 7)
    slats = [block((-0.40, y - 0.017, 0.155), (0.40, y + 0.017, 0.167), 0.003) for y in across]
    rails = [tube([(x, -0.195, 0.15), (x, 0.195, 0.15)], 0.008, 12) for x in (-0.405, 0.405)]
    wood = finishes.walnut(0, 5)
    return pieces(wood, top, *slats) + pieces(finishes.walnut(2, 6), *legs, *rails)


def side_table() -> Pieces:
    """Round table 0.42 m wide on a brass foot."""
    top = lathe(
        [
            (0, SIDE_TOP - 0.02),
            (0.195, SIDE_TOP - 0.02),
            (0.205, SIDE_TOP - 0.014),
            (0.21, SIDE_TOP - 0.006),
            (0.207, SIDE_TOP - 0.001),
            (0.2, SIDE_TOP),
            (0, SIDE_TOP),
        ],
        64,
    )
    stem = lathe(
        [
            (0, 0),
            (0.148, 0),
            (0.15, 0.004),
            (0.148, 0.009),
            (0.05, 0.016),
            (0.017, 0.03),
            (0.014, 0.06),
            (0.014, 0.46),
            (0.03, 0.49),
            (0.07, 0.499),
            (0.07, 0.501),
            (0, 0.501),
        ],
        48,
    )
    return pieces(finishes.lacquer("#e9e4da", 0.2), top) + pieces(finishes.brass(), stem)
