"""Bookshelf and books, the low television board, a basket."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from neurfield.scenes.room import finishes
from neurfield.scenes.room.materials import Material, srgb
from neurfield.scenes.room.parts import Pieces, carried, pieces, pose
from neurfield.scenes.room.patterns import Plain, Stripes, Wicker
from neurfield.scenes.room.prints import BookCover
from neurfield.scenes.room.shapes import Shape, block, join, lathe, loft, rounded_box, superellipse, tube
from neurfield.scenes.room.sheets import sheet, two_skins

SHELF_WIDTH, SHELF_DEPTH, SHELF_HEIGHT = 1.10, 0.30, 2.02
SHELF_LEVELS = (0.09, 0.47, 0.84, 1.20, 1.56)  # tops of the boards that carry things
BOARD_TOP = 0.46

_CLOTHS = (
    "#8e2f2a",
    "#1f4e6e",
    "#d8b04a",
    "#2f6b4f",
    "#c9c0ae",
    "#3b3a44",
    "#b8632c",
    "#5d7f8f",
    "#7d3c5c",
    "#e3dccb",
    "#4c5f3a",
    "#a3433d",
    "#27535a",
    "#d48a6a",
    "#56483b",
    "#e0a63a",
    "#33477a",
    "#9fb39a",
)
_INKS = ("#e8d9a8", "#f2ede0", "#1d1d1f", "#c8973e")


def bookshelf() -> Pieces:
    """Open oak shelf against a wall (back at y = 0)."""
    w, d, h = SHELF_WIDTH / 2, SHELF_DEPTH, SHELF_HEIGHT
    boards = [block((s * w - 0.011, -d, 0), (s * w + 0.011, -0.001, h), 0.003) for s in (-1, 1)]
    flat = [block((-w + 0.0105, -d + 0.004, z - 0.022), (w - 0.0105, -0.006, z), 0.003) for z in SHELF_LEVELS]
    flat.append(block((-w - 0.013, -d - 0.004, h - 0.002), (w + 0.013, -0.001, h + 0.022), 0.004, 2))
    plinth = block((-w + 0.01, -d + 0.03, 0), (w - 0.01, -d + 0.045, 0.07), 0.002)
    back = block((-w + 0.005, -0.008, 0.07), (w - 0.005, -0.002, h), 0.001)
    return (
        pieces(finishes.oak(2, 8), *boards)
        + pieces(finishes.oak(0, 9), *flat, plinth)
        + pieces(finishes.lacquer("#d8cdb9", 0.0), back)
    )


def book(width: float, depth: float, height: float) -> tuple[Shape, Shape]:
    """Cover and pages of an upright book, spine at y = -depth, on z = 0, its left side at x = 0."""
    t = 0.0028
    boards = [
        block((0, -depth + 0.006, 0), (t, 0, height), 0.001),
        block((width - t, -depth + 0.006, 0), (width, 0, height), 0.001),
    ]
    a = np.linspace(0, np.pi, 7)
    belly = 0.007
    front = -depth + belly - belly * np.sin(a) ** 0.8
    outer = np.column_stack([width / 2 - width / 2 * np.cos(a), front])
    inner = np.column_stack([width / 2 - (width / 2 - t) * np.cos(a), front + t])
    spine = strip(outer, inner, 0.0, height)
    pages = block((t * 0.9, -depth + belly + 0.001, 0.003), (width - t * 0.9, -0.004, height - 0.004), 0.001)
    return join([*boards, spine]), pages


def strip(outer: np.ndarray, inner: np.ndarray, low: float, high: float) -> Shape:
    """Upright closed strip between two lines [n,2] of the plan."""

    def grid(line: np.ndarray) -> np.ndarray:
        return np.stack([np.column_stack([line, np.full(len(line), z)]) for z in (low, high)], 1)

    return two_skins(grid(outer), grid(inner))


def _cover(rng: np.random.Generator, height: float) -> Material:
    """A cover of a colour of its own."""
    cloth, ink = str(rng.choice(_CLOTHS)), str(rng.choice(_INKS))
    return Material("book", BookCover(srgb(cloth), srgb(ink), height, int(rng.integers(1000))), gloss=0.05)


def _paper() -> Material:
    return Material("paper", Plain(srgb("#e9dfc6"), 0.06, 0.02))


def books_on_shelf(
    rng: np.random.Generator, start: float, end: float, room_above: float, lean_last: bool
) -> Pieces:
    """Row of books from x = start to at most `end`, on z = 0, the shelf's back at y = 0.

    With `lean_last` one more leans on the others.
    """
    covers: Pieces = []
    pages = []
    x = start
    while True:
        width, depth = rng.uniform(0.026, 0.056), rng.uniform(0.14, 0.21)
        height = min(rng.uniform(0.19, 0.30), room_above - 0.02)
        if x + width > end:
            break
        where = pose((x, rng.uniform(-0.045, -0.03) - (0.21 - depth), 0.0))
        cover, paper = book(width, depth, height)
        covers += carried(pieces(_cover(rng, height), cover), where)
        pages.append(paper.posed(where))
        x += width + rng.uniform(0.0005, 0.002)
    if lean_last:
        height, angle = min(0.25, room_above - 0.03), 14.0
        # turned about y it stands on its lower left edge; its upper left edge touches the row
        where = pose((x + height * np.sin(np.radians(angle)) + 0.001, -0.06, 0.0), roll=-angle)
        cover, paper = book(0.03, 0.18, height)
        covers += carried(pieces(_cover(rng, height), cover), where)
        pages.append(paper.posed(where))
    return covers + pieces(_paper(), *pages)


def lying_books(rng: np.random.Generator, count: int) -> Pieces:
    """Books stacked flat, spines to the front; the stack's middle over the origin."""
    covers: Pieces = []
    pages = []
    z = 0.0
    for k in range(count):
        width, depth, height = rng.uniform(0.024, 0.04), 0.19 - 0.015 * k, 0.27 - 0.02 * k
        # laid on its left side: x goes up, z goes to the left
        where = pose((rng.uniform(-0.01, 0.01), 0.0, z), rng.uniform(-9, 9))
        where = where @ pose((height / 2, depth / 2, 0.0), roll=-90.0)
        cover, paper = book(width, depth, height)
        covers += carried(pieces(_cover(rng, height), cover), where)
        pages.append(paper.posed(where))
        z += width
    return covers + pieces(_paper(), *pages)


