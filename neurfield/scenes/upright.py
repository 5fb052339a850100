"""Which way is up, as the cameras tell it."""

from __future__ import annotations

import numpy as np

_SNAP_DEGREES = 30.0


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
