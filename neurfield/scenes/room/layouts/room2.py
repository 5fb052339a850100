"""room2, a large hall on a bright day: a piano, an iron stove, a round table; the camera turns fast.

Two windows are in the west wall (x = 0), the door in the east wall; piano and sideboard stand against the
south wall (y = 0), the sofa against the north wall, stove and bookshelf against the east wall. The camera
keeps to the middle, farther than 1.5 m from every wall.
"""

from __future__ import annotations

import numpy as np

from neurfield.scenes.room import (
    finishes,
    groups,
    hall,
    lamps,
    plants,
    prints,
    seating,
    storage,
    tables,
    tabletop,
    textiles,
    wall,
)
from neurfield.scenes.room.design import Design, Walk
from neurfield.scenes.room.materials import AreaLight, Material, srgb
from neurfield.scenes.room.parts import Assembly, pose
from neurfield.scenes.room.patterns import Plain, Slabs, Stripes, Weave
from neurfield.scenes.room.shell import Shell

_RUG_TOP = 0.012
_SOFA = (2.05, 4.36)
_TABLE = (4.62, 3.52)
_BOARD = 4.30


def furnish(room: Assembly, shell: Shell, rng: np.random.Generator) -> None:
    """Places every object."""
    linen = Stripes((srgb("#d9dcd2"), srgb("#b9c4bd")), (0.05, 0.05), axis=0, weave=0.2)
    for number, window in enumerate(shell.windows):
        groups.dress_window(room, shell, window, 0.25, linen, number + 1)
    _sitting_side(room, shell)
    _round_table(room, shell, rng)
    _south_side(room, rng)
    _east_side(room, shell, rng)
    _walls(room, shell)


def _sitting_side(room: Assembly, shell: Shell) -> None:
    x, y = _SOFA
    colours = (srgb("#d8c9ae"), srgb("#3b5a4a"), srgb("#b0683f"), srgb("#2c3e50"))
    room.place("rug", textiles.rug(2.8, 2.0, prints.Rug(*colours, 2.8, 2.0)), pose((x, 3.02, 0.0)))
    room.place("sofa", seating.sofa(finishes.cloth("#b7aa95", "#8f816b", 3)), pose((x, y, 0.0)), solid=True)
    covers = (
        Material(
            "cushion",
            prints.Tiles((finishes.CREAM, finishes.FOREST, finishes.SAGE, finishes.RUST), 0.08, seed=9),
        ),
        finishes.cloth("#2c4f63", "#1b3444", 5),
    )
    for k, (dx, turn) in enumerate(((-0.58, 10.0), (0.60, -14.0))):
        seat = pose((x, y, 0.0)) @ pose((dx, -0.06, 0.480))
        room.place(f"cushion {k + 1}", seating.cushion_on_seat(covers[k], 22.0, turn, 0.42), seat)
    room.place("coffee table", tables.coffee_table(), pose((x, 3.00, _RUG_TOP)), solid=True)
    top = _RUG_TOP + tables.COFFEE_TOP
    room.place("tray", tabletop.tray(), pose((x - 0.26, 3.02, top), 40))
    room.place("candle", tabletop.candle(), pose((x - 0.24, 3.02, top + 0.0085)))
    room.place("bowl", tabletop.bowl(), pose((x + 0.22, 2.98, top)))
    wool = finishes.cloth("#5d6b48", "#3b472c", 7)
    room.place("armchair", seating.armchair(wool), pose((0.92, 2.34, 0.0), 78), solid=True)
    room.place("armchair 2", seating.armchair(wool), pose((3.42, 2.62, 0.0), -118), solid=True)
    groups.floor_lamp(room, (0.44, 4.48), 9.0)
    room.place("side table", tables.side_table(), pose((3.42, 4.48, 0.0)), solid=True)
    groups.table_lamp(room, (3.42, 4.48, tables.SIDE_TOP), 9.0)