def tv_board() -> Pieces:
    """Low board 1.80 x 0.40 x 0.46: two doors, an open middle, four slanted legs; back at y = 0."""
    w, d, low, high = 0.90, 0.40, 0.13, BOARD_TOP
    wood = finishes.walnut(0, 11)
    case = [
        block((-w, -d, high - 0.022), (w, -0.005, high), 0.004, 2),
        block((-w, -d, low), (w, -0.005, low + 0.02), 0.003),
        block((-w + 0.001, -d + 0.001, low + 0.019), (-w + 0.02, -0.006, high - 0.021), 0.002),
        block((w - 0.02, -d + 0.001, low + 0.019), (w - 0.001, -0.006, high - 0.021), 0.002),
        block((-0.31, -d + 0.012, low + 0.019), (-0.29, -0.006, high - 0.021), 0.002),
        block((0.29, -d + 0.012, low + 0.019), (0.31, -0.006, high - 0.021), 0.002),
        block((-0.292, -d + 0.03, 0.295), (0.292, -0.01, 0.31), 0.002),
    ]
    back = block((-w + 0.01, -0.014, low + 0.01), (w - 0.01, -0.008, high - 0.01), 0.001)
    doors = []
    for s in (-1, 1):
        a, b = sorted((s * 0.313, s * 0.877))
        doors.append(block((a, -d + 0.002, low + 0.023), (b, -d + 0.02, high - 0.025), 0.004, 2))
    knobs = [
        lathe([(0, 0), (0.006, 0), (0.006, 0.012), (0.013, 0.018), (0.013, 0.024), (0, 0.026)], 24)
        .turned(90, "x")
        .moved(s * 0.36, -d + 0.003, 0.30)
        for s in (-1, 1)
    ]
    legs = []
    ring = superellipse(1.0, 1.0, 2.0, 20)
    for sx in (-1, 1):
        for y in (-0.33, -0.07):
            rings = [
                np.column_stack([ring * r + [sx * x, y], np.full(20, z)])
                for z, x, r in ((0.0, 0.80, 0.011), (0.003, 0.80, 0.012), (low + 0.002, 0.76, 0.02))
            ]
            legs.append(loft(np.array(rings)))
    return (
        pieces(wood, *case, *legs)
        + pieces(finishes.lacquer("#e4ddcf"), *doors)
        + pieces(finishes.black(), back)
        + pieces(finishes.brass(), *knobs)
    )


def television() -> Pieces:
    """Flat screen 1.22 x 0.71 on two splayed feet; on z = 0, screen towards -y."""
    case = [
        rounded_box((1.22, 0.03, 0.70), (0, 0.0, 0.42), 0.008, 2),
        rounded_box((0.72, 0.035, 0.32), (0, 0.028, 0.36), 0.012, 2),
    ]
    screen = rounded_box((1.195, 0.004, 0.672), (0, -0.0145, 0.423), 0.0015)
    for sx in (-1, 1):
        for y in (-0.11, 0.12):
            case.append(
                tube([(sx * 0.40, 0.0, 0.09), (sx * 0.41, y * 0.6, 0.03), (sx * 0.42, y, 0.007)], 0.007, 10)
            )
    return pieces(finishes.black(), *case) + pieces(
        Material("screen", Plain((0.006, 0.007, 0.009), 0.0), gloss=0.45), screen
    )


