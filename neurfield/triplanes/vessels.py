"""Families of things that hold something: mugs, cups with saucers, bottles, vases; and lamps."""

from __future__ import annotations

import numpy as np

from neurfield.triplanes.solids import (
    Draw,
    Solid,
    arc,
    box,
    joined,
    lathe,
    profile,
    rod,
    tube,
    vessel,
)

Parts = list[tuple[str, Solid]]


def mug(draw: Draw) -> Parts:
    """A straight or bulging vessel with a handle; at times with a rim below, as of a small saucer."""
    height, radius, wall = draw(0.7, 1.5), draw(0.35, 0.55), draw(0.03, 0.07)
    waist = radius * draw(0.8, 1.2)
    radii, heights = profile(
        [radius * draw(0.7, 1.0), waist, radius * draw(0.9, 1.15)], [0.0, height * draw(0.3, 0.6), height]
    )
    body = vessel(radii, heights, wall)
    parts = [("body", body)]
    if draw.chance(0.9):
        parts.append(("handle", _handle(draw, radii, heights, wall)))
    if draw.chance(0.25):  # a foot as wide as a coaster
        parts[0] = ("body", joined([body, lathe([radius * draw(1.1, 1.5)] * 2, [-0.06, 0.02])]))
    return parts


def cup(draw: Draw) -> Parts:
    """A flared cup with a handle on a saucer."""
    height, radius, wall = draw(0.45, 0.95), draw(0.4, 0.6), draw(0.025, 0.05)
    radii, heights = profile(
        [radius * draw(0.4, 0.75), radius * draw(0.7, 0.98), radius], [0.0, height * draw(0.3, 0.55), height]
    )
    wide, rim = radius * draw(1.25, 2.0), draw(0.05, 0.2)
    disc_radii, disc_heights = profile(
        [wide * 0.55, wide * 0.75, wide], [-0.06, 0.3 * rim - 0.06, rim - 0.06]
    )
    saucer = vessel(disc_radii, disc_heights, 0.04)
    saucer = joined([saucer, lathe([radii[0] * 1.05] * 2, [-0.05, 0.005])])
    parts = [("body", vessel(radii, heights, wall)), ("saucer", saucer)]
    if draw.chance(0.9):
        parts.append(("handle", _handle(draw, radii, heights, wall)))
    return parts


def bottle(draw: Draw) -> Parts:
    """A body, shoulders, a neck, and mostly a cap."""
    radius, tall = draw(0.3, 0.5), draw(0.7, 1.3)
    neck, neck_tall, shoulder = radius * draw(0.25, 0.6), draw(0.2, 0.6), draw(0.15, 0.45)
    waist = radius * draw(0.8, 1.05)
    radii, heights = profile([radius * draw(0.85, 1.0), waist, radius], [0.0, tall * 0.5, tall])
    over, over_heights = profile(
        [radius, (radius + neck) / 2 * draw(0.85, 1.15), neck], [0, shoulder / 2, shoulder]
    )
    radii = np.concatenate([radii, over[1:]])
    heights = np.concatenate([heights, tall + over_heights[1:]])
    sides = draw.choice("round", "round", "square")
    body = lathe(radii, heights, 40 if sides == "round" else 4)
    top = tall + shoulder
    throat = lathe([neck, neck * draw(0.85, 1.1)], [top - 0.05, top + neck_tall])
    ring = lathe([neck * 1.25] * 2, [top + neck_tall * 0.75, top + neck_tall * 0.85])
    parts = [("body", body), ("neck", joined([throat, ring]))]
    if draw.chance(0.7):
        cap = neck * draw(1.15, 1.5)
        high = top + neck_tall
        parts.append(("cap", lathe([cap, cap * draw(0.8, 1.0)], [high - 0.08, high + draw(0.08, 0.3)])))
    else:
        parts[1] = ("neck", parts[1][1] - lathe([neck * 0.6] * 2, [top - 0.02, top + neck_tall + 0.1]))
    return parts


