"""Small things that stand on tables and boards."""

from __future__ import annotations

import numpy as np

from neurfield.scenes.room import finishes
from neurfield.scenes.room.materials import Material, srgb
from neurfield.scenes.room.parts import Pieces, carried, pieces, pose
from neurfield.scenes.room.patterns import Fruit, Plain
from neurfield.scenes.room.prints import Discs, Hills, Keys, Tiles
from neurfield.scenes.room.shapes import (
    Shape,
    block,
    curve,
    lathe,
    prism,
    rounded,
    rounded_box,
    superellipse,
    superellipsoid,
    tube,
)


def mug(glaze: str, band: float = 0.03) -> Pieces:
    """Mug 9 cm tall with a handle at +x, half full of coffee."""
    wall = rounded(
        [
            (0.030, 0.0),
            (0.038, 0.004),
            (0.041, 0.05),
            (0.041, 0.09),
            (0.037, 0.09),
            (0.037, 0.012),
            (0.03, 0.006),
        ],
        0.004,
        3,
    )
    body = lathe([(0, 0), *wall, (0, 0.006)], 40)
    a = np.linspace(-np.pi / 2, np.pi / 2, 15)
    handle = tube(
        np.column_stack([0.039 + 0.026 * np.cos(a), np.zeros(15), 0.047 + 0.027 * np.sin(a)]), 0.005, 10
    )
    coffee = lathe([(0, 0.005), (0.0365, 0.014), (0.0372, 0.066), (0, 0.066)], 32)
    return pieces(finishes.stoneware(glaze, "#4a4038", band), body, handle) + pieces(
        Material("coffee", Plain(srgb("#2b170c"), 0.0), gloss=0.2), coffee
    )


def bowl() -> Pieces:
    """Wide stoneware bowl, 0.30 m across, 9 cm tall; its inner floor is 1.2 cm up."""
    outline = rounded(
        [
            (0.055, 0.0),
            (0.06, 0.012),
            (0.12, 0.045),
            (0.152, 0.088),
            (0.146, 0.092),
            (0.114, 0.054),
            (0.055, 0.02),
        ],
        0.02,
        5,
    )
    return pieces(
        finishes.stoneware("#e7dfcf", "#6a5a48", 0.03, "#41667a"), lathe([(0, 0), *outline, (0, 0.014)], 64)
    )


def fruit(rng: np.random.Generator) -> Pieces:
    """Apples, oranges, a lemon and a banana, heaped in `bowl`."""
    parts: Pieces = []
    orange = Material("orange", Fruit(srgb("#e58a22"), srgb("#d96b14"), 4))
    red = Material("apple", Fruit(srgb("#b3261f"), srgb("#d8a63a"), 7))
    green = Material("apple", Fruit(srgb("#9db53a"), srgb("#c9c85a"), 9))
    lemon = Material("lemon", Fruit(srgb("#ecc92f"), srgb("#e0b81f"), 2))
    for k, skin in enumerate((orange, red, green, orange, red)):
        turn = np.radians(72 * k + 10)
        r = 0.036 if skin is orange else 0.038
        at = (0.066 * np.cos(turn), 0.066 * np.sin(turn), 0.060)
        shape = superellipsoid((r, r, r), segments=28, rings=18) if skin is orange else _apple(r)
        parts += carried(pieces(skin, shape), pose(at, rng.uniform(0, 360), rng.uniform(-25, 25)))
    ball = superellipsoid((0.03, 0.03, 0.042), 0.9, 1.0, 24, 16)
    parts += carried(pieces(lemon, ball), pose((0.012, -0.01, 0.108), 40, 80))
    parts += carried(pieces(green, _apple(0.036)), pose((-0.03, 0.028, 0.116), 0, 12))
    a = np.linspace(-0.85, 0.85, 18)
    path = np.column_stack([0.095 * np.sin(a), np.zeros(18), 0.085 * (1 - np.cos(a))])
    fat = 0.017 * np.sqrt(np.clip(1 - (a / 0.9) ** 4, 0.06, 1))
    banana = tube(path, fat, 7)
    yellow = Material("banana", Fruit(srgb("#e8c53a"), srgb("#d9b32a"), 5))
    parts += carried(pieces(yellow, banana), pose((0.035, 0.03, 0.122), 60, 28))
    return parts


