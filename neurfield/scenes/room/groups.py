"""Things that belong together in every room: a dressed window, a filled bookcase, lamps with their light."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurfield.scenes.room import lamps, plants, seating, storage, tabletop, textiles
from neurfield.scenes.room.materials import Material, Pattern
from neurfield.scenes.room.parts import Assembly, pose
from neurfield.scenes.room.shell import Shell, Span


def dress_window(
    room: Assembly,
    shell: Shell,
    window: Span,
    lowered: float = 0.62,
    cloth: Pattern | None = None,
    number: int = 1,
) -> None:
    """Blind, radiator, rod and two curtains before one window; `lowered` metres of the blind hang down."""
    which = "" if number == 1 else f" {number}"
    middle, opening = sum(window) / 2, window[1] - window[0]
    low, high = shell.window_z
    blind = textiles.blind(opening - 0.02, high - low, lowered)
    room.place(f"blind{which}", blind, pose((-0.07, middle, high), 90))
    radiator = textiles.radiator(round(opening - 0.54, 9), round(low - 0.20, 9))
    room.place(f"radiator{which}", radiator, pose((0, middle, 0), 90), solid=True)
    rod = round(high + 0.16, 9)
    room.place(
        f"curtain rod{which}", textiles.curtain_rod(round(opening + 1.10, 9), rod), pose((0, middle, 0), 90)
    )
    aside = round(opening / 2 + 0.27, 9)
    for side, y, seed in (("left", middle - aside, 3), ("right", middle + aside, 8)):
        hung = textiles.curtain(0.43, 0.025, round(rod - 0.015, 9), 5, seed + 20 * (number - 1), cloth)
        room.place(f"curtain {side}{which}", hung, pose((0.09, y, 0), 90), solid=True)


def bookcase(room: Assembly, rng: np.random.Generator, stand: np.ndarray) -> None:
    """A bookshelf at a pose, full of books, with a box, stones, a globe, a plant and a vase."""
    room.place("bookshelf", storage.bookshelf(), stand, solid=True)
    half = storage.SHELF_WIDTH / 2 - 0.013
    levels = storage.SHELF_LEVELS
    rows = (
        (0, -half, half - 0.30, True),
        (1, -half + 0.26, half, False),
        (2, -half, half - 0.36, True),
        (3, -half + 0.02, half - 0.10, True),
    )
    for level, start, end, lean in rows:
        clear = levels[level + 1] - levels[level] - 0.022
        row = storage.books_on_shelf(rng, start, end, clear, lean)
        room.place(f"books {level + 1}", row, stand @ pose((0, 0, levels[level])))
    room.place("storage box", tabletop.box_with_lid("#a8553a"), stand @ pose((half - 0.13, -0.15, levels[0])))
    room.place("stones", tabletop.stones(), stand @ pose((-half + 0.12, -0.16, levels[1]), 10))
    room.place("globe", tabletop.globe(), stand @ pose((half - 0.15, -0.15, levels[2]), 30))
    room.place("book stack", storage.lying_books(rng, 3), stand @ pose((0.1, -0.16, levels[4])))
    tuft = plants.strap_plant(rng, 0.24, 0.14)
    room.place("strap plant", tuft, stand @ pose((-half + 0.27, -0.15, levels[4])))
    room.place("vase 2", tabletop.vase("#3f6f86", 0.2), stand @ pose((half - 0.22, -0.15, levels[4])))


def chairs(
    room: Assembly, wood: Material, cover: Material, spots: Sequence[tuple[float, float, float]]
) -> None:
    """Dining chairs at places (x, y) of the floor, each turned by so many degrees."""
    for k, (x, y, turn) in enumerate(spots):
        room.place(f"chair {k + 1}", seating.chair(wood, cover), pose((x, y, 0), turn), solid=True)


def floor_lamp(room: Assembly, at: tuple[float, float], strength: float) -> None:
    """A floor lamp, and its light downwards and upwards."""
    room.place("floor lamp", lamps.floor_lamp(), pose((*at, 0.0)), solid=True)
    room.lights.append(lamps.square_light((*at, 1.296), 0.26, strength))
    room.lights.append(lamps.square_light((*at, 1.604), 0.20, strength, up=True))


def table_lamp(room: Assembly, at: tuple[float, float, float], strength: float, number: int = 1) -> None:
    """A small lamp on something, and its light downwards."""
    room.place("table lamp" if number == 1 else f"table lamp {number}", lamps.table_lamp(), pose(at, 20))
    room.lights.append(lamps.square_light((at[0], at[1], at[2] + 0.243), 0.16, strength))


def pendant(
    room: Assembly,
    at: tuple[float, float, float],
    drop: float,
    strength: float,
    colour: str = "#b4552f",
    number: int = 1,
) -> None:
    """A lamp that hangs `drop` metres from a place on the ceiling, and its light downwards."""
    name = "pendant lamp" if number == 1 else f"pendant lamp {number}"
    room.place(name, lamps.pendant_lamp(drop, colour), pose(at), solid=True)
    room.lights.append(lamps.square_light((at[0], at[1], at[2] - drop - 0.003), 0.36, strength))
