"""The room itself: floor, walls and ceiling as one closed surface, door, windows, skirting."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from neurfield.scenes.room import finishes
from neurfield.scenes.room.materials import AreaLight, Material, Pattern, srgb
from neurfield.scenes.room.parts import Assembly, Piece, Pieces, pieces, pose
from neurfield.scenes.room.patterns import Plain
from neurfield.scenes.room.shapes import (
    Shape,
    block,
    join,
    lathe,
    loft,
    quads_to_faces,
    rectangle_frame,
    rounded,
    rounded_box,
    tube,
)

_TILE = 0.12
Span = tuple[float, float]


@dataclass(frozen=True)
class Shell:
    """An empty room in metres: x from 0 to width, y from 0 to depth, z from 0 to height.

    Attributes:
        windows: spans in y of recesses in the west wall (x = 0), all between window_z.
        door_y: the span of a shallow niche in the east wall, up to door_z.
        accent: the paint of the north wall (y = depth).
        sky: the radiance that comes in through the windows.
    """

    width: float
    depth: float
    height: float
    windows: tuple[Span, ...]
    window_z: Span
    door_y: Span
    plaster: Pattern
    floor: Pattern
    ceiling: Pattern
    accent: Pattern
    sky: tuple[float, float, float]
    floor_gloss: float = 0.12
    trim: str = "#f2efe8"
    sill: Material | None = None
    recess: float = 0.26
    door_z: float = 2.06
    niche: float = 0.07

    @property
    def bounds(self) -> np.ndarray:
        """The box [2,3] between the walls."""
        return np.array([[0, 0, 0], [self.width, self.depth, self.height]], dtype=np.float64)


def _cuts(*stops: float) -> np.ndarray:
    """Lattice lines through all stops, at most a tile apart."""
    spans = pairwise(stops)
    parts = [np.linspace(a, b, int(np.ceil((b - a) / _TILE - 1e-9)) + 1)[:-1] for a, b in spans]
    return np.append(np.concatenate(parts), stops[-1])


def _within(centres: np.ndarray, low: float, high: float) -> np.ndarray:
    return (centres > low) & (centres < high)


def carved_hull(shell: Shell) -> Shape:
    """Boundary of the free space (room, window recesses, door niche), watertight, normals into the room."""
    width, depth, height = shell.width, shell.depth, shell.height
    x = _cuts(-shell.recess, 0.0, width, width + shell.niche)
    y = _cuts(*sorted({0.0, depth, *shell.door_y, *(y for window in shell.windows for y in window)}))
    z = _cuts(*sorted({0.0, height, *shell.window_z, shell.door_z}))
    cx, cy, cz = (0.5 * (a[1:] + a[:-1]) for a in (x, y, z))
    free = np.zeros((len(cx) + 2, len(cy) + 2, len(cz) + 2), dtype=bool)
    inner = free[1:-1, 1:-1, 1:-1]
    inner |= _within(cx, 0, width)[:, None, None]
    for window in shell.windows:
        inner |= (cx < 0)[:, None, None] & _within(cy, *window)[:, None] & _within(cz, *shell.window_z)
    inner |= (cx > width)[:, None, None] & _within(cy, *shell.door_y)[:, None] & _within(cz, 0, shell.door_z)
    faces = []
    shape = (len(x), len(y), len(z))
    for axis in range(3):
        b, c = (axis + 1) % 3, (axis + 2) % 3
        solid_after = free & ~np.roll(free, -1, axis)
        solid_before = free & ~np.roll(free, 1, axis)
        for mask, offset in ((solid_after, 1), (solid_before, 0)):
            cells = np.argwhere(mask) - 1
            corners = []
            for db, dc in ((0, 0), (1, 0), (1, 1), (0, 1)):
                corner = cells.copy()
                corner[:, axis] += offset
                corner[:, b] += db
                corner[:, c] += dc
                corners.append(np.ravel_multi_index(tuple(corner.T), shape))
            faces.append(quads_to_faces(*(corners[::-1] if offset else corners)))
    all_faces = np.concatenate(faces)
    used, compact = np.unique(all_faces, return_inverse=True)
    i, j, k = np.unravel_index(used, shape)
    return Shape(np.stack([x[i], y[j], z[k]], 1), compact.reshape(all_faces.shape))


def hull_pieces(shell: Shell) -> Pieces:
    """The hull cut by paint: floor, ceiling, walls (one in another colour), the sky behind the windows."""
    hull = carved_hull(shell)
    centre = hull.vertices[hull.faces].mean(1)
    x, y, z = centre.T
    eps = 1e-6
    paint = np.zeros(len(centre), dtype=int)
    paint[z < eps] = 1
    paint[z > shell.height - eps] = 2
    paint[y > shell.depth - eps] = 3
    paint[x < -shell.recess + eps] = 4
    plaster = Material("plaster", shell.plaster)
    floor = Material("floor", shell.floor, gloss=shell.floor_gloss)
    ceiling = Material("ceiling", shell.ceiling)
    accent = Material("accent", shell.accent)
    sky = Material("sky", Plain(srgb("#e8f1f8"), 0.0), emission=shell.sky)
    return [Piece(hull.subset(paint == k), m) for k, m in enumerate((plaster, floor, ceiling, accent, sky))]


def build_shell(room: Assembly, shell: Shell) -> None:
    """Adds the hull, skirting, door, windows, sills, and the light that comes in."""
    room.place("room", hull_pieces(shell))
    room.place("skirting", _skirting(shell))
    door = _door(shell.door_y[1] - shell.door_y[0], shell.door_z, shell.niche, shell.trim)
    room.place("door", door, pose((shell.width, sum(shell.door_y) / 2, 0), turn=-90))
    low, high = shell.window_z
    for number, (start, end) in enumerate(shell.windows):
        which = f" {number + 1}" if number else ""
        middle, opening = (start + end) / 2, end - start
        frame = _window(opening, high - low, shell.recess)
        room.place(f"window{which}", frame, pose((0, middle, (low + high) / 2), turn=90))
        room.place(f"window sill{which}", _sill(opening, shell), pose((0, middle, low), turn=90))
        room.lights.append(
            AreaLight(
                np.array([-shell.recess + 0.012, start, low]),
                np.array([0, opening, 0.0]),
                np.array([0, 0, high - low]),
                np.array(shell.sky),
            )
        )


def _skirting(shell: Shell) -> Pieces:
    """Boards along the walls with a rounded top edge, left out at the door."""
    section = np.concatenate([[[0, 0]], rounded([[0.015, 0], [0.015, 0.085], [0, 0.095]], 0.012)])
    casing = 0.08
    width, depth, door = shell.width, shell.depth, shell.door_y

    def run(start: tuple[float, float], end: tuple[float, float], inward: tuple[float, float]) -> Shape:
        rings = [[[x + inward[0] * d, y + inward[1] * d, h] for d, h in section] for x, y in (start, end)]
        return loft(np.array(rings))

    return pieces(
        finishes.lacquer(shell.trim),
        run((0, 0), (width, 0), (0, 1)),
        run((0, depth), (width, depth), (0, -1)),
        run((0, 0), (0, depth), (1, 0)),
        run((width, 0), (width, door[0] - casing), (-1, 0)),
        run((width, door[1] + casing), (width, depth), (-1, 0)),
    )


def _door(width: float, height: float, niche: float, trim_colour: str) -> Pieces:
    """A panelled door in its niche, casing on the wall, lever handle; y = 0 is the wall."""
    white = finishes.lacquer("#ece7dc")
    casing = finishes.lacquer(trim_colour)
    leaf_y = niche - 0.045
    stile, rail = 0.11, 0.13
    w, h = width - 0.006, height - 0.006
    wood = [
        block((-w / 2, leaf_y, 0.006), (-w / 2 + stile, leaf_y + 0.04, h)),
        block((w / 2 - stile, leaf_y, 0.006), (w / 2, leaf_y + 0.04, h)),
    ]
    levels = [0.006, 0.20, 0.86, 1.0, h - rail, h]
    for low, high in zip(levels[::2], levels[1::2], strict=True):
        wood.append(
            block(
                (-w / 2 + stile - 0.001, leaf_y + 0.0005, low), (w / 2 - stile + 0.001, leaf_y + 0.0395, high)
            )
        )
    for low, high in ((0.20, 0.86), (1.0, h - rail)):
        wide, tall = w - 2 * stile, high - low
        middle = (low + high) / 2
        wood.append(rounded_box((wide + 0.004, 0.014, tall + 0.004), (0, leaf_y + 0.02, middle), 0.001))
        wood.append(rounded_box((wide - 0.09, 0.012, tall - 0.09), (0, leaf_y + 0.012, middle), 0.006, 2))
        bead = [(0.0, 0.002), (0.004, -0.004), (0.012, -0.004), (0.02, 0.008), (0.02, 0.014), (0.0, 0.014)]
        wood.append(rectangle_frame(wide, tall, bead).moved(y=leaf_y + 0.004, z=middle))
    trim = []
    for sign in (-1, 1):
        a, b = sorted((sign * width / 2, sign * (width / 2 + 0.075)))
        trim.append(block((a, -0.02, 0), (b, 0.0, height + 0.075), 0.006, 2))
    trim.append(block((-width / 2, -0.0195, height), (width / 2, 0.0, height + 0.0745), 0.006, 2))
    hx, hz = w / 2 - 0.055, 1.02
    disc = lathe([(0, 0), (0.024, 0), (0.025, 0.004), (0.022, 0.008), (0, 0.009)], 32).turned(90, "x")
    path = rounded([(hx, leaf_y, hz), (hx, leaf_y - 0.05, hz), (hx - 0.12, leaf_y - 0.052, hz)], 0.02, 6)
    plate = lathe([(0, 0), (0.012, 0), (0.012, 0.004), (0, 0.005)], 20).turned(90, "x")
    handle = [disc.moved(hx, leaf_y, hz), tube(path, 0.009, 14), plate.moved(hx, leaf_y, hz - 0.09)]
    hinges = [
        tube([(-w / 2 - 0.002, leaf_y - 0.004, z), (-w / 2 - 0.002, leaf_y - 0.004, z + 0.09)], 0.007, 12)
        for z in (0.22, 1.0, 1.75)
    ]
    return pieces(white, *wood) + pieces(casing, *trim) + pieces(finishes.brass(), *handle, *hinges)


def _window(width: float, height: float, recess: float) -> Pieces:
    """Frame with two casements and a middle mullion, set deep in the recess; frame: centre of the opening."""
    back = recess - 0.10
    bead = rounded([(0, 0), (0.055, 0), (0.055, 0.02), (0.075, 0.028), (0.075, 0.05), (0, 0.05)], 0.004, 1)
    sash = rounded([(0, -0.018), (0.05, -0.018), (0.062, 0.0), (0.062, 0.03), (0, 0.03)], 0.006, 2)
    frame = [rectangle_frame(width, height, bead).moved(y=back)]
    half = (width - 0.11 - 0.05) / 2
    for sign in (-1, 1):
        sash_frame = rectangle_frame(half + 0.02, height - 0.10, sash).moved(sign * (half / 2 + 0.025), back)
        frame.append(sash_frame)
        bar = (sign * (half / 2 + 0.025), back + 0.008, 0.22)
        frame.append(rounded_box((half - 0.09, 0.024, 0.026), bar, 0.006, 2))
    frame.append(rounded_box((0.06, 0.05, height - 0.11), (0, back + 0.025, 0), 0.006, 2))
    lever = rounded(
        [(0.03, back - 0.02, -0.1), (0.03, back - 0.06, -0.1), (0.03, back - 0.06, -0.2)], 0.012, 5
    )
    handle = [tube(lever, 0.008, 12), rounded_box((0.03, 0.01, 0.08), (0.03, back - 0.02, -0.1), 0.004, 2)]
    return pieces(finishes.lacquer("#f3f1ec"), *frame) + pieces(finishes.metal(), *handle)


def _sill(width: float, shell: Shell) -> Pieces:
    """A board on the recess's floor that stands out over the radiator."""
    board = block((-width / 2 - 0.012, -0.15, -0.012), (width / 2 + 0.012, 0.0, 0.022), 0.008, 3)
    inner = block((-width / 2, -0.01, -0.001), (width / 2, shell.recess - 0.1, 0.0215), 0.002)
    return pieces(shell.sill or finishes.oak(0, 4), join([board, inner]))