def loudspeaker() -> Pieces:
    """Black box 0.17 x 0.20 x 0.30 with two cones; on z = 0."""
    box = rounded_box((0.17, 0.20, 0.30), (0, 0, 0.15), 0.008, 2)
    ringed = []
    for z, r in ((0.11, 0.06), (0.225, 0.03)):
        cone = lathe(
            [
                (0, 0.001),
                (0.3 * r, 0.006),
                (0.34 * r, 0.002),
                (0.85 * r, 0.007),
                (0.92 * r, 0.012),
                (r, 0.008),
                (1.12 * r, 0.006),
                (1.14 * r, -0.004),
                (0, -0.004),
            ],
            40,
        )
        ringed.append(cone.turned(90, "x").moved(0, -0.10, z))
    return pieces(finishes.black(), box) + pieces(finishes.lacquer("#34363b"), *ringed)


def disc_player() -> Pieces:
    """Flat black box with a slot, 0.36 m wide, front towards -y."""
    body = rounded_box((0.36, 0.24, 0.055), (0, 0, 0.0305), 0.004, 2)
    corners = [(x, y) for x in (-0.15, 0.15) for y in (-0.09, 0.09)]
    feet = [rounded_box((0.03, 0.03, 0.006), (x, y, 0.003), 0.001) for x, y in corners]
    slot = rounded_box((0.15, 0.004, 0.012), (-0.06, -0.1205, 0.036), 0.001)
    dial = lathe([(0, 0), (0.012, 0), (0.012, 0.01), (0, 0.012)], 24)
    dial = dial.turned(90, "x").moved(0.13, -0.1195, 0.031)
    return pieces(finishes.black(), body, *feet) + pieces(finishes.metal("#6d7076"), slot, dial)


def basket() -> Pieces:
    """Woven basket, 0.42 m wide, with two loops."""
    wall = [
        (0.15, 0.0),
        (0.19, 0.03),
        (0.205, 0.14),
        (0.20, 0.27),
        (0.206, 0.285),
        (0.196, 0.29),
        (0.188, 0.275),
        (0.192, 0.14),
        (0.178, 0.04),
        (0.14, 0.02),
    ]
    body = lathe([(0, 0.0), *_refine(wall), (0, 0.02)], 96)
    v = body.vertices.copy()
    r = np.maximum(np.hypot(v[:, 0], v[:, 1]), 1e-9)
    around = np.arctan2(v[:, 1], v[:, 0])
    relief = 0.0035 * np.sin(24 * around) * np.sin(v[:, 2] * np.pi / 0.026) * (r > 0.14)
    v[:, :2] *= (1 + relief / r)[:, None]
    cane = Material("wicker", Wicker(srgb("#cfa970"), srgb("#7c5630"), 48, 0.026))
    a = np.linspace(0, np.pi, 17)
    loops = [
        tube(np.column_stack([np.full(17, s * 0.203), 0.055 * np.cos(a), 0.27 + 0.07 * np.sin(a)]), 0.008, 10)
        for s in (-1, 1)
    ]
    return pieces(cane, Shape(v, body.faces), *loops)


def rolled_blankets() -> Pieces:
    """Three blankets rolled up, standing in `basket` (floor 2 cm up) and leaning on its rim."""
    parts: Pieces = []
    colours = (("#d9c7a5", "#b5532f"), ("#8fa58c", "#efe6d2"), ("#d98c80", "#6d3550"))
    for k, (ground, band) in enumerate(colours):
        turn = np.arange(0, 5 * np.pi, 0.32)
        coil = (0.016 + 0.0036 * turn)[:, None] * np.column_stack([np.cos(turn), np.sin(turn)])
        grid = np.stack([np.column_stack([coil, np.full(len(turn), z)]) for z in np.linspace(0, 0.34, 9)], 1)
        stripes = Stripes((srgb(ground), srgb(band)), (0.06, 0.02), axis=2)
        roll = pieces(Material("blanket", stripes), sheet(grid, 0.015))
        around = np.radians(120 * k + 25)
        at = (0.082 * np.cos(around), 0.082 * np.sin(around), 0.028)
        parts += carried(roll, pose(at, 120 * k + 115, 5))
    return parts


def _refine(points: list[tuple[float, float]], spacing: float = 0.0075) -> np.ndarray:
    """Polyline with extra points at most `spacing` apart."""
    p = np.asarray(points)
    out = []
    for a, b in pairwise(p):
        n = max(1, int(np.ceil(np.linalg.norm(b - a) / spacing)))
        out.append(a + (b - a) * (np.arange(n) / n)[:, None])
    return np.concatenate([*out, p[-1:]])
