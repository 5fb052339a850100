"""room0, a living room by day.

The window is in the west wall (x = 0), the door in the east wall; the sofa stands against the south wall
(y = 0), the television against the north wall, the dining table in the north-east.
"""

from __future__ import annotations

import numpy as np

from neurfield.scenes.room import (
    finishes,
    groups,
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
from neurfield.scenes.room.materials import Material, srgb
from neurfield.scenes.room.parts import Assembly, pose
from neurfield.scenes.room.patterns import Plain, Planks, Stripes, Weave, Zigzag
from neurfield.scenes.room.shell import Shell

_RUG_TOP = 0.012
_SOFA = pose((1.85, 0.53, 0.0), turn=180)
_COFFEE = (1.80, 1.72, _RUG_TOP)
_DINING = (4.22, 2.92, 0.0)


def furnish(room: Assembly, shell: Shell, rng: np.random.Generator) -> None:
    """Places every object."""
    groups.dress_window(room, shell, shell.windows[0])
    _sitting_corner(room, rng)
    _dining_corner(room, shell, rng)
    _television_side(room, shell, rng)
    groups.bookcase(room, rng, pose((4.20, 0.018, 0.0), 180))
    _walls(room, shell, rng)


def _sitting_corner(room: Assembly, rng: np.random.Generator) -> None:
    room.place("rug", textiles.rug(2.50, 1.75), pose((1.85, 1.80, 0.0)))
    room.place("sofa", seating.sofa(), _SOFA, solid=True)
    colours = (finishes.CREAM, finishes.RUST, finishes.MUSTARD, finishes.NAVY)
    patterned = Material("cushion", prints.Tiles(colours, 0.07, seed=4))
    chevron = Material(
        "cushion", Zigzag((finishes.CREAM, finishes.NAVY, finishes.ROSE, finishes.NAVY), 0.035, 0.11)
    )
    plain = finishes.cloth("#cf8f2a", "#9a6216", 14)
    cushions = ((-0.62, -0.06, 12.0, patterned), (0.19, -0.055, -8.0, plain), (0.63, -0.065, -13.0, chevron))
    for k, (x, y, turn, cover) in enumerate(cushions):
        local = pose((x, y, 0.480))
        room.place(f"cushion {k + 1}", seating.cushion_on_seat(cover, 22.0, turn, 0.40), _SOFA @ local)
    blanket = Material(
        "throw",
        Stripes((finishes.CREAM, finishes.SAGE, finishes.CREAM, finishes.PLUM), (0.09, 0.03, 0.03, 0.015), 1),
    )
    room.place("throw", seating.throw_over_arm(blanket), _SOFA @ pose((0.955, -0.14, 0.004)))
    room.place("armchair", seating.armchair(), pose((3.18, 1.98, 0.0), -62), solid=True)
    groups.floor_lamp(room, (0.42, 0.36), 9.0)
    room.place("side table", tables.side_table(), pose((3.18, 0.38, 0.0)), solid=True)
    groups.table_lamp(room, (3.22, 0.32, tables.SIDE_TOP), 9.0)
    room.place("cup", tabletop.plate_with_cup(), pose((3.07, 0.47, tables.SIDE_TOP), 200))
    room.place("pouf", seating.pouf(), pose((0.88, 2.50, _RUG_TOP), 15), solid=True)

    room.place("coffee table", tables.coffee_table(), pose(_COFFEE), solid=True)
    top = _COFFEE[2] + tables.COFFEE_TOP
    x, y = _COFFEE[:2]
    room.place("tray", tabletop.tray(), pose((x + 0.26, y + 0.02, top), 15))
    room.place("candle", tabletop.candle(), pose((x + 0.31, y + 0.06, top + 0.0085)))
    room.place("mug", tabletop.mug("#5d8a8a"), pose((x + 0.20, y - 0.03, top + 0.0085), 130))
    room.place("magazines", tabletop.magazines(rng), pose((x - 0.30, y - 0.02, top), 78))
    room.place("remote", tabletop.remote(), pose((x - 0.02, y + 0.12, top), 65))
    room.place("box", tabletop.box_with_lid("#b9a07a"), pose((x + 0.12, y, _COFFEE[2] + 0.167), 8))


def _dining_corner(room: Assembly, shell: Shell, rng: np.random.Generator) -> None:
    wood = finishes.oak(2, 21)
    seat_cover = Material("seat", Weave(srgb("#53707f"), srgb("#2d4350")))
    room.place("dining table", tables.dining_table(), pose(_DINING, 90), solid=True)
    x, y = _DINING[:2]
    spots = (
        (x - 0.46, y - 0.30, 86.0),
        (x - 0.53, y + 0.29, 96.0),
        (x + 0.45, y + 0.30, -88.0),
        (x + 0.02, y - 0.82, 204.0),
    )
    groups.chairs(room, wood, seat_cover, spots)
    top = tables.DINING_TOP
    room.place("bowl", tabletop.bowl(), pose((x + 0.02, y + 0.02, top)))
    room.place("fruit", tabletop.fruit(rng), pose((x + 0.02, y + 0.02, top)))
    room.place("laptop", tabletop.laptop(), pose((x - 0.20, y - 0.33, top), -97))
    room.place("mug 2", tabletop.mug("#c4583a"), pose((x + 0.20, y - 0.28, top), 40))
    room.place("tablet", tabletop.tablet(), pose((x + 0.22, y + 0.38, top), 75))
    groups.pendant(room, (x, y, shell.height), 0.95, 14.0)


def _television_side(room: Assembly, shell: Shell, rng: np.random.Generator) -> None:
    wall_y, x = shell.depth, 1.85
    top = storage.BOARD_TOP
    room.place("television board", storage.tv_board(), pose((x, wall_y - 0.02, 0)), solid=True)
    room.place("television", storage.television(), pose((x - 0.05, wall_y - 0.20, top)), solid=True)
    room.place("loudspeaker", storage.loudspeaker(), pose((x + 0.76, wall_y - 0.20, top), 0))
    room.place("disc player", storage.disc_player(), pose((x, wall_y - 0.24, 0.31)))
    room.place("vase", tabletop.vase("#c9764f", 0.27), pose((x - 0.78, wall_y - 0.22, top)))
    room.place("dried stems", plants.dried_stems(rng, 0.27, 0.016), pose((x - 0.78, wall_y - 0.22, top)))
    room.place("plant", plants.tall_plant(rng), pose((0.46, wall_y - 0.52, 0.0), 30), solid=True)
    room.place("blankets", storage.rolled_blankets(), pose((3.08, wall_y - 0.27, 0.0)))
    room.place("basket", storage.basket(), pose((3.08, wall_y - 0.27, 0.0), 20), solid=True)


def _walls(room: Assembly, shell: Shell, rng: np.random.Generator) -> None:
    width, depth = shell.width, shell.depth
    hills = prints.Hills(
        (srgb("#f3d9a8"), srgb("#7fb0c4")),
        srgb("#f7f0d0"),
        (srgb("#8fa7a0"), srgb("#c98a5a"), srgb("#9c5a3c"), srgb("#4f5d3f"), srgb("#2b3a33")),
        0.80,
        0.50,
        3,
    )
    warm = (finishes.CREAM, finishes.RUST, finishes.NAVY, finishes.MUSTARD, finishes.ROSE, finishes.TEAL)
    cool = (srgb("#ece3d0"), finishes.TEAL, finishes.INK, finishes.MUSTARD, finishes.SKY, finishes.RUST)
    room.place(
        "picture 1", wall.picture(0.95, 0.66, hills, finishes.oak(0, 30), 0.06), pose((1.45, 0.0, 1.58), 180)
    )
    room.place(
        "picture 2",
        wall.picture(0.50, 0.66, prints.Discs(warm, 0.34, 0.50, 2), finishes.black(), 0.06),
        pose((2.42, 0.0, 1.58), 180),
    )
    room.place(
        "picture 3",
        wall.picture(0.62, 0.82, prints.Discs(cool, 0.46, 0.66, 9, 14), finishes.walnut(2, 4), 0.06),
        pose((width, 2.95, 1.55), -90),
    )
    leaves = prints.Tiles((srgb("#e8dcc0"), finishes.FOREST, finishes.SAGE, finishes.MUSTARD), 0.075, seed=21)
    room.place(
        "picture 4", wall.picture(0.50, 0.50, leaves, finishes.oak(0, 31), 0.05), pose((4.35, depth, 1.60), 0)
    )
    room.place("clock", wall.clock(), pose((width, 0.76, 2.36), -90))
    room.place("light switch", wall.light_switch(), pose((width, 1.42, 1.08), -90))
    room.place("wall shelf", wall.wall_shelf(0.72), pose((3.30, depth, 1.42), 0), solid=True)
    room.place("small plant", plants.strap_plant(rng, 0.2, 0.09), pose((3.08, depth - 0.09, 1.42)))
    room.place("candle 2", tabletop.candle(), pose((3.50, depth - 0.09, 1.42)))


# fmt: off
_WALK = Walk(
    turn=(41, 31, -20, -4, -72, -82, -98, -70, -33, -6, -14, 5, 34,
          66, 68, 27, 36, 26, 50, 77, 109, 76, -13, -31, -2),
    tilt=(-17, -19, -34, 7, -20, -16, -4, -15, 11, -20, -38, -11, -7,
          6, 18, -38, 0, -19, -38, -10, -35, -35, -38, -16, 24),
    frames=120,
)
# fmt: on
ROOM0 = Design(
    title="a furnished living room by day",
    shell=Shell(
        width=5.2,
        depth=4.2,
        height=2.7,
        windows=((1.25, 2.95),),
        window_z=(0.92, 2.30),
        door_y=(0.32, 1.20),
        plaster=Plain(srgb("#e9e2d4"), 0.035, 0.35),
        floor=Planks(srgb("#c99a63"), srgb("#8d5f34")),
        ceiling=Plain(srgb("#f4f1ea"), 0.015, 0.5),
        accent=Plain(srgb("#7f9a92"), 0.04, 0.3),
        sky=(3.4, 3.9, 4.4),
    ),
    furnish=furnish,
    walk=_WALK,
    median_light=0.62,
    seed=0,
)
