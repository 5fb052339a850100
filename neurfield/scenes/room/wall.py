"""What hangs on walls: pictures, clock, switch, shelf. Origin on the wall, front towards -y."""

from __future__ import annotations

import numpy as np

from neurfield.scenes.room import finishes
from neurfield.scenes.room.materials import Material, Pattern, srgb
from neurfield.scenes.room.parts import Pieces, pieces
from neurfield.scenes.room.patterns import Plain
from neurfield.scenes.room.prints import ClockFace
from neurfield.scenes.room.shapes import block, lathe, rectangle_frame, rounded_box, tube


def picture(
    width: float, height: float, print_pattern: Pattern, wood: Material, margin: float = 0.05
) -> Pieces:
    """Framed print about the origin: moulding 2.6 cm wide, bevelled mat of `margin`, the print behind it."""
    moulding = [
        (0, 0),
        (0, -0.022),
        (0.004, -0.027),
        (0.012, -0.028),
        (0.022, -0.022),
        (0.026, -0.012),
        (0.026, 0),
    ]
    frame = rectangle_frame(width, height, moulding)
    iw, ih = width - 0.05, height - 0.05
    mat = rectangle_frame(
        iw, ih, [(0, -0.002), (0, -0.011), (margin - 0.003, -0.011), (margin, -0.008), (margin, -0.002)]
    )
    paper = rounded_box((iw - 2 * margin + 0.004, 0.004, ih - 2 * margin + 0.004), (0, -0.006, 0), 0.001)
    return (
        pieces(wood, frame)
        + pieces(Material("mat", Plain(srgb("#f3eee2"), 0.02)), mat)
        + pieces(Material("print", print_pattern, gloss=0.03), paper)
    )


def clock(radius: float = 0.16) -> Pieces:
    """Wall clock: turned rim, printed dial, hands at ten past ten."""
    rim = lathe(
        [
            (radius - 0.016, 0.0),
            (radius, 0.0),
            (radius, 0.03),
            (radius - 0.006, 0.036),
            (radius - 0.016, 0.03),
        ],
        72,
    ).turned(90, "x")
    dial = lathe([(0, 0.004), (radius - 0.01, 0.004), (radius - 0.01, 0.014), (0, 0.014)], 64).turned(90, "x")
    hands = []
    for angle, length, thick, y in ((305, 0.55, 0.0045, -0.018), (62, 0.80, 0.003, -0.021)):
        a = np.radians(angle)
        path = np.outer([-0.15, 0.0, 1.0], [np.sin(a), 0, np.cos(a)]) * length * radius
        hands.append(tube(path + np.array([0, y, 0]), np.array([thick, thick, 0.4 * thick]), 8))
    hub = lathe([(0, 0.012), (0.007, 0.012), (0.007, 0.025), (0, 0.026)], 20).turned(90, "x")
    face = Material("dial", ClockFace(srgb("#f3efe4"), srgb("#22252b"), radius - 0.016))
    return pieces(finishes.walnut(2, 1), rim) + pieces(face, dial) + pieces(finishes.black(), *hands, hub)


def light_switch() -> Pieces:
    """Switch plate with a rocker."""
    plate = rounded_box((0.082, 0.010, 0.082), (0, -0.005, 0), 0.004, 2)
    rocker = rounded_box((0.052, 0.008, 0.052), (0, 0, 0), 0.003, 2).turned(4, "x").moved(y=-0.0105)
    return pieces(finishes.lacquer("#f4f2ec"), plate, rocker)


def wall_shelf(width: float = 0.70) -> Pieces:
    """Board 0.18 m deep on two brass brackets; its top is the origin's height."""
    board = block((-width / 2, -0.18, -0.024), (width / 2, 0.0, 0.0), 0.005, 2)
    brackets = []
    for s in (-1, 1):
        x = s * (width / 2 - 0.1)
        brackets.append(block((x - 0.009, -0.15, -0.029), (x + 0.009, 0.0, -0.0235), 0.001))
        brackets.append(block((x - 0.009, -0.006, -0.14), (x + 0.009, 0.0, -0.024), 0.001))
        brackets.append(tube([(x, -0.14, -0.028), (x, -0.003, -0.13)], 0.004, 10))
    return pieces(finishes.oak(0, 15), board) + pieces(finishes.brass(), *brackets)
