"""A place to work: desk, desk lamp, monitor, keyboard, a chair on castors."""

from __future__ import annotations

import numpy as np

from neurfield.scenes.room import finishes
from neurfield.scenes.room.lamps import glowing
from neurfield.scenes.room.materials import Material, srgb
from neurfield.scenes.room.parts import Pieces, carried, pieces, pose
from neurfield.scenes.room.patterns import Plain
from neurfield.scenes.room.prints import Hills, Keys
from neurfield.scenes.room.seating import tapered_leg
from neurfield.scenes.room.shapes import block, curve, lathe, rounded_box, superellipsoid, tube

DESK_TOP = 0.74


def desk(wood: Material, width: float = 1.40) -> Pieces:
    """Board on two steel trestles, a set of drawers under its right end; back at y = 0, 0.68 m deep."""
    w, d, z = width / 2, 0.68, DESK_TOP
    board = rounded_box((width, d, 0.030), (0, -d / 2, z - 0.015), 0.006, 2, (10, 5, 1))
    drawers = [block((w - 0.44, -d + 0.06, 0.10), (w - 0.04, -0.06, z - 0.031), 0.004, 2)]
    fronts = [
        block((w - 0.436, -d + 0.04, low), (w - 0.044, -d + 0.061, low + 0.185), 0.004, 2)
        for low in (0.11, 0.302, 0.494)
    ]
    handles = [
        tube(
            [
                (w - 0.31, -d + 0.042, low + 0.13),
                (w - 0.31, -d + 0.015, low + 0.13),
                (w - 0.17, -d + 0.015, low + 0.13),
                (w - 0.17, -d + 0.042, low + 0.13),
            ],
            0.005,
            10,
        )
        for low in (0.11, 0.302, 0.494)
    ]
    steel = [block((w - 0.42 + dx, -d + 0.10 + dy, 0.0), (w - 0.38 + dx, -d + 0.14 + dy, 0.101), 0.003)
             for dx in (0.0, 0.32) for dy in (0.0, 0.40)]  # fmt: skip
    x = -w + 0.16
    for y in (-d + 0.06, -0.06):
        for lean in (-0.10, 0.10):
            steel.append(tapered_leg((x + lean, y), (x + 0.2 * lean, y), z - 0.03, 0.012, 0.012))
    steel.append(tube([(x, -d + 0.06, 0.22), (x, -0.06, 0.22)], 0.009, 10))
    steel.append(block((x - 0.05, -d + 0.04, z - 0.042), (x + 0.05, -0.04, z - 0.0295), 0.002))
    return (
        pieces(wood, board)
        + pieces(finishes.lacquer("#d7d2c6"), *drawers, *fronts)
        + pieces(finishes.metal("#55585d"), *steel, *handles)
    )


def desk_lamp(colour: str) -> Pieces:
    """Jointed lamp 0.5 m tall; its shade hangs over (0.30, 0), the rim 0.335 m up."""
    foot = lathe([(0, 0), (0.085, 0), (0.088, 0.006), (0.082, 0.018), (0.02, 0.026), (0, 0.027)], 48)
    lower, elbow, head = (0.0, 0.0, 0.02), (-0.10, 0.0, 0.30), (0.24, 0.0, 0.46)
    arms = [
        tube([lower, elbow], 0.007, 12),
        tube([elbow, head], 0.006, 12),
        superellipsoid((0.016, 0.016, 0.016), segments=18, rings=10).moved(*elbow),
        tube([head, (0.30, 0.0, 0.43)], 0.008, 12),
    ]
    outer = [(0.0, 0.10), (0.03, 0.10), (0.036, 0.07), (0.075, 0.005), (0.078, 0.0)]
    inner = [(0.074, 0.0), (0.071, 0.006), (0.032, 0.066), (0.0, 0.068)]
    shade = lathe(outer + inner, 48).moved(0.30, 0.0, 0.335)
    bulb = superellipsoid((0.022, 0.022, 0.028), segments=20, rings=12).moved(0.30, 0.0, 0.366)
    return (
        pieces(finishes.metal(colour, 0.2), foot, shade)
        + pieces(finishes.metal("#85888c"), *arms)
        + pieces(glowing("#fff2d8", 4.0), bulb)
    )