def _round_table(room: Assembly, shell: Shell, rng: np.random.Generator) -> None:
    x, y = _TABLE
    room.place("round table", hall.round_table(finishes.walnut(0, 23)), pose((x, y, 0.0)), solid=True)
    spots = tuple(
        (x + 0.74 * np.sin(np.radians(a)), y - 0.74 * np.cos(np.radians(a)), a + 180.0 + off)
        for a, off in ((20, 6.0), (115, -5.0), (200, 9.0), (290, -8.0))
    )
    cover = Material("seat", Weave(srgb("#a8553a"), srgb("#6f2f22"), seed=5))
    groups.chairs(room, finishes.black(), cover, spots)
    top = tables.DINING_TOP
    room.place("fruit bowl", tabletop.bowl(), pose((x + 0.05, y + 0.08, top), 40))
    room.place("fruit", tabletop.fruit(rng), pose((x + 0.05, y + 0.08, top), 75))
    room.place("mug", tabletop.mug("#d8b04a"), pose((x - 0.30, y - 0.12, top), 160))
    room.place("newspapers", tabletop.magazines(rng), pose((x + 0.05, y - 0.34, top), 15))
    groups.pendant(room, (x, y, shell.height), 0.80, 12.0, "#2f5d50")


def _south_side(room: Assembly, rng: np.random.Generator) -> None:
    room.place("piano", hall.piano(), pose((1.38, 0.02, 0.0), 180), solid=True)
    room.place(
        "piano bench",
        hall.bench(finishes.cloth("#4b2f2a", "#2d1a17", 3), 0.84),
        pose((1.40, 0.98, 0.0), 4),
        solid=True,
    )
    room.place("metronome box", tabletop.box_with_lid("#7d3c5c"), pose((0.92, 0.20, hall.PIANO_TOP), 170))
    room.place("vase", tabletop.vase("#2f6f73", 0.30), pose((1.80, 0.19, hall.PIANO_TOP)))
    room.place("dried stems", plants.dried_stems(rng, 0.30, 0.018), pose((1.80, 0.19, hall.PIANO_TOP)))
    room.place(
        "ladder shelf", hall.ladder_shelf(finishes.oak(0, 51)), pose((2.72, 0.018, 0.0), 180), solid=True
    )
    low, second, third, high = hall.LADDER_LEVELS
    room.place("box", tabletop.box_with_lid("#c9a15a"), pose((2.66, 0.20, low), 176))
    room.place("book stack 2", storage.lying_books(rng, 4), pose((2.74, 0.17, second), 172))
    room.place("strap plant 2", plants.strap_plant(rng, 0.22, 0.11), pose((2.66, 0.14, third), 180))
    room.place("candle 2", tabletop.candle(), pose((2.78, 0.09, high)))
    top = storage.BOARD_TOP
    room.place("sideboard", storage.tv_board(), pose((_BOARD, 0.02, 0.0), 180), solid=True)
    room.place("loudspeaker", storage.loudspeaker(), pose((_BOARD - 0.72, 0.22, top), 172))
    room.place("loudspeaker 2", storage.loudspeaker(), pose((_BOARD + 0.72, 0.22, top), 188))
    room.place("disc player", storage.disc_player(), pose((_BOARD + 0.18, 0.24, top), 180))
    room.place("globe lamp", lamps.table_lamp(), pose((_BOARD - 0.35, 0.22, top), 70))
    room.lights.append(lamps.square_light((_BOARD - 0.35, 0.22, top + 0.243), 0.16, 9.0))
    room.place("plant", plants.tall_plant(rng), pose((5.82, 0.58, 0.0), 10), solid=True)


def _east_side(room: Assembly, shell: Shell, rng: np.random.Generator) -> None:
    groups.bookcase(room, rng, pose((shell.width - 0.018, 1.78, 0.0), -90))
    at = pose((shell.width, 2.98, 0.0), -90)
    room.place("stove", hall.stove(shell.height), at, solid=True)
    # the fire: a small upright light before the glass
    corner = at @ np.array([0.12, -0.68, 0.48, 1.0])
    along, up = at[:3, :3] @ np.array([-0.24, 0.0, 0.0]), np.array([0.0, 0.0, 0.26])
    room.lights.append(AreaLight(corner[:3], up, along, 3.0 * np.array([1.0, 0.55, 0.22])))
    room.place("basket", storage.basket(), pose((5.98, 2.36 + 1.33, 0.0), 30), solid=True)
    room.place("blankets", storage.rolled_blankets(), pose((5.98, 2.36 + 1.33, 0.0), 10))
    room.place("pouf", seating.pouf(), pose((5.22, 1.30, 0.0), 20), solid=True)


