"""Floor lamp, pendant lamp, table lamp: their bodies, and the light they give."""

from __future__ import annotations

import numpy as np

from neurfield.scenes.room import finishes
from neurfield.scenes.room.materials import AreaLight, Material, srgb
from neurfield.scenes.room.parts import Pieces, pieces
from neurfield.scenes.room.patterns import Plain, Weave
from neurfield.scenes.room.shapes import Shape, lathe, rounded, superellipsoid, tube

_WARM = np.array([1.0, 0.80, 0.56])


def square_light(
    centre: tuple[float, float, float], side: float, strength: float, up: bool = False
) -> AreaLight:
    """Level square of warm light about a point, shining down (or up)."""
    half = side / 2
    corner = np.array(centre) - [half, half, 0.0]
    x, y = np.array([side, 0.0, 0.0]), np.array([0.0, side, 0.0])
    u, v = (x, y) if up else (y, x)
    return AreaLight(corner, u, v, strength * _WARM)


def glowing(colour: str, strength: float) -> Material:
    """A bulb or the lit inside of a shade."""
    r, g, b = strength * _WARM
    return Material("glow", Plain(srgb(colour), 0.0), emission=(float(r), float(g), float(b)))


def _drum(top: float, bottom: float, low: float, high: float, wall: float = 0.004) -> Shape:
    """Conical shade, open above and below, with beaded rims."""
    b, t = bottom, top
    outer = [(b, low), (b + 0.001, low + 0.008), (t + 0.001, high - 0.008), (t, high)]
    inner = [(t - wall, high), (t - wall, high - 0.008), (b - wall, low + 0.008), (b - wall, low)]
    return lathe(outer + inner, 64)


def floor_lamp() -> Pieces:
    """1.62 m: round foot, pole 2 cm thick, linen shade 0.40 m wide below."""
    foot = lathe(
        [
            (0, 0),
            (0.138, 0),
            (0.14, 0.006),
            (0.137, 0.014),
            (0.12, 0.02),
            (0.03, 0.025),
            (0.018, 0.035),
            (0, 0.036),
        ],
        56,
    )
    pole = tube([(0, 0, 0.02), (0, 0, 1.42)], 0.010, 20)
    spider = [
        tube([(0, 0, 1.40), (0.155 * np.cos(a), 0.155 * np.sin(a), 1.58)], 0.002, 6)
        for a in np.radians((20, 140, 260))
    ]
    shade = _drum(0.155, 0.20, 1.30, 1.60)
    bulb = superellipsoid((0.032, 0.032, 0.045), segments=24, rings=14).moved(z=1.46)
    linen = Material("shade", Weave(srgb("#f3e3c3"), srgb("#d9bf93")), emission=(0.55, 0.40, 0.22))
    stand = pieces(finishes.black(), foot, pole, *spider)
    return stand + pieces(linen, shade) + pieces(glowing("#fff2d8", 5.0), bulb)


def pendant_lamp(drop: float, colour: str = "#b4552f") -> Pieces:
    """Metal dome 0.46 m wide, its rim `drop` metres below the origin on the ceiling."""
    rose = lathe([(0, -0.03), (0.02, -0.03), (0.045, -0.018), (0.05, -0.004), (0.05, 0.0), (0, 0.0)], 40)
    cord = tube([(0, 0, -0.02), (0, 0, -drop + 0.24)], 0.0035, 8)
    low = -drop
    outside = rounded(
        [
            (0.0, low + 0.25),
            (0.035, low + 0.25),
            (0.04, low + 0.20),
            (0.12, low + 0.17),
            (0.205, low + 0.09),
            (0.23, low),
        ],
        0.05,
        5,
    )
    wall = 0.004
    inside = [(max(r - wall, 0.0) if r > 0.0 else 0.0, z - wall if z > low + 0.01 else z) for r, z in outside]
    dome = lathe(np.concatenate([outside, np.array(inside)[::-1]]), 60)
    # a thin lit lining just inside: the metal itself is dark
    lining = lathe(
        np.array(
            [(max(r - 2 * wall, 0.0) if r > 0 else 0.0, z - 2 * wall) for r, z in outside if z > low + 0.012]
            + [(0.19, low + 0.055), (0.0, low + 0.13)]
        ),
        44,
    )
    bulb = superellipsoid((0.045, 0.045, 0.05), segments=28, rings=16).moved(z=low + 0.085)
    return (
        pieces(finishes.metal(colour, 0.25), dome)
        + pieces(finishes.black(), rose, cord)
        + pieces(glowing("#fff6e6", 1.6), lining)
        + pieces(glowing("#fff6e6", 6.0), bulb)
    )


def table_lamp() -> Pieces:
    """0.44 m: a bellied stoneware foot and a small shade."""
    foot = lathe(
        [
            (0, 0),
            *rounded(
                [(0.045, 0.0), (0.052, 0.015), (0.085, 0.075), (0.07, 0.13), (0.018, 0.175), (0.015, 0.20)],
                0.03,
                6,
            ),
            (0, 0.20),
        ],
        48,
    )
    neck = tube([(0, 0, 0.19), (0, 0, 0.30)], 0.006, 12)
    shade = _drum(0.085, 0.125, 0.245, 0.40, 0.003)
    bulb = superellipsoid((0.024, 0.024, 0.03), segments=20, rings=12).moved(z=0.31)
    linen = Material("shade", Weave(srgb("#f1dfc4"), srgb("#d8b98c")), emission=(0.42, 0.30, 0.165))
    return (
        pieces(finishes.stoneware("#5f8f8b", "#2d4a49", 0.04, "#c9ab84"), foot)
        + pieces(finishes.brass(), neck)
        + pieces(linen, shade)
        + pieces(glowing("#fff2d8", 3.0), bulb)
    )
