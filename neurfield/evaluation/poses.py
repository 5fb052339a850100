"""How far poses are off the true ones."""

from __future__ import annotations

import numpy as np


def pose_errors(poses: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far poses are off once the whole is moved, turned and scaled onto the truth.

    Args:
        poses: world_from_cam [n,4,4].
        true: likewise.

    Returns:
        Degrees [n], and the distance of the centres [n], world.
    """
    a, b = poses[:, :3, 3], true[:, :3, 3]
    # Cameras that look all ways fix the turn better than their places alone (Umeyama 1991).
    x, y = a - a.mean(axis=0), b - b.mean(axis=0)
    u, s, vt = np.linalg.svd(y.T @ x)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    turn = u @ np.diag(signs) @ vt
    scale = float((s * signs).sum() / np.square(x).sum())
    off = turn @ poses[:, :3, :3] @ np.swapaxes(true[:, :3, :3], 1, 2)
    cosine = np.clip((np.trace(off, axis1=1, axis2=2) - 1.0) / 2.0, -1.0, 1.0)
    return np.degrees(np.arccos(cosine)), np.linalg.norm(scale * x @ turn.T - y, axis=1)
