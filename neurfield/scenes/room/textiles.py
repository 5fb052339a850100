"""Rug, curtains on their rod, the slatted blind."""

from __future__ import annotations

import numpy as np

from neurfield.scenes.room import finishes
from neurfield.scenes.room.materials import Material, Pattern, srgb
from neurfield.scenes.room.noise import layered2
from neurfield.scenes.room.parts import Pieces, pieces
from neurfield.scenes.room.patterns import Stripes
from neurfield.scenes.room.prints import Rug
from neurfield.scenes.room.shapes import Shape, lathe, loft, rounded_box, superellipsoid, tube
from neurfield.scenes.room.sheets import sheet, two_skins


def rug(width: float, depth: float, pattern: Pattern | None = None) -> Pieces:
    """Carpet about 1 cm thick, slightly wavy, lower side on the floor; centred on the origin."""
    x, y = np.meshgrid(
        np.linspace(-width / 2, width / 2, 61), np.linspace(-depth / 2, depth / 2, 45), indexing="ij"
    )
    swell = layered2(
        (x * 2.2).astype(np.float32).ravel(), (y * 2.2).astype(np.float32).ravel(), 2, 3
    ).reshape(x.shape)
    rim = np.minimum(width / 2 - np.abs(x), depth / 2 - np.abs(y))
    height = 0.005 + 0.005 * np.clip(rim / 0.02, 0, 1) + 0.007 * swell * np.clip(rim / 0.15, 0, 1)
    top = np.stack([x, y, height], 2)
    bottom = np.stack([x, y, np.zeros_like(x)], 2)
    if pattern is None:
        pattern = Rug(finishes.CREAM, finishes.NAVY, finishes.RUST, finishes.TEAL, width, depth)
    return pieces(Material("rug", pattern), two_skins(top, bottom))


def curtain(
    width: float, low: float, high: float, folds: int, seed: int, pattern: Pattern | None = None
) -> Pieces:
    """Cloth gathered in folds, in the x-z plane about y = 0; deeper and more irregular towards the hem."""
    rng = np.random.default_rng(seed)
    n, m = 12 * folds, 36
    u, t = np.meshgrid(np.linspace(0, 1, n + 1), np.linspace(0, 1, m + 1), indexing="ij")
    strength, offset = rng.uniform(-0.5, 0.5, 3), rng.uniform(0, 6.28, 3)
    drift = sum(strength[k] * np.sin(2 * np.pi * (k + 1) * u + offset[k]) for k in range(3))
    phase = 2 * np.pi * folds * u + drift * (0.4 + 1.1 * t) + 0.35 * np.sin(3.1 * t + 4 * u)
    depth = (0.022 + 0.026 * t) * (1 + 0.25 * np.sin(2 * np.pi * 1.7 * u + rng.uniform(0, 6.28)))
    spread = 1 + 0.06 * t * np.sin(2 * np.pi * u + 1)
    x = width * ((u - 0.5) * spread) + 0.35 * depth * np.sin(2 * phase) * 0.4
    y = depth * np.sin(phase)
    z = high - (high - low) * t + 0.004 * np.sin(phase) * t
    colours = (srgb("#e3d3b8"), srgb("#c8825c"), srgb("#e3d3b8"), srgb("#5d8a8a"))
    bands = Stripes(colours, (0.20, 0.035, 0.09, 0.02), axis=2, weave=0.22)
    cloth = Material("curtain", pattern or bands)
    return pieces(cloth, sheet(np.stack([x, y, z], 2), 0.005))


def curtain_rod(width: float, height: float) -> Pieces:
    """Brass rod along x at y = -0.09 with end knobs, brackets to the wall (y = 0) and rings."""
    y = -0.09
    rod = [tube([(-width / 2, y, height), (width / 2, y, height)], 0.011, 18)]
    for s in (-1, 1):
        knob = superellipsoid((0.03, 0.026, 0.026), segments=24, rings=14)
        rod.append(knob.moved(s * (width / 2 + 0.022), y, height))
        x = s * (width / 2 - 0.04)
        rod.append(tube([(x, 0.0, height - 0.03), (x, y + 0.005, height - 0.012)], 0.007, 10))
        plate = lathe([(0, 0), (0.025, 0), (0.025, 0.006), (0, 0.007)], 24)
        rod.append(plate.turned(90, "x").moved(x, 0.0, height - 0.03))
    a = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    for s in (-1, 1):
        for x in np.linspace(width / 2 - 0.50, width / 2 - 0.08, 7):
            ring = np.column_stack(
                [np.full(20, s * x), y + 0.018 * np.cos(a), height - 0.004 + 0.018 * np.sin(a)]
            )
            rod.append(tube(ring, 0.0025, 6, closed=True))
    return pieces(finishes.brass(), *rod)