def _apple(r: float) -> Shape:
    """Apple: a ball drawn in at its poles."""
    t = np.linspace(-np.pi / 2, np.pi / 2, 21)
    profile = np.column_stack([r * 1.04 * np.cos(t) * (1 + 0.06 * np.sin(t)), r * 0.94 * np.sin(t) - r * 0.0])
    dip = np.exp(-((profile[:, 0] / (0.3 * r)) ** 2))
    profile[:, 1] -= np.sign(profile[:, 1]) * 0.2 * r * dip
    profile[[0, -1], 0] = 0
    return lathe(profile, 28)


def vase(glaze: str, height: float = 0.26) -> Pieces:
    """Slender bellied vase with an open neck."""
    h = height
    outer = curve([(0.04, 0.0), (0.068, 0.25 * h), (0.062, 0.5 * h), (0.026, 0.8 * h), (0.03, h)], 20)
    inner = outer[::-1] - [0.004, 0.0]
    inner = inner[inner[:, 1] > 0.02 * h + 0.004]
    return pieces(
        finishes.stoneware(glaze, "#333333", 0.3 * h, "#d8cbb2"),
        lathe([(0, 0), (0.036, 0), *outer, *inner, (0, 0.012)], 40),
    )


def laptop() -> Pieces:
    """Open laptop 0.32 m wide, its user at -y; on z = 0."""
    silver = Material("laptop", Keys(srgb("#b4b7ba"), srgb("#26282c")), gloss=0.15)
    base = rounded_box((0.32, 0.22, 0.015), (0, 0, 0.0085), 0.006, 2)
    foot = lathe([(0, 0), (0.008, 0), (0.008, 0.002), (0, 0.002)], 12)
    feet = [foot.moved(x, y) for x in (-0.13, 0.13) for y in (-0.09, 0.09)]
    opened = pose((0, 0.108, 0.016), tilt=-17)
    cover = rounded_box((0.32, 0.007, 0.215), (0, 0.0, 0.108), 0.003, 2)
    lid = carried(pieces(finishes.metal("#a9acb0", 0.15), cover), opened)
    evening = (srgb("#f2c38a"), srgb("#4f7fa8"))
    mountains = (srgb("#8a6f8f"), srgb("#5b5478"), srgb("#2c3350"))
    picture = Material(
        "display",
        Hills(evening, srgb("#fff0c8"), mountains, 0.3, 0.19, 8),
        gloss=0.1,
        emission=(0.04, 0.05, 0.06),
    )
    glass = rounded_box((0.302, 0.002, 0.19), radius=0.0009)
    display = carried(pieces(picture, glass), opened @ pose((0, -0.0034, 0.112)))
    return pieces(silver, base) + pieces(finishes.black(), *feet) + lid + display


def tablet() -> Pieces:
    """Tablet lying on its back, 0.24 x 0.17 m."""
    body = prism(superellipse(0.12, 0.085, 12.0, 64), 0.0, 0.008, 0.003, 3)
    glass = prism(superellipse(0.117, 0.082, 14.0, 64), 0.007, 0.0086, 0.0004, 1)
    dark = Material("screen", Plain((0.008, 0.009, 0.012), 0.0), gloss=0.4)
    return pieces(finishes.metal("#8b8e93"), body) + pieces(dark, glass)


def magazines(rng: np.random.Generator) -> Pieces:
    """Three magazines, loosely stacked."""
    prints = (
        Tiles((srgb("#e9d9b4"), srgb("#c2502e"), srgb("#22566b"), srgb("#e0a63a")), 0.052, 0, 1, 3),
        Tiles((srgb("#f2ece0"), srgb("#2f6b4f"), srgb("#d98c80"), srgb("#1f2d47")), 0.07, 0, 1, 11),
        Tiles((srgb("#f4efe4"), srgb("#b3261f"), srgb("#26282c"), srgb("#9cc3d8")), 0.042, 0, 1, 17),
    )
    parts: Pieces = []
    z = 0.0
    for k, cover in enumerate(prints):
        thick = (0.009, 0.007, 0.006)[k]
        sheet_box = rounded_box((0.21, 0.28, thick), (0, 0, thick / 2), 0.0015, 1)
        shift = rng.uniform(-0.012, 0.012, 2)
        parts += carried(
            pieces(Material("magazine", cover, gloss=0.12), sheet_box),
            pose((*shift, z), rng.uniform(-14, 14)),
        )
        z += thick
    return parts


