"""A walk through a room with a camera in the hand: two rounds, looking across, around, up and down."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline

from neurfield.scenes.room.design import Walk

# Clearance asked for (metres), and what the smooth curve aims at so that the trembling hand keeps it.
CLEARANCE = 0.35
_AIM = 0.43
_LOWEST, _HIGHEST = 1.22, 1.68
_ROUNDS = 2
_KNOTS = 480


def walk(
    bounds: np.ndarray, keep_out: np.ndarray, route: Walk, frames: int | None = None, seed: int = 0
) -> np.ndarray:
    """Poses world_from_cam [n,4,4] float64 (OpenCV axes), z up, evenly spread over a route's walk.

    The camera stays CLEARANCE away from walls and furniture.

    Args:
        bounds: [2,3], the room between its walls, metres.
        keep_out: [k,2,3], boxes of furniture, metres.
        frames: how many; by default the route's own number.

    Raises:
        ValueError: the room leaves no such way.
    """
    rng = np.random.default_rng(seed)
    frames = frames or route.frames
    curve = _clear_curve(bounds, keep_out, route.wall_gap)
    t = (np.arange(frames) + 0.5) / frames
    positions = _along(curve, t) + 0.012 * _tremble(t, 3, rng)
    short = CLEARANCE - clearance(positions, bounds, keep_out).min()
    if short > 0:
        raise ValueError(
            f"the walk comes {short:.2f} m too near to a wall or a piece of furniture: leave more free floor"
        )
    yaw, pitch, roll = _gaze(t, positions, bounds.mean(axis=0), route, rng)
    return _poses(positions, yaw, pitch, roll)


def free_places(bounds: np.ndarray, keep_out: np.ndarray, tries: int, rng: np.random.Generator) -> np.ndarray:
    """Places [n <= tries,3] where the camera could be held, spread at random."""
    low = np.append(bounds[0, :2], bounds[0, 2] + _LOWEST)
    high = np.append(bounds[1, :2], bounds[0, 2] + _HIGHEST)
    places = rng.uniform(low, high, (tries, 3))
    return places[clearance(places, bounds, keep_out) >= CLEARANCE]


def clearance(points: np.ndarray, bounds: np.ndarray, keep_out: np.ndarray) -> np.ndarray:
    """Distance [k] of points [k,3] to the nearest wall or box, in metres; 0 inside a box or behind a wall."""
    wall = np.minimum(points - bounds[0], bounds[1] - points).min(axis=1)
    gaps = _gaps(points, keep_out)
    return np.minimum(np.maximum(wall, 0), np.linalg.norm(gaps, axis=-1).min(axis=1, initial=np.inf))


def _gaps(points: np.ndarray, keep_out: np.ndarray) -> np.ndarray:
    """Vectors [k,b,3] from the nearest point of each box to each point; zero inside."""
    boxes = np.asarray(keep_out, np.float64).reshape(-1, 2, 3)
    return points[:, None] - np.clip(points[:, None], boxes[:, 0], boxes[:, 1])


def _clear_curve(bounds: np.ndarray, keep_out: np.ndarray, wall_gap: float) -> np.ndarray:
    """A closed smooth curve of _ROUNDS rounds [n,3] that keeps _AIM metres from everything where it can."""
    centre, half = bounds.mean(axis=0), 0.5 * (bounds[1] - bounds[0])
    phase = np.arange(_KNOTS) / _KNOTS * 2 * np.pi
    angle = phase * _ROUNDS
    # Rounded rectangles: the first round runs near the walls, the second nearer to the middle.
    corner = (np.abs(np.cos(angle)) ** 4 + np.abs(np.sin(angle)) ** 4) ** -0.25
    reach = np.maximum(half[:2] - wall_gap, 0.05) * (corner * (0.8 + 0.2 * np.cos(phase)))[:, None]
    height = bounds[0, 2] + 0.5 * (_LOWEST + _HIGHEST) + 0.2 * np.sin(5 * phase + 0.7)
    ideal = np.column_stack([centre[:2] + reach * np.stack([np.cos(angle), np.sin(angle)], axis=1), height])
    low = np.append(bounds[0, :2] + _AIM, bounds[0, 2] + _LOWEST)
    high = np.append(bounds[1, :2] - _AIM, bounds[0, 2] + _HIGHEST)
    curve = ideal.copy()
    for _ in range(500):
        between = 0.5 * (np.roll(curve, 1, 0) + np.roll(curve, -1, 0))
        curve += 0.4 * (between - curve) + 0.02 * (ideal - curve)
        gaps = _gaps(curve, keep_out)
        distance = np.linalg.norm(gaps, axis=-1, keepdims=True)
        push = np.maximum(_AIM - distance, 0) * gaps / np.maximum(distance, 1e-9)
        curve = np.clip(curve + 0.8 * push.sum(axis=1), low, high)
    return curve


def _along(curve: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Points [n,3] at parts t [n] of the length of a closed curve [k,3]."""
    closed = np.concatenate([curve, curve[:1]])
    length = np.append(0, np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1)))
    return np.stack([np.interp(t * length[-1], length, axis) for axis in closed.T], axis=1)


def _gaze(
    t: np.ndarray, positions: np.ndarray, centre: np.ndarray, route: Walk, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Yaw, pitch (up is positive) and roll [n] in radians along the walk t [n] in 0..1."""
    across = np.unwrap(np.arctan2(centre[1] - positions[:, 1], centre[0] - positions[:, 0]))
    keys = np.linspace(0, 1, len(route.turn))
    turn, tilt = (np.radians(CubicSpline(keys, table)(t)) for table in (route.turn, route.tilt))
    shake = _tremble(t, 3, rng)
    return across + turn + 0.02 * shake[:, 0], tilt + 0.015 * shake[:, 1], 0.018 * shake[:, 2]


def _tremble(t: np.ndarray, channels: int, rng: np.random.Generator) -> np.ndarray:
    """The unrest of a hand: sums of waves of many lengths, about -1..1: [n, channels]."""
    waves = np.array([9, 14, 23, 31, 41])
    phases = rng.random((channels, len(waves)))
    values = np.sin(2 * np.pi * (t[:, None, None] * waves + phases)) / np.sqrt(waves / waves[0])
    return values.sum(axis=-1) / 2.5


def _poses(positions: np.ndarray, yaw: np.ndarray, pitch: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """World-from-camera matrices [n,4,4] from positions and angles."""
    forward = np.stack([np.cos(pitch) * np.cos(yaw), np.cos(pitch) * np.sin(yaw), np.sin(pitch)], axis=1)
    right = np.stack([np.sin(yaw), -np.cos(yaw), np.zeros_like(yaw)], axis=1)
    down = np.cross(forward, right)
    c, s = np.cos(roll)[:, None], np.sin(roll)[:, None]
    poses = np.tile(np.eye(4), (len(positions), 1, 1))
    poses[:, :3, 0] = c * right + s * down
    poses[:, :3, 1] = -s * right + c * down
    poses[:, :3, 2] = forward
    poses[:, :3, 3] = positions
    return poses