def vase(draw: Draw) -> Parts:
    """A curved open vessel on a foot, at times with two handles."""
    tall, radius, wall = draw(1.0, 1.9), draw(0.3, 0.6), draw(0.03, 0.05)
    neck = radius * draw(0.3, 0.8)
    radii, heights = profile(
        [radius * draw(0.4, 0.7), radius, neck, neck * draw(1.0, 1.9)],
        [0.0, tall * draw(0.25, 0.55), tall * draw(0.7, 0.88), tall],
        36,
    )
    sides = draw.choice("round", "round", "round", "edged")
    body = vessel(radii, heights, wall, 40 if sides == "round" else draw.whole(5, 8))
    foot_wide, foot_tall = radii[0] * draw(0.95, 1.5), draw(0.06, 0.25)
    foot = lathe([foot_wide, radii[0] * draw(0.7, 0.95)], [-foot_tall, 0.02])
    parts = [("body", body), ("foot", foot)]
    if draw.chance(0.45):
        handle = _handle(draw, radii, heights, wall)
        parts.append(("handle", joined([handle, handle.rotate((0.0, 0.0, 180.0))])))
    return parts


def lamp(draw: Draw) -> Parts:
    """A base, a pole, at times bent over, and an open shade."""
    tall, thick = draw(0.9, 2.0), draw(0.025, 0.06)
    wide = draw(0.25, 0.5)
    foot = draw.choice("disc", "bulb", "block", "legs")
    if foot == "disc":
        base = lathe(*profile([wide, wide * draw(0.8, 1.0), thick], [0.0, 0.06, draw(0.12, 0.25)]))
    elif foot == "bulb":
        base = lathe(
            *profile([wide * 0.6, wide, wide * 0.5, thick], [0.0, tall * 0.2, tall * 0.4, tall * 0.5])
        )
    elif foot == "block":
        base = box((wide * 1.6, wide * draw(1.0, 1.6), draw(0.08, 0.3)))
    else:
        turns = [np.radians(120.0 * k + 30.0) for k in range(3)]
        base = joined(
            [rod((wide * np.cos(t), wide * np.sin(t), 0.0), (0, 0, 0.45 * tall), thick, thick) for t in turns]
        )
    reach = draw(0.3, 0.7) if draw.chance(0.35) else 0.0
    stem = np.array([[0.0, 0.0, 0.05], [0.0, 0.0, tall]])
    pole = tube(stem, thick)
    if reach:
        pole = joined([pole, tube(arc((reach / 2, 0.0, tall), (reach / 2, reach / 2), 180.0, 0.0), thick)])
    lower, upper, high = draw(0.3, 0.6), draw(0.12, 0.4), draw(0.3, 0.7)
    radii, heights = profile([lower, (lower + upper) / 2 * draw(0.9, 1.15), upper], [0.0, high / 2, high])
    bottom = tall - high * draw(0.5, 0.9)
    solid = lathe(radii, heights) - lathe(radii - 0.04, heights * 1.001 - 1e-4).translate((0.0, 0.0, -0.04))
    shade = joined([solid]).translate((reach, 0.0, bottom))
    if not reach:
        shade = joined([shade, rod((0, 0, tall - 0.05), (0, 0, bottom + high - 0.01), thick)])
    return [("base", base), ("pole", pole), ("shade", shade)]


def _handle(draw: Draw, radii: np.ndarray, heights: np.ndarray, wall: float) -> Solid:
    """A bow at the side of a vessel, its ends within the wall."""
    tall = heights[-1] - heights[0]
    low = heights[0] + tall * draw(0.15, 0.3)
    high = heights[0] + tall * draw(0.65, 0.92)
    ends = np.interp([low, high], heights, radii) - 0.55 * wall
    out, thick = draw(0.16, 0.34), draw(0.035, 0.06)
    turn = np.linspace(0.0, np.pi, 18)
    mixed = 0.5 - 0.5 * np.cos(turn)
    x = ends[0] + (ends[1] - ends[0]) * mixed + out * np.sin(turn) ** draw(0.5, 1.0)
    z = low + (high - low) * mixed
    return tube(np.stack([x, np.zeros_like(x), z], axis=1), thick, flat=draw(1.0, 1.6))
