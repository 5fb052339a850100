"""Families of furniture: chairs, tables, shelves."""

from __future__ import annotations

import numpy as np

from neurfield.triplanes.solids import Draw, Solid, board, box, joined, lathe, rectangle, rod
from neurfield.triplanes.vessels import Parts


def chair(draw: Draw) -> Parts:
    """A seat on legs, with a back, at times with arms; some backs are as low as a table's edge."""
    wide, deep = draw(0.75, 1.1), draw(0.7, 1.05)
    high, thick = draw(0.6, 1.0), draw(0.05, 0.14)
    seat = board(rectangle(wide, deep), thick, high, rounded=draw(0.0, 0.2) * min(wide, deep))
    legs = _legs(draw, 0.92 * wide, 0.92 * deep, high + 0.4 * thick)
    if draw.chance(0.15):  # a stool's foot
        legs = joined([rod((0, 0, 0), (0, 0, high + 0.02), 0.07), lathe([0.4 * wide, 0.08], [0.0, 0.1])])
    tall, slab = draw(0.3, 1.1), draw(0.05, 0.1)
    at = deep / 2 - slab / 2
    lean = draw(0.0, 18.0)
    back = _back(draw, wide, tall, slab)
    back = back.rotate((-lean, 0.0, 0.0)).translate((0.0, at - 0.02, high + 0.3 * thick))
    parts = [("seat", seat), ("back", back), ("leg", legs)]
    if draw.chance(0.35):
        rise = draw(0.2, 0.4)
        side = wide / 2 - 0.05
        arms = [box((0.09, 0.85 * deep, 0.07), (x, 0.05, high + thick + rise)) for x in (-side, side)]
        arms += [box((0.07, 0.07, rise + 0.05), (x, -0.3 * deep, high + thick - 0.02)) for x in (-side, side)]
        parts.append(("arm", joined(arms)))
    return parts


def table(draw: Draw) -> Parts:
    """A top on legs, a pedestal or two panels; at times a board below, or an edge behind."""
    wide, deep = draw(0.9, 2.0), draw(0.7, 1.3)
    high, thick = draw(0.5, 1.2), draw(0.04, 0.12)
    if draw.chance(0.3):
        top = lathe([deep * 0.6] * 2, [high, high + thick], draw.whole(6, 48)).scale(
            (draw(1.0, 1.4), 1.0, 1.0)
        )
        wide = deep = 0.75 * deep
    else:
        top = board(rectangle(wide, deep), thick, high, rounded=draw(0.0, 0.2) * deep)
    kind = draw.choice("legs", "legs", "pedestal", "panels")
    if kind == "legs":
        legs = _legs(draw, 0.9 * wide, 0.9 * deep, high + 0.4 * thick)
    elif kind == "pedestal":
        post = draw(0.06, 0.14)
        foot = draw(0.3, 0.45) * min(wide, deep)
        legs = joined(
            [rod((0, 0, 0), (0, 0, high + 0.02), post), lathe([foot, post], [0.0, draw(0.06, 0.2)])]
        )
    else:
        side, slab = 0.4 * wide, draw(0.05, 0.09)
        legs = joined([box((slab, 0.8 * deep, high + 0.02), (x, 0.0, 0.0)) for x in (-side, side)])
    parts = [("top", top), ("leg", legs)]
    if kind != "pedestal" and draw.chance(0.35):
        parts.append(("board", box((0.82 * wide, 0.75 * deep, 0.06), (0.0, 0.0, high * draw(0.2, 0.6)))))
    if draw.chance(0.2):  # an upright edge, such as a desk has
        edge = box((0.9 * wide, 0.06, draw(0.15, 0.4)), (0.0, 0.42 * deep, high + 0.5 * thick))
        parts[0] = ("top", joined([top, edge]))
    return parts


def shelf(draw: Draw) -> Parts:
    """Boards between two sides, mostly with a back; low ones of two boards look like tables."""
    wide, deep, high = draw(0.8, 1.7), draw(0.35, 0.8), draw(0.8, 2.0)
    slab = draw(0.04, 0.08)
    count = draw.whole(2, 5)
    steps = np.linspace(draw(0.0, 0.2) * high, high - slab, count)
    steps[1:-1] += [draw(-0.1, 0.1) * high / count for _ in steps[1:-1]]
    boards = joined([box((wide - slab, deep, slab), (0.0, 0.0, z)) for z in steps])
    if draw.chance(0.3):  # a partition
        low, top = steps[0], steps[1]
        wall = box((slab, 0.95 * deep, top - low), (draw(-0.25, 0.25) * wide, 0.0, low + slab / 2))
        boards = joined([boards, wall])
    edge = wide / 2 - slab / 2
    if draw.chance(0.7):
        sides = [box((slab, deep * 1.02, high), (x, 0.0, 0.0)) for x in (-edge, edge)]
    else:
        post, out = draw(0.05, 0.08), deep / 2 - 0.03
        sides = [box((post, post, high), (x, y, 0.0)) for x in (-edge, edge) for y in (-out, out)]
    parts = [("board", boards), ("side", joined(sides))]
    if draw.chance(0.5):
        parts.append(("back", box((0.99 * wide, 0.04, high * 0.98), (0.0, deep / 2 - 0.02, 0.01))))
    return parts


def _legs(draw: Draw, wide: float, deep: float, high: float) -> Solid:
    """Four legs, straight or spread, round or square, at times with bars between."""
    thick, splay, taper = draw(0.035, 0.07), draw(0.0, 0.12), draw(0.5, 1.0)
    sides = 4 if draw.chance(0.5) else 20
    x, y = wide / 2 - thick, deep / 2 - thick
    corners = [(sx, sy) for sx in (-1, 1) for sy in (-1, 1)]
    legs = [
        rod((sx * (x + splay), sy * (y + splay), 0.0), (sx * x, sy * y, high), thick * taper, thick, sides)
        for sx, sy in corners
    ]
    if draw.chance(0.35):
        low = high * draw(0.2, 0.5)
        out = splay * (1.0 - low / high)
        bar = 0.6 * thick
        legs += [rod((sx * (x + out), -y - out, low), (sx * (x + out), y + out, low), bar) for sx in (-1, 1)]
        legs.append(rod((-x - out, 0.0, low), (x + out, 0.0, low), bar))
    return joined(legs)


def _back(draw: Draw, wide: float, tall: float, slab: float) -> Solid:
    """A chair's back that stands on z = 0: whole, of slats or of rails."""
    kind = draw.choice("whole", "slats", "rails")
    if kind == "whole":
        outline = rectangle(wide * draw(0.75, 1.0), tall) + np.array([0.0, tall / 2])
        return (
            board(outline, slab, 0.0, rounded=draw(0.0, 0.3) * min(tall, 0.6 * wide))
            .rotate((90.0, 0.0, 0.0))
            .translate((0.0, slab / 2, 0.0))
        )
    post, half = 0.07, wide / 2 - 0.06
    pieces = [box((post, slab, tall), (x, 0.0, 0.0)) for x in (-half, half)]
    if kind == "slats":
        pieces.append(box((2 * half + post, slab, 0.14), (0.0, 0.0, tall - 0.14)))
        count = draw.whole(2, 5)
        places = np.linspace(-half, half, count + 2)[1:-1]
        pieces += [box((0.06, 0.7 * slab, tall - 0.05), (float(x), 0.0, 0.0)) for x in places]
    else:
        rail = 0.1
        for z in np.linspace(0.25 * tall, tall - rail, draw.whole(2, 4)):
            pieces.append(box((2 * half + post, 0.8 * slab, rail), (0.0, 0.0, float(z))))
    return joined(pieces)
