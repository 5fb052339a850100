"""A bare room, and cameras in it."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from neurfield.scenes import Cameras


@pytest.fixture(scope="session")
def room() -> trimesh.Trimesh:
    """Walls, floor and ceiling of 5 x 4 x 2.5 m, in triangles of about 20 cm."""
    box = trimesh.creation.box((5.0, 4.0, 2.5))
    return trimesh.Trimesh(*trimesh.remesh.subdivide_to_size(box.vertices, box.faces, 0.3))


@pytest.fixture(scope="session")
def cameras() -> Cameras:
    """Twelve cameras near the middle of the room, looking all around, up and down."""
    poses = []
    for turn in np.linspace(0, 2 * np.pi, 12, endpoint=False):
        forward = np.array([np.cos(turn), np.sin(turn), 0.6 * np.sin(3 * turn + 0.3)])
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, [0, 0, 1.0])
        right /= np.linalg.norm(right)
        pose = np.eye(4)
        pose[:3] = np.stack([right, np.cross(forward, right), forward, 0.4 * forward], axis=1)
        poses.append(pose)
    return Cameras(np.stack(poses), 50.0, 50.0, 50.0, 50.0, 100, 100)
