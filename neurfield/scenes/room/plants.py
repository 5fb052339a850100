"""A tall plant with broad leaves, a small one with straps, dried stems for a vase."""

from __future__ import annotations

import numpy as np

from neurfield.scenes.room import finishes
from neurfield.scenes.room.materials import Material, srgb
from neurfield.scenes.room.parts import Pieces, pieces, pose
from neurfield.scenes.room.patterns import Foliage, Plain
from neurfield.scenes.room.shapes import Shape, curve, lathe, rounded, superellipsoid, tube
from neurfield.scenes.room.sheets import leaf


def pot(radius: float, height: float) -> tuple[Shape, Shape]:
    """Flared pot with a rim, and the earth in it."""
    r, h = radius, height
    outer = rounded(
        [
            (0.70 * r, 0),
            (0.92 * r, 0.80 * h),
            (0.92 * r, 0.86 * h),
            (1.0 * r, 0.87 * h),
            (1.0 * r, h),
            (0.93 * r, h),
            (0.86 * r, 0.8 * h),
        ],
        0.008,
        3,
    )
    body = lathe([(0, 0), *outer, (0, 0.8 * h)], 56)
    earth = lathe(
        [(0, 0.82 * h), (0.84 * r, 0.82 * h), (0.87 * r, 0.86 * h), (0.5 * r, 0.89 * h), (0, 0.9 * h)], 40
    )
    return body, earth


def _earth() -> Material:
    return Material("earth", Plain(srgb("#3d2c20"), 0.5, 0.012))


def tall_plant(rng: np.random.Generator, reach: float = 0.45) -> Pieces:
    """About 1.4 m: leaning stems with broad leaves in a stoneware pot; no leaf further out than `reach`."""
    body, earth = pot(0.19, 0.34)
    stems, leaves = [], []
    for i in range(4):
        around = 2 * np.pi * i / 4 + rng.uniform(-0.4, 0.4)
        lean = rng.uniform(0.07, 0.20)
        tall = rng.uniform(0.75, 1.15)
        direction = np.array([np.cos(around), np.sin(around), 0.0])
        bend = ((0.04, 0.28), (0.04 + 0.4 * lean, 0.28 + 0.45 * tall), (0.04 + lean, 0.28 + tall))
        path = curve([direction * a + [0, 0, z] for a, z in bend], 24)
        stems.append(tube(path, np.linspace(0.009, 0.004, 24), 10))
        for k, s in enumerate(np.linspace(0.32, 1.0, 8)):
            p = path[round(s * 23)]
            turn = np.degrees(around) + k * 137.5 + rng.uniform(-20, 20)
            length = rng.uniform(0.19, 0.30) * (1.1 - 0.35 * s)
            length = min(length, reach - np.hypot(p[0], p[1]) - 0.05)
            rise = rng.uniform(25, 50) + 25 * s
            blade = leaf(length, 0.42 * length, rise - 18, rng.uniform(55, 95), 0.3)
            stalk_end = np.array([0.05 * np.cos(np.radians(rise)), 0, 0.05 * np.sin(np.radians(rise))])
            stalk = tube(np.array([[0, 0, 0], stalk_end / 2 + [0, 0, 0.003], stalk_end * 1.04]), 0.0025, 8)
            where = pose(p, turn)
            leaves.append(blade.moved(*stalk_end).posed(where))
            stems.append(stalk.posed(where))
    green = Material("leaf", Foliage(srgb("#6fa04a"), srgb("#1f5a30")), gloss=0.06)
    bark = Material("stem", Plain(srgb("#66733d"), 0.2, 0.02))
    return (
        pieces(finishes.stoneware("#d7d0c2", "#6d655a", 0.07, "#b9764d"), body)
        + pieces(_earth(), earth)
        + pieces(bark, *stems)
        + pieces(green, *leaves)
    )


def strap_plant(rng: np.random.Generator, size: float = 0.26, wall: float = 0.15) -> Pieces:
    """Tuft of thin arching leaves in a small pot; none reaches further back (y) than `wall` metres."""
    body, earth = pot(0.075, 0.12)
    leaves = []
    for k in range(24):
        turn = k * 137.5 + rng.uniform(-15, 15)
        length = size * rng.uniform(0.65, 1.15)
        backwards = np.sin(np.radians(turn))
        if backwards > 0:
            length = min(length, (wall - 0.02) / backwards)
        rise = rng.uniform(45, 86)
        blade = leaf(
            length, rng.uniform(0.012, 0.018), rise, rng.uniform(70, 150) * rise / 86, 0.5, 0.0018, (9, 2)
        )
        leaves.append(blade.moved(x=0.008).posed(pose((0, 0, 0.100), turn)))
    green = Material("leaf", Foliage(srgb("#a8c46b"), srgb("#3f7a3c"), 12.0))
    clay = finishes.stoneware("#c8683f", "#7c3a22")
    return pieces(clay, body) + pieces(_earth(), earth) + pieces(green, *leaves)


def dried_stems(rng: np.random.Generator, rim: float, bottom: float) -> Pieces:
    """Thin stems with seed heads, for a vase with its neck at z = `rim` and its floor at z = `bottom`."""
    stalks, heads = [], []
    for k in range(9):
        turn = np.radians(k * 137.5 + rng.uniform(-20, 20))
        direction = np.array([np.cos(turn), np.sin(turn), 0.0])
        out, tall = rng.uniform(0.05, 0.15), rng.uniform(0.22, 0.36)
        away = (-0.012, 0.008, 0.02 + 0.4 * out, 0.02 + out)
        height = (bottom, rim, rim + 0.6 * tall, rim + tall)
        path = curve([direction * a + [0, 0, z] for a, z in zip(away, height)], 14)
        stalks.append(tube(path, 0.0018, 6))
        head = superellipsoid((0.011, 0.011, 0.03), segments=14, rings=10)
        nodding = head.moved(z=0.022).turned(np.degrees(out) * 1.5, "y").turned(np.degrees(turn))
        heads.append(nodding.moved(*path[-1]))
    straw = Material("straw", Plain(srgb("#b79a62"), 0.2, 0.02))
    seed = Material("seed", Plain(srgb("#c9784a"), 0.35, 0.006))
    return pieces(straw, *stalks) + pieces(seed, *heads)
