"""Which way is up, as the cameras tell it."""

from __future__ import annotations

import numpy as np

_SNAP_DEGREES = 30.0
_TURNED_SHARE = 0.02  # of the x axes' squares across their main direction: they turned by 10 degrees
_TILTED_DEGREES = 60.0


def up_direction(world_from_cam: np.ndarray) -> np.ndarray:
    """Up as people hold cameras, from poses [n,4,4]: unit [3] in the world, on an axis if near one."""
    mean = -np.asarray(world_from_cam)[:, :3, 1].mean(axis=0)
    if np.linalg.norm(mean) < 0.1:  # every way up: nothing to be learnt from the cameras
        return np.array([0.0, 0.0, 1.0])
    up = mean / np.linalg.norm(mean)
    axis = int(np.abs(up).argmax())
    if abs(up[axis]) > np.cos(np.radians(_SNAP_DEGREES)):
        snapped = np.zeros(3)
        snapped[axis] = np.sign(up[axis])
        return snapped
    return up


def level_up(world_from_cam: np.ndarray) -> np.ndarray:
    """Up in a world whose axes mean nothing, from poses [n,4,4] of upright pictures: unit [3].

    People tilt cameras up and down and hardly roll them, so up is what all cameras' x axes are across to:
    the least eigenvector of the sum of x x^T, on the side of the cameras' mean up. The mean itself where the
    cameras did not turn, or where the two are far apart.
    """
    poses = np.asarray(world_from_cam, dtype=np.float64)
    mean = -poses[:, :3, 1].mean(axis=0)
    if np.linalg.norm(mean) < 0.1:
        return up_direction(poses)
    mean /= np.linalg.norm(mean)
    across = poses[:, :3, 0]
    shares, vectors = np.linalg.eigh(across.T @ across / len(across))
    up = vectors[:, 0] * np.sign(vectors[:, 0] @ mean)
    turned = shares[1] > _TURNED_SHARE
    return up if turned and up @ mean > np.cos(np.radians(_TILTED_DEGREES)) else mean
