"""Walks that nobody recorded: around an object, and around the middle of a room, clear of its walls."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.ndimage import label, minimum_filter1d, uniform_filter1d

from neurfield.scenes.cameras import Cameras
from neurfield.scenes.walks import Walk, looking, walk_through

AROUND_FOV, WITHIN_FOV = 38.0, 62.0  # vertical, degrees
USUAL_TILT = 20.0
_MARGIN = 1.06
_KEYS = 36
_CELLS = 96  # along a room's longest side
_CLEAR = 0.3  # of the room that the roomiest place has: nearer to anything no camera goes
_SMOOTHED = 5  # keys over which the way is evened out, 50 degrees
_SHARE = 0.75  # of the way from the middle to where it becomes narrow
_DOWN = 0.2  # how far below its own height the camera looks, at a distance of 1

Clearance = Callable[[np.ndarray], np.ndarray]


def around(
    places: np.ndarray,
    up: np.ndarray,
    tilt: float = USUAL_TILT,
    seconds: float = 6.0,
    size: tuple[int, int] = (640, 480),
    fps: float = 30.0,
) -> Walk:
    """A turntable: a circle around places from which all of them are always in the picture.

    Args:
        places: [k,3] in the world, such as the corners of a box.
        up: [3] in the world.
        tilt: how far above the horizon the camera stands, degrees.
        seconds: of a turn.
        size: width and height of its pictures, pixels.
        fps: pictures a second.
    """
    up = up / np.linalg.norm(up)
    right, ahead = _level_axes(up)
    places = np.asarray(places, np.float64)
    middle = 0.5 * (places.min(axis=0) + places.max(axis=0))
    height, radius = np.sin(np.radians(tilt)), np.cos(np.radians(tilt))
    ways = [
        height * up + radius * (np.cos(a) * ahead + np.sin(a) * right)
        for a in np.arange(_KEYS) * 2.0 * np.pi / _KEYS
    ]
    narrow = np.tan(np.radians(AROUND_FOV) / 2.0)
    distance = 0.0
    for way in ways:
        pose = looking(way, np.zeros(3), up)
        x, y, z = ((places - middle) @ pose[:3, :3]).T
        # A point at depth d + z is in the picture if |y| <= (d + z) tan: so d is at least |y| / tan - z.
        wide = narrow * size[0] / size[1]
        distance = max(distance, float((np.maximum(np.abs(y) / narrow, np.abs(x) / wide) - z).max()))
    eyes = [middle + _MARGIN * distance * way for way in ways]
    poses = np.stack([looking(eye, middle, up) for eye in eyes])
    return walk_through(poses, AROUND_FOV, seconds, True, size, fps)


def within(
    box: np.ndarray,
    up: np.ndarray,
    clearance: Clearance,
    eyes: np.ndarray | None = None,
    seconds: float = 12.0,
    size: tuple[int, int] = (640, 480),
    fps: float = 30.0,
) -> Walk:
    """A round within a room: once around its roomiest place, always looking across it, clear of everything.

    At the height of the eyes each direction is followed from that place to where less than 0.3 of its
    room is left; the way keeps within that, evened out by less and never by more.

    Args:
        box: [2,3] minimum and maximum, world.
        up: [3] in the world.
        clearance: of points [n,3] in the world, how far they are from the surface [n], not positive inside
            it.
        eyes: [k,3] places that are known to be free, such as the scene's cameras; None: none are.
        seconds: of a round.
        size: width and height of its pictures, pixels.
        fps: pictures a second.
    """
    up = up / np.linalg.norm(up)
    right, ahead = _level_axes(up)
    middle, room = _roomiest(np.asarray(box, np.float64), up, clearance, eyes)
    ways = np.stack([np.cos(a) * ahead + np.sin(a) * right for a in np.arange(_KEYS) * 2.0 * np.pi / _KEYS])
    step = float(np.ptp(box, axis=0).max()) / _CELLS / 2.0
    reach = np.arange(1, 2 * _CELLS) * step
    along = middle + ways[:, None] * reach[None, :, None]
    inside = ((along > box[0]) & (along < box[1])).all(axis=2)
    clear = clearance(along.reshape(-1, 3)).reshape(inside.shape)
    free = inside & (clear >= _CLEAR * room)
    steps = np.where(free.all(axis=1), free.shape[1], free.argmin(axis=1))
    # Each mean is of minima over ranges that all hold this direction: none is larger than its own.
    lowest = minimum_filter1d(steps * step, _SMOOTHED, mode="wrap")
    radius = uniform_filter1d(lowest, _SMOOTHED, mode="wrap")
    share = _SHARE
    while True:
        eyes_now = middle + share * radius[:, None] * ways
        poses = np.stack([looking(e, e - w - _DOWN * up, up) for e, w in zip(eyes_now, ways)])
        walk = walk_through(poses, WITHIN_FOV, seconds, True, size, fps)
        between = clearance(walk.at(walk.times())[0][:, :3, 3])
        if share < 0.05 or (between >= 0.5 * _CLEAR * room).all():
            return walk
        share *= 0.5  # at last it turns on the spot


def tilt_of(cameras: Cameras, middle: np.ndarray, up: np.ndarray) -> float:
    """How far above the horizon cameras stand that look at something, degrees: the usual, within 5 to 50."""
    away = cameras.centers - middle
    sine = away @ (up / np.linalg.norm(up)) / np.maximum(np.linalg.norm(away, axis=1), 1e-12)
    return float(np.clip(np.degrees(np.arcsin(np.clip(np.median(sine), -1.0, 1.0))), 5.0, 50.0))


def _roomiest(
    box: np.ndarray, up: np.ndarray, clearance: Clearance, eyes: np.ndarray | None
) -> tuple[np.ndarray, float]:
    """The place [3] at the height of the eyes that is farthest from everything, and how far it is."""
    right, ahead = _level_axes(up)
    axes = np.stack([right, ahead, up])
    corners = np.stack(np.meshgrid(*box.T, indexing="ij"), -1).reshape(-1, 3) @ axes.T
    low, high = corners.min(axis=0), corners.max(axis=0)
    seen = None if eyes is None else eyes[((eyes > box[0]) & (eyes < box[1])).all(axis=1)]
    if seen is None or not len(seen):
        seen, level = None, low[2] + 0.55 * (high[2] - low[2])
    else:
        level = float(np.median(seen @ up))
    cell = float((high - low).max()) / _CELLS
    x, y = (np.arange(low[k] + cell / 2, high[k], cell) for k in (0, 1))
    grid = np.stack(np.meshgrid(x, y, [level], indexing="ij"), axis=-1)[:, :, 0]
    points = grid @ axes
    values = clearance(points.reshape(-1, 3)).reshape(grid.shape[:2])
    values = np.where(((points > box[0]) & (points < box[1])).all(axis=2), values, -np.inf)
    parts, count = label(values > 0.0)
    if (
        count and seen is not None
    ):  # beyond the walls a field may say anything: where cameras stood is the room
        rows = (((seen @ axes.T)[:, :2] - low[:2]) / cell).astype(int)
        rows = np.minimum(rows, np.array(parts.shape) - 1)
        held = np.bincount(parts[rows[:, 0], rows[:, 1]], minlength=count + 1)[1:]
        if held.any():
            values = np.where(parts == 1 + held.argmax(), values, -np.inf)
    best = np.unravel_index(values.argmax(), values.shape)
    return points[best], max(float(values[best]), 0.0)


def _level_axes(up: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two unit axes [3] across `up` and each other, of the world's where up is one of them."""
    first = np.eye(3)[np.abs(up).argmin()]
    first = first - (first @ up) * up
    first = first / np.linalg.norm(first)
    return first, np.cross(up, first)