def candle() -> Pieces:
    """Thick candle on a small wooden dish."""
    dish = lathe(
        [(0, 0), *rounded([(0.05, 0), (0.062, 0.012), (0.058, 0.014), (0.05, 0.007)], 0.003, 2), (0, 0.006)],
        40,
    )
    wax = lathe(
        [
            (0, 0.0055),
            *rounded([(0.035, 0.0055), (0.036, 0.11), (0.031, 0.114), (0.02, 0.107)], 0.004, 3),
            (0, 0.105),
        ],
        40,
    )
    wick = tube([(0, 0, 0.10), (0.001, 0, 0.114), (0.004, 0, 0.121)], 0.0012, 6)
    pale = Material("wax", Plain(srgb("#efe3c4"), 0.05, 0.05), gloss=0.05)
    return pieces(finishes.walnut(0, 3), dish) + pieces(pale, wax) + pieces(finishes.black(), wick)


def remote() -> Pieces:
    """Remote control with rubber buttons."""
    body = rounded_box((0.045, 0.17, 0.018), (0, 0, 0.009), 0.006, 2)
    buttons = [
        lathe([(0, 0.017), (0.005, 0.017), (0.005, 0.0195), (0, 0.02)], 14).moved(x, y)
        for x in (-0.012, 0.0, 0.012)
        for y in np.linspace(-0.05, 0.06, 6)
    ]
    return pieces(finishes.black(), body) + pieces(finishes.lacquer("#5a5d63"), *buttons)


def plate_with_cup() -> Pieces:
    """Saucer with a small cup."""
    saucer = lathe(
        [(0, 0), *rounded([(0.04, 0), (0.075, 0.012), (0.074, 0.015), (0.035, 0.006)], 0.006, 3), (0, 0.005)],
        48,
    )
    cup = carried(mug("#ece6da", 0.02), pose((0, 0, 0.0055), 35))
    return pieces(finishes.stoneware("#ece6da"), saucer) + cup


def box_with_lid(colour: str) -> Pieces:
    """Cardboard box 0.24 x 0.18 x 0.14 m with a lid and a label."""
    card = Material("card", Plain(srgb(colour), 0.08, 0.04))
    lower = rounded_box((0.236, 0.176, 0.12), (0, 0, 0.06), 0.003)
    lid = rounded_box((0.244, 0.184, 0.045), (0, 0, 0.1185), 0.004, 2)
    label = rounded_box((0.07, 0.002, 0.035), (0, -0.0885, 0.06), 0.0009)
    return pieces(card, lower, lid) + pieces(finishes.lacquer("#f1ead9", 0.0), label)


def globe() -> Pieces:
    """Globe on a wooden foot, 0.30 m tall."""
    sphere = superellipsoid((0.1, 0.1, 0.1), segments=48, rings=28).turned(23, "y").moved(z=0.185)
    a = np.radians(np.linspace(-113, 67, 33))
    arc = tube(np.column_stack([0.109 * np.sin(-a), np.zeros(33), 0.185 + 0.109 * np.cos(a)]), 0.004, 10)
    foot = lathe(
        [(0, 0), *rounded([(0.07, 0.0), (0.07, 0.012), (0.02, 0.03), (0.01, 0.078)], 0.012, 4), (0, 0.08)], 40
    )
    lands = Discs(
        (srgb("#5f93a8"), srgb("#c9a860"), srgb("#7f9a5a"), srgb("#d8c79a"), srgb("#b5774a")),
        0.2,
        0.36,
        5,
        13,
    )
    ball = pieces(Material("globe", lands, gloss=0.1), sphere)
    return ball + pieces(finishes.brass(), arc) + pieces(finishes.walnut(), foot)


def stones() -> Pieces:
    """Three bookends of rounded stone, one on the other."""
    grey = Material("stone", Plain(srgb("#8f8a80"), 0.25, 0.02))
    parts = []
    z = 0.0
    for (a, b, c), turn in (
        ((0.075, 0.055, 0.025), 10),
        ((0.055, 0.045, 0.021), 60),
        ((0.036, 0.03, 0.016), 100),
    ):
        parts.append(superellipsoid((a, b, c), 0.9, 0.95, 28, 16).turned(turn).moved(z=z + c))
        z += 2 * c - 0.001
    return pieces(grey, *parts)


def tray() -> Pieces:
    """Round wooden tray with a raised rim."""
    body = lathe(
        [
            (0, 0),
            *rounded([(0.165, 0), (0.175, 0.006), (0.178, 0.028), (0.172, 0.028), (0.166, 0.009)], 0.003, 2),
            (0, 0.008),
        ],
        64,
    )
    grips = [
        block((s * 0.174 - 0.006, -0.04, 0.016), (s * 0.174 + 0.006, 0.04, 0.034), 0.004, 2) for s in (-1, 1)
    ]
    return pieces(finishes.oak(0, 12), body) + pieces(finishes.brass(), *grips)
