"""A walk through a room with a camera in the hand: two rounds, one looking across the room, one at what is near."""

from __future__ import annotations

import numpy as np

# Clearance asked for (metres), and what the smooth curve aims at so that the trembling hand keeps it.
CLEARANCE = 0.35
_AIM = 0.43
_LOWEST, _HIGHEST = 1.2, 1.7
# Points of one round while it is drawn out of the furniture's way.
_KNOTS = 240
_ROUNDS = 2


def walk(bounds: np.ndarray, keep_out: np.ndarray, frames: int, seed: int = 0) -> np.ndarray:
    """Poses world_from_cam [frames,4,4] float64 (OpenCV axes), z up, evenly spread over the walk.

    bounds [2,3] the room between its walls, keep_out [k,2,3] boxes of furniture, metres: the camera stays CLEARANCE away from
    both. Raises ValueError when the room leaves no such way.
    """
    rng = np.random.default_rng(seed)
    curve = _clear_curve(bounds, keep_out)
    t = (np.arange(frames) + 0.5) / frames
    at = t * len(curve)
    positions = np.stack([np.interp(at, np.arange(len(curve) + 1), np.append(axis, axis[0])) for axis in curve.T], 1)
    positions += 0.012 * _tremble(t, 3, rng)
    short = CLEARANCE - clearance(positions, bounds, keep_out).min()
    if short > 0:
        raise ValueError(f"the walk comes {short:.2f} m too near to a wall or a piece of furniture: leave more free floor")
    yaw, pitch, roll = _gaze(t, positions, bounds.mean(axis=0), rng)
    return _poses(positions, yaw, pitch, roll)


def clearance(points: np.ndarray, bounds: np.ndarray, keep_out: np.ndarray) -> np.ndarray:
    """Distance [k] of points [k,3] to the nearest wall or box, in metres; 0 inside a box or behind a wall."""
    wall = np.minimum(points - bounds[0], bounds[1] - points).min(axis=1)
    gaps = _gaps(points, keep_out)
    return np.minimum(np.maximum(wall, 0), np.linalg.norm(gaps, axis=-1).min(axis=1, initial=np.inf))


def _gaps(points: np.ndarray, keep_out: np.ndarray) -> np.ndarray:
    """Vectors [k,b,3] from the nearest point of each box to each point; zero inside."""
    boxes = np.asarray(keep_out, np.float64).reshape(-1, 2, 3)
    return points[:, None] - np.clip(points[:, None], boxes[:, 0], boxes[:, 1])


def _clear_curve(bounds: np.ndarray, keep_out: np.ndarray) -> np.ndarray:
    """A closed smooth curve of _ROUNDS rounds [n,3] that keeps _AIM metres from everything where it can."""
    centre, half = bounds.mean(axis=0), 0.5 * (bounds[1] - bounds[0])
    n = _KNOTS * _ROUNDS
    phase = np.arange(n) / n * 2 * np.pi
    angle = phase * _ROUNDS
    # The first round runs near the walls, where a glance across takes in most; the second nearer to the middle.
    reach = np.maximum(half[:2] - 0.6, 0.05) * (0.72 + 0.28 * np.cos(phase))[:, None]
    flat = centre[:2] + reach * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    height = bounds[0, 2] + 0.5 * (_LOWEST + _HIGHEST) + 0.17 * np.sin(3 * phase + 0.7)
    curve = np.column_stack([flat, height])
    low, high = bounds[0, :2] + _AIM, bounds[1, :2] - _AIM
    for _ in range(400):
        curve[:, :2] += 0.4 * (0.5 * (np.roll(curve, 1, 0) + np.roll(curve, -1, 0)) - curve)[:, :2]
        curve[:, :2] += 0.02 * (flat - curve[:, :2])
        gaps = _gaps(curve, keep_out)
        distance = np.linalg.norm(gaps, axis=-1)
        # Sideways only: a camera at arm's length above a table is as far from it as it needs to be.
        sideways = gaps[..., :2] / np.maximum(np.linalg.norm(gaps[..., :2], axis=-1, keepdims=True), 1e-9)
        push = np.maximum(_AIM - distance, 0)[..., None] * sideways
        curve[:, :2] += 0.5 * push.sum(axis=1)
        curve[:, :2] = np.clip(curve[:, :2], low, high)
    return curve


def _gaze(
    t: np.ndarray, positions: np.ndarray, centre: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Yaw, pitch (up is positive) and roll [n] in radians along the walk t [n] in 0..1."""
    outward = np.unwrap(np.arctan2(positions[:, 1] - centre[1], positions[:, 0] - centre[0]))
    # Half a turn away from the middle of the room on the second round, and back at its end.
    turned = np.pi * (_step((t - 0.5) / 0.08) - _step((t - 0.97) / 0.06))
    swing = np.radians(38) * np.sin(2 * np.pi * 5 * t)
    yaw = outward + np.pi + turned + swing
    pitch = np.radians(-17 + 15 * np.sin(2 * np.pi * 7 * t + 1.0))
    shake = _tremble(t, 3, rng)
    return yaw + 0.02 * shake[:, 0], pitch + 0.015 * shake[:, 1], 0.018 * shake[:, 2]


def _step(x: np.ndarray) -> np.ndarray:
    """A smooth step from 0 (x <= -1/2) to 1 (x >= 1/2)."""
    x = np.clip(x + 0.5, 0, 1)
    return x * x * (3 - 2 * x)


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
