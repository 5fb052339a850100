"""room1, a bedroom with a desk at nightfall: three small lamps, what is left of the day in the window.

The window is in the west wall (x = 0), the door in the east wall beside the wardrobe; the bed's head is at
the south wall (y = 0), desk and bookshelf stand against the north wall.
"""

from __future__ import annotations

import numpy as np

from neurfield.scenes.room import (
    bedroom,
    finishes,
    groups,
    hall,
    lamps,
    plants,
    prints,
    seating,
    storage,
    study,
    tabletop,
    textiles,
    wall,
)
from neurfield.scenes.room.design import Design, Walk
from neurfield.scenes.room.materials import Material, srgb
from neurfield.scenes.room.parts import Assembly, pose
from neurfield.scenes.room.patterns import Pile, Plain, Stripes, Wallpaper, Zigzag
from neurfield.scenes.room.shell import Shell

_BED = 2.35
_DESK = 1.22


def furnish(room: Assembly, shell: Shell, rng: np.random.Generator) -> None:
    """Places every object."""
    bands = Stripes(
        (srgb("#5a3247"), srgb("#8c5166"), srgb("#3d2236")), (0.16, 0.02, 0.07), axis=0, weave=0.25
    )
    groups.dress_window(room, shell, shell.windows[0], lowered=0.30, cloth=bands)
    _sleeping_side(room, rng)
    _working_side(room, shell, rng)
    groups.bookcase(room, rng, pose((2.88, shell.depth - 0.018, 0.0)))
    _east_side(room, shell)
    _walls(room, shell)


def _sleeping_side(room: Assembly, rng: np.random.Generator) -> None:
    room.place("rug", textiles.rug(1.0, 1.55, _rug()), pose((0.93, 1.78, 0.0)))
    quilt = Material("duvet", prints.Tiles(_QUILT, 0.145, 0, 1, 5))
    slips = Material("pillow", Stripes((srgb("#dfe5ea"), srgb("#5c7c99")), (0.05, 0.012), axis=0))
    head = finishes.cloth("#4a6a58", "#2c4638", 12)
    room.place("bed", bedroom.bed(head, quilt, slips), pose((_BED, 0.02, 0.0), 180), solid=True)
    cover = Material(
        "cushion", Zigzag((finishes.MUSTARD, finishes.INK, finishes.CREAM, finishes.INK), 0.04, 0.12)
    )
    room.place(
        "cushion", seating.cushion_on_seat(cover, 30.0, 8.0, 0.38), pose((_BED + 0.04, 0.72, 0.545), 180)
    )
    for k, x in enumerate((_BED - 1.16, _BED + 1.15)):
        chest = bedroom.chest(finishes.walnut(0, 7 + k), finishes.lacquer("#8b3f34"))
        room.place(f"chest {k + 1}", chest, pose((x, 0.02, 0.0), 180), solid=True)
        groups.table_lamp(room, (x - 0.04, 0.20, bedroom.CHEST_TOP), 5.0, number=k + 1)
    top = bedroom.CHEST_TOP
    room.place("book stack 2", storage.lying_books(rng, 2), pose((_BED - 1.05, 0.30, top), 150))
    room.place("cup", tabletop.plate_with_cup(), pose((_BED + 1.25, 0.30, top), 80))
    room.place(
        "armchair",
        seating.armchair(finishes.cloth("#9a4a3a", "#6a2d25", 4)),
        pose((0.50, 0.56, 0.0), 135),
        solid=True,
    )
    room.place(
        "bench",
        hall.bench(finishes.cloth("#c2a878", "#8b7348", 15), 1.20),
        pose((_BED, 2.42, 0.0)),
        solid=True,
    )
    room.place("box", tabletop.box_with_lid("#6f7f63"), pose((_BED + 0.36, 2.42, 0.494), 12))


def _working_side(room: Assembly, shell: Shell, rng: np.random.Generator) -> None:
    top = study.DESK_TOP
    y = shell.depth - 0.03
    room.place("desk", study.desk(finishes.oak(0, 17)), pose((_DESK, y, 0.0)), solid=True)
    room.place("monitor", study.monitor(), pose((_DESK - 0.06, y - 0.20, top), 4), solid=True)
    room.place("keyboard", study.keyboard(), pose((_DESK - 0.04, y - 0.46, top), 3))
    room.place("mug", tabletop.mug("#3f6f86"), pose((_DESK + 0.34, y - 0.42, top), 30))
    room.place("paper", study.paper_stack(), pose((_DESK - 0.50, y - 0.36, top), 12))
    lamp = np.array([_DESK + 0.56, y - 0.16, top])
    turned = pose(lamp, 205)
    room.place("desk lamp", study.desk_lamp("#2f5d50"), turned, solid=True)
    over = turned @ np.array([0.30, 0.0, 0.332, 1.0])
    room.lights.append(lamps.square_light((float(over[0]), float(over[1]), float(over[2])), 0.10, 16.0))
    seat = finishes.cloth("#3b4654", "#252c36", 8)
    room.place("office chair", study.office_chair(seat), pose((_DESK - 0.02, 2.66, 0.0), 168), solid=True)
    room.place(
        "tall plant", plants.tall_plant(rng, 0.30), pose((0.33, shell.depth - 0.36, 0.0), 50), solid=True
    )