def _slat(width: float, depth: float, tilt: float) -> Shape:
    """One curved slat 2 mm thick, 5 cm deep at most, about the origin."""
    v = np.linspace(-1, 1, 7)
    arc = np.column_stack([v * depth / 2, 0.10 * depth * (1 - v**2)])
    c, s = np.cos(np.radians(tilt)), np.sin(np.radians(tilt))
    line = arc @ np.array([[c, s], [-s, c]])
    grid = np.empty((2, 7, 3))
    grid[..., 0] = np.array([-width / 2, width / 2])[:, None]
    grid[..., 1:] = line
    return sheet(grid, 0.002)


def blind(width: float, height: float, lowered: float) -> Pieces:
    """Slatted blind; origin in the middle of the recess's ceiling, `lowered` metres of it hang down."""
    white = finishes.lacquer("#e9e6dd")
    slats = [rounded_box((width - 0.01, 0.05, 0.045), (0, 0, -0.0235), 0.004, 2)]
    pitch = 0.042
    count = int((lowered - 0.08) / pitch)
    slats += [_slat(width - 0.02, 0.046, 38).moved(z=-0.075 - i * pitch) for i in range(count)]
    bottom = -0.075 - count * pitch
    slats.append(rounded_box((width - 0.02, 0.046, 0.016), (0, 0, bottom), 0.005, 2))
    cords = [
        tube([(x * width, y, -0.04), (x * width, y, bottom)], 0.0012, 6)
        for x in (-0.36, 0.0, 0.36)
        for y in (-0.021, 0.021)
    ]
    pull = width / 2 - 0.10
    cords.append(tube([(pull, -0.032, -0.03), (pull, -0.036, -min(lowered + 0.25, height - 0.1))], 0.0015, 6))
    tassel_z = -min(lowered + 0.25, height - 0.1)
    tassel = lathe(
        [(0, tassel_z - 0.04), (0.007, tassel_z - 0.038), (0.004, tassel_z), (0, tassel_z)], 14
    ).moved(pull, -0.036)
    return pieces(white, *slats) + pieces(finishes.lacquer("#cfc8b8"), *cords, tassel)


def radiator(width: float, height: float) -> Pieces:
    """Ribbed radiator on two feet, its back 4 cm off the wall (y = 0)."""
    white = finishes.lacquer("#eeebe4", 0.15)
    low, high = 0.11, height
    y = -0.085
    count = round(width / 0.062)
    pitch = width / count
    parts = []
    angles = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    for i in range(count):
        x = (i + 0.5) * pitch - width / 2
        for dy in (-0.032, 0.032):
            parts.append(tube([(x, y + dy, low + 0.03), (x, y + dy, high - 0.03)], 0.0135, 10))
        for z in (low + 0.03, high - 0.03):
            parts.append(superellipsoid((pitch * 0.505, 0.048, 0.032), 0.8, 0.75, 16, 8).moved(x, y, z))
    for s in (-1, 1):
        x = s * (width / 2 - 1.5 * pitch)
        foot = np.array(
            [
                np.column_stack([x + rx * np.cos(angles), y + ry * np.sin(angles), np.full(14, z)])
                for z, rx, ry in (
                    (0, 0.018, 0.05),
                    (0.006, 0.018, 0.05),
                    (0.03, 0.012, 0.03),
                    (low + 0.02, 0.012, 0.025),
                )
            ]
        )
        parts.append(loft(foot))
    end = width / 2
    pipe = tube(
        [
            (end, y, low + 0.03),
            (end + 0.05, y, low + 0.03),
            (end + 0.06, y, low + 0.02),
            (end + 0.06, y, 0.0),
        ],
        0.008,
        12,
    )
    valve = lathe([(0, 0), (0.019, 0), (0.021, 0.01), (0.02, 0.05), (0.014, 0.058), (0, 0.06)], 24).moved(
        end + 0.06, y, low + 0.035
    )
    return pieces(white, *parts, pipe) + pieces(finishes.lacquer("#d9d6cf"), valve)