def monitor() -> Pieces:
    """Screen 0.60 x 0.35 on a foot, a dim picture on it; on z = 0, looking to -y."""
    case = [
        rounded_box((0.60, 0.025, 0.355), (0, 0, 0.305), 0.006, 2),
        rounded_box((0.20, 0.03, 0.16), (0, 0.022, 0.28), 0.01, 2),
    ]
    stand = [
        block((-0.03, 0.015, 0.0), (0.03, 0.045, 0.24), 0.006, 2),
        rounded_box((0.24, 0.17, 0.012), (0, 0.01, 0.006), 0.005, 2),
    ]
    dusk = Hills(
        (srgb("#27406b"), srgb("#c97f5a")),
        srgb("#ffe3a8"),
        (srgb("#7d6a8c"), srgb("#4d4a70"), srgb("#26304f")),
        0.57,
        0.32,
        12,
    )
    picture = Material("display", dusk, gloss=0.1, emission=(0.0008, 0.0010, 0.0014))
    glass = rounded_box((0.575, 0.002, 0.325), (0, -0.0128, 0.308), 0.0009)
    return (
        pieces(finishes.black(), *case) + pieces(finishes.metal("#8b8e93"), *stand) + pieces(picture, glass)
    )


def keyboard() -> Pieces:
    """Keyboard 0.36 m wide on z = 0, its user at -y."""
    keys = Material("keyboard", Keys(srgb("#2a2c30"), srgb("#c9c6bd")), gloss=0.05)
    return pieces(keys, rounded_box((0.30, 0.125, 0.016), (0, 0.03, 0.008), 0.005, 2))


def office_chair(cover: Material) -> Pieces:
    """Swivel chair: a star of five castors, a column, a padded seat and back; front towards -y."""
    steel, dark = [tube([(0, 0, 0.09), (0, 0, 0.42)], 0.025, 20)], []
    for k in range(5):
        a = 2 * np.pi * k / 5 + 0.3
        out = np.array([np.cos(a), np.sin(a), 0.0])
        spoke = curve([[0, 0, 0.11], [*(0.16 * out[:2]), 0.095], [*(0.29 * out[:2]), 0.068]], 10)
        steel.append(tube(spoke, np.linspace(0.022, 0.014, 10), 12))
        wheel = lathe(
            [(0, -0.011), (0.02, -0.011), (0.026, -0.007), (0.026, 0.007), (0.02, 0.011), (0, 0.011)], 24
        )
        for side in (-0.016, 0.016):
            x, y = 0.29 * out[:2] + side * np.array([-out[1], out[0]])
            dark.append(wheel.turned(90, "x").turned(np.degrees(a)).moved(x, y, 0.0262))
        dark.append(tube([(*(0.29 * out[:2]), 0.026), (*(0.29 * out[:2]), 0.075)], 0.006, 10))
    steel.append(rounded_box((0.26, 0.26, 0.02), (0, 0, 0.425), 0.006, 2))
    spine = curve([(0, 0.14, 0.43), (0, 0.25, 0.46), (0, 0.27, 0.60), (0, 0.265, 0.78)], 16)
    steel.append(tube(spine, 0.016, 14))
    seat = rounded_box((0.49, 0.47, 0.075), (0, -0.01, 0.475), 0.032, 3, (6, 6, 1), (0.01, 0.01, 0.018))
    back = rounded_box((0.44, 0.07, 0.52), (0, 0, 0), 0.03, 3, (5, 1, 6), (0.0, 0.02, 0.01))
    padded = pieces(cover, seat) + carried(pieces(cover, back), pose((0, 0.235, 0.80), tilt=-8))
    for side in (-1, 1):
        x = side * 0.265
        steel.append(
            tube(curve([(side * 0.12, 0.05, 0.43), (x, 0.05, 0.47), (x, 0.04, 0.64)], 12), 0.011, 12)
        )
        dark.append(rounded_box((0.055, 0.24, 0.028), (x, -0.01, 0.652), 0.012, 3))
    return pieces(finishes.metal("#9a9da2"), *steel) + pieces(finishes.black(), *dark) + padded


def paper_stack(sheets: float = 0.03) -> Pieces:
    """A pile of paper, A4."""
    white = Material("paper", Plain(srgb("#ece7da"), 0.08, 0.03))
    layers, z = [], 0.0
    for turn in (3.0, -5.0, 9.0):
        layers.append(
            rounded_box((0.21, 0.297, sheets / 3), (0, 0, 0), 0.001).turned(turn).moved(z=z + sheets / 6)
        )
        z += sheets / 3
    return pieces(white, *layers)