def _walls(room: Assembly, shell: Shell) -> None:
    width, depth = shell.width, shell.depth
    coast = prints.Hills(
        (srgb("#cfe0df"), srgb("#6fa3b8")),
        srgb("#fff6dc"),
        (srgb("#a9c0bd"), srgb("#d9b27a"), srgb("#6f8f72"), srgb("#33515a")),
        1.25,
        0.62,
        14,
    )
    bold = (finishes.CREAM, finishes.RUST, finishes.TEAL, finishes.INK, finishes.MUSTARD, finishes.SKY)
    quiet = (srgb("#efe8d8"), finishes.SAGE, finishes.FOREST, finishes.SAND, finishes.ROSE, finishes.NAVY)
    room.place(
        "picture 1", wall.picture(1.40, 0.78, coast, finishes.oak(0, 61), 0.06), pose((_SOFA[0], depth, 1.62))
    )
    room.place(
        "picture 2",
        wall.picture(0.70, 0.95, prints.Discs(bold, 0.54, 0.78, 41, 13), finishes.black(), 0.06),
        pose((4.05, 0.0, 1.55), 180),
    )
    room.place(
        "picture 3",
        wall.picture(0.50, 0.66, prints.Discs(quiet, 0.34, 0.50, 17, 9), finishes.oak(0, 62), 0.06),
        pose((4.85, 0.0, 1.50), 180),
    )
    room.place(
        "picture 4",
        wall.picture(0.56, 0.56, prints.Tiles(quiet, 0.09, seed=33), finishes.walnut(2, 63), 0.05),
        pose((0.0, 2.35, 1.62), 90),
    )
    room.place("clock", wall.clock(0.18), pose((1.38, 0.0, 1.86), 180))
    room.place("wall shelf", wall.wall_shelf(0.95), pose((4.65, depth, 1.45)), solid=True)
    room.place("vase 3", tabletop.vase("#c9764f", 0.24), pose((4.36, depth - 0.09, 1.45)))
    room.place("stones 2", tabletop.stones(), pose((4.68, depth - 0.09, 1.45), 20))
    room.place("mug 2", tabletop.mug("#5d8a8a"), pose((4.95, depth - 0.09, 1.45), 60))
    room.place("light switch", wall.light_switch(), pose((width, 3.58, 1.08), -90))


# fmt: off
_WALK = Walk(
    turn=(21, -33, 54, 78, -74, -125, -76, 32, 65, 119, 93, -66, -140,
          -71, -1, 80, 73, 12, -59, -50, 1, 12, 97, -2, -130),
    tilt=(22, -18, 18, -40, -36, -40, 13, 11, -27, 11, -22, -40, -15,
          -40, 2, -24, -12, -29, -40, -34, 26, -2, -5, -40, -7),
    frames=100,
    wall_gap=1.75,
)
# fmt: on
ROOM2 = Design(
    title="a large bright hall, a camera that turns fast",
    shell=Shell(
        width=6.4,
        depth=4.9,
        height=2.6,
        windows=((0.78, 1.98), (2.72, 3.92)),
        window_z=(0.86, 2.16),
        door_y=(3.82, 4.72),
        plaster=Plain(srgb("#e4d3bd"), 0.05, 0.3),
        floor=Slabs(srgb("#c9b79c"), srgb("#8f7f6b"), srgb("#6f675c")),
        ceiling=Plain(srgb("#efe9dc"), 0.015, 0.5),
        accent=Plain(srgb("#41607a"), 0.05, 0.35),
        sky=(4.6, 4.9, 5.2),
        floor_gloss=0.11,
    ),
    furnish=furnish,
    walk=_WALK,
    median_light=0.66,
    seed=23,
)