def _east_side(room: Assembly, shell: Shell) -> None:
    doors = finishes.lacquer("#c9bfa9")
    wardrobe = bedroom.wardrobe(finishes.walnut(2, 19), doors)
    room.place("wardrobe", wardrobe, pose((shell.width - 0.02, 1.05, 0.0), -90), solid=True)
    room.place(
        "storage box 2", tabletop.box_with_lid("#7a5a86"), pose((shell.width - 0.28, 0.75, 2.125), -80)
    )
    room.place(
        "storage box 3", tabletop.box_with_lid("#b9a07a"), pose((shell.width - 0.30, 1.25, 2.125), -98)
    )
    room.place("blankets", storage.rolled_blankets(), pose((3.78, shell.depth - 0.30, 0.0), 70))
    room.place("basket", storage.basket(), pose((3.78, shell.depth - 0.30, 0.0), 50), solid=True)


def _walls(room: Assembly, shell: Shell) -> None:
    night = prints.Hills(
        (srgb("#1d2c4f"), srgb("#46608c")),
        srgb("#f2ead0"),
        (srgb("#5a6f95"), srgb("#3d4f74"), srgb("#293a57"), srgb("#182338")),
        1.05,
        0.55,
        6,
    )
    room.place(
        "picture 1",
        wall.picture(1.20, 0.70, night, finishes.black(), 0.06),
        pose((_BED + 0.05, 0, 1.62), 180),
    )
    shades = (srgb("#e6dcc6"), finishes.PLUM, finishes.MUSTARD, finishes.FOREST, finishes.ROSE, finishes.INK)
    for k, (y, z) in enumerate(((2.16, 1.72), (2.16, 1.20))):
        print_ = prints.Discs(shades, 0.26, 0.30, 31 + k, 8)
        frame = wall.picture(0.40, 0.44, print_, finishes.oak(0, 44 + k), 0.05)
        room.place(f"picture {k + 2}", frame, pose((shell.width, y, z), -90))
    room.place("wall shelf", wall.wall_shelf(0.90), pose((_DESK, shell.depth, 1.52)), solid=True)
    room.place("candle", tabletop.candle(), pose((_DESK - 0.30, shell.depth - 0.09, 1.52)))
    room.place("vase", tabletop.vase("#a8b8a0", 0.22), pose((_DESK + 0.28, shell.depth - 0.10, 1.52)))
    room.place("stones 2", tabletop.stones(), pose((_DESK, shell.depth - 0.09, 1.52), 60))
    room.place("clock", wall.clock(0.14), pose((0.62, 0, 1.75), 180))
    room.place("light switch", wall.light_switch(), pose((shell.width, 2.42, 1.08), -90))


_QUILT = (
    srgb("#e8dfc9"),
    srgb("#a8463a"),
    srgb("#31516e"),
    srgb("#d2a24a"),
    srgb("#7d9a84"),
    srgb("#542f45"),
)


def _rug() -> prints.Tiles:
    wool = (srgb("#d9cdb2"), srgb("#7a2f2c"), srgb("#2b4257"), srgb("#b98a3d"))
    return prints.Tiles(wool, 0.20, 0, 1, 14)


# fmt: off
_WALK = Walk(
    turn=(17, 31, -28, -14, -73, -82, -101, -62, -27, 8, -14, 5, 55,
          66, 26, 27, 5, 48, 50, 77, 109, 62, -20, -31, -22),
    tilt=(-40, -34, -23, 7, -28, -20, 1, -39, 11, -20, -15, -11, -14,
          -24, 20, -38, -31, -25, -40, -10, -38, -39, -22, -3, 24),
    frames=110,
)
# fmt: on
ROOM1 = Design(
    title="a dim bedroom with a desk at nightfall",
    shell=Shell(
        width=4.6,
        depth=3.7,
        height=2.5,
        windows=((1.22, 2.34),),
        window_z=(0.98, 2.10),
        door_y=(2.62, 3.46),
        plaster=Wallpaper(srgb("#b9a88c"), srgb("#8a7f6a")),
        floor=Pile(srgb("#6b5f56"), srgb("#9a8a76")),
        ceiling=Plain(srgb("#d9d3c6"), 0.02, 0.5),
        accent=Plain(srgb("#6d4a4f"), 0.05, 0.3),
        sky=(0.014, 0.022, 0.040),
        floor_gloss=0.0,
        trim="#cfc6b4",
        sill=finishes.lacquer("#d6cfbf"),
    ),
    furnish=furnish,
    walk=_WALK,
    median_light=0.17,
    seed=11,
)
