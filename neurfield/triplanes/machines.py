"""Families of made things: screws, gears, planes, spanners."""

from __future__ import annotations

import numpy as np

from neurfield.triplanes.solids import Draw, Solid, board, box, joined, lathe, library, rod
from neurfield.triplanes.vessels import Parts


def screw(draw: Draw) -> Parts:
    """A head, a shank, and a thread around it, blunt or with a point."""
    radius, long = draw(0.12, 0.25), draw(0.8, 1.9)
    wide, thick = radius * draw(1.5, 2.6), draw(0.1, 0.35)
    kind = draw.choice("hexagon", "round", "flat", "cylinder")
    if kind == "hexagon":
        head = lathe([wide] * 2, [0.0, thick], 6)
    elif kind == "round":
        head = lathe(wide * np.sqrt(1.0 - np.linspace(0.0, 0.98, 12) ** 2), np.linspace(0.0, thick, 12))
    elif kind == "flat":
        head = lathe([radius, wide, wide], [-0.5 * thick, 0.6 * thick, 0.75 * thick])
    else:
        head = lathe([wide * 0.8] * 2, [0.0, 1.3 * thick])
    if kind != "hexagon":
        slot = box((3 * wide, draw(0.05, 0.09), 1.0), (0.0, 0.0, 0.55 * thick))
        head = head - slot
        if draw.chance(0.4):
            head = head - slot.rotate((0.0, 0.0, 90.0))
    threaded = long * draw(0.45, 0.95)
    shank = rod((0, 0, 0.02), (0, 0, -long), radius * draw(0.8, 1.0))
    turns = threaded / draw(0.1, 0.2)
    depth = radius * draw(0.18, 0.3)
    section = library().CrossSection.circle(radius, 24).translate((depth, 0.0))
    thread = section.extrude(threaded, int(10 * turns), 360.0 * turns).translate((0.0, 0.0, -long))
    if draw.chance(0.5):
        thread = joined([thread, lathe([0.01, radius], [-long - draw(0.15, 0.4), -long + 0.01])])
    return [("head", head), ("thread", thread), ("shank", shank)]


def gear(draw: Draw) -> Parts:
    """Teeth around a disc with a bore, a hub, at times holes or spokes."""
    count, radius = draw.whole(8, 24), draw(0.6, 0.9)
    tooth, thick = draw(0.08, 0.2), draw(0.12, 0.5)
    pitch = 2.0 * np.pi / count
    foot, tip = pitch * draw(0.5, 0.62), pitch * draw(0.2, 0.4)
    inner = 0.9 * radius
    corners = [(-foot / 2, inner), (-foot / 2, radius), (-tip / 2, radius + tooth)]
    corners += [(-turn, far) for turn, far in corners[::-1]]
    shape = np.array([(far * np.sin(turn), far * np.cos(turn)) for turn, far in corners])[::-1]
    one = board(shape, thick)
    teeth = joined([one.rotate((0.0, 0.0, 360.0 * k / count)) for k in range(count)])
    disc = lathe([radius] * 2, [0.0, thick], 4 * count)
    kind = draw.choice("whole", "holes", "thin")
    hub_wide, bore = radius * draw(0.28, 0.42), radius * draw(0.1, 0.22)
    if kind == "holes":
        number = draw.whole(3, 6)
        middle = (0.87 * radius + hub_wide) / 2
        size = 0.8 * (0.87 * radius - hub_wide) / 2
        hole = rod((middle, 0, -0.1), (middle, 0, thick + 0.1), size)
        disc = disc - joined([hole.rotate((0.0, 0.0, 360.0 * k / number)) for k in range(number)])
    elif kind == "thin":
        groove = lathe([0.82 * radius] * 2, [0.7 * thick, thick + 0.1])
        disc = disc - groove - lathe([0.82 * radius] * 2, [-0.1, 0.3 * thick])
    rise = draw(0.0, 0.3) if draw.chance(0.7) else 0.01
    hub = lathe([hub_wide] * 2, [-0.3 * rise, thick + rise])
    axle = rod((0, 0, -1.0), (0, 0, 2.0), bore)
    return [("tooth", teeth), ("disc", disc - axle), ("hub", hub - axle)]


def plane(draw: Draw) -> Parts:
    """A fuselage along x with wings, a tail, mostly engines."""
    long, radius = draw(1.8, 2.6), draw(0.12, 0.24)
    along = np.linspace(0.0, 1.0, 20)
    nose, rear = draw(0.1, 0.25), draw(0.3, 0.5)
    swell = np.sqrt(1.0 - np.maximum(1.0 - along / nose, 0.0) ** 2)
    swell *= 1.0 - 0.85 * np.maximum((along - 1.0 + rear) / rear, 0.0) ** 1.5
    body = lathe(np.maximum(radius * swell, 0.01), long * along).rotate((0.0, 90.0, 0.0))
    reach, chord, taper = draw(0.8, 1.5), draw(0.35, 0.6), draw(0.25, 0.8)
    sweep, rise = draw(0.0, 0.7), draw(-0.05, 0.2)
    root, thick = long * draw(0.3, 0.45), draw(0.045, 0.08)
    height = radius * draw(-0.6, 0.7)
    wings = joined(
        [_blade((root, 0.0, height), chord, thick, (sweep, side * reach, rise), taper) for side in (-1, 1)]
    )
    tail_at, tail_chord, fin = long * 0.84, draw(0.2, 0.32), draw(0.3, 0.55)
    lift = fin * 0.8 if draw.chance(0.3) else 0.0
    small = [
        _blade((tail_at + 0.6 * lift, 0.0, lift), tail_chord, 0.045, (0.2, side * draw(0.3, 0.55), 0.02), 0.6)
        for side in (-1, 1)
    ]
    upright = _blade((tail_at - 0.04, 0.0, 0.0), tail_chord * 1.2, 0.05, (draw(0.15, 0.35), 0.0, fin), 0.6)
    parts = [("fuselage", body), ("wing", wings), ("tail", joined([*small, upright]))]
    if draw.chance(0.7):
        share = draw(0.25, 0.5)
        x, z = root + share * sweep - 0.05, height + share * rise - 0.11
        size = draw(0.06, 0.11)
        places = [side * share * reach for side in (-1, 1)]
        if draw.chance(0.3):
            places += [1.8 * y for y in places]
        parts.append(("engine", joined([rod((x, y, z), (x + 0.4, y, z), size, 0.75 * size) for y in places])))
    return parts


def spanner(draw: Draw) -> Parts:
    """A flat bar with an open jaw, a ring, or one at each end."""
    long, thick = draw(1.6, 2.6), draw(0.1, 0.25)
    wide, waist = draw(0.12, 0.3), draw(0.7, 1.0)
    half = np.array([[0.0, wide], [long / 2, wide * waist], [long, wide]]) / [1.0, 2.0]
    outline = np.concatenate([half * [1.0, -1.0], half[::-1]])
    handle = board(outline, 0.75 * thick, 0.125 * thick)
    first = draw.choice("jaw", "jaw", "ring")
    second = draw.choice("jaw", "ring", "ring")
    if first == second == "ring" and draw.chance(0.5):
        second = "jaw"
    heads: dict[str, list[Solid]] = {"jaw": [], "ring": []}
    for kind, x, turn in ((first, 0.0, 180.0), (second, long, 0.0)):
        size = draw(0.24, 0.4)
        tilt = draw(-20.0, 20.0) if kind == "jaw" else 0.0
        head = (_jaw if kind == "jaw" else _ring)(draw, size, thick)
        heads[kind].append(head.rotate((0.0, 0.0, turn + tilt)).translate((x, 0.0, 0.0)))
        # The bar ends within the head's metal, not in its opening.
        handle = handle - _opening(size, kind).rotate((0.0, 0.0, turn + tilt)).translate((x, 0.0, -0.2))
    return [("handle", handle), *((kind, joined(found)) for kind, found in heads.items() if found)]


def _opening(size: float, kind: str) -> Solid:
    if kind == "ring":
        return lathe([0.62 * size] * 2, [0.0, 1.0], 6)
    module = library()
    return module.Manifold.cube((2.0 * size, 1.0 * size, 1.0)).translate((-0.25 * size, -0.5 * size, 0.0))


def _jaw(draw: Draw, size: float, thick: float) -> Solid:
    """A disc with a slot that is open along +x."""
    disc = lathe([size] * 2, [0.0, thick]).scale((1.15, 1.0, 1.0))
    return disc - _opening(size, "jaw").translate((0.0, 0.0, -0.2))


def _ring(draw: Draw, size: float, thick: float) -> Solid:
    """A ring around a hexagon."""
    return lathe([size * draw(0.85, 1.0)] * 2, [0.0, thick]) - _opening(size, "ring").translate(
        (0.0, 0.0, -0.2)
    )


def _blade(
    root: tuple[float, float, float],
    chord: float,
    thick: float,
    tip: tuple[float, float, float],
    taper: float,
) -> Solid:
    """A wing from its root to its tip (relative to the root), its sections drops along x."""
    turn = np.linspace(0.0, 2.0 * np.pi, 16, endpoint=False)
    x = 0.5 - 0.5 * np.cos(turn)
    outward = np.array([0.0, tip[1], tip[2]])
    across = np.cross([1.0, 0.0, 0.0], outward / np.linalg.norm(outward))
    drop = np.sin(turn) * np.sqrt(np.maximum(1.0 - 0.9 * x, 0.0))
    section = x[:, None] * [[chord, 0.0, 0.0]] + thick * drop[:, None] * across
    ends = np.concatenate([section, taper * section + tip]) + root
    return library().Manifold.hull_points(ends)
