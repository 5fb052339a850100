"""Depth of a mesh as OpenGL draws it: the nearest face that looks at the camera, whatever stands behind."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import trimesh

from neurfield.evaluation.culling import PosedCameras, ray_scene

NEAR = 0.05  # m: what is nearer along the optical axis is not drawn (pyrender's plane)
_LAYERS = 16  # faces that look away, one before the other, which a ray passes at most
_PAST = 1e-5  # m, behind a face that a ray passes


class PinholeCameras(PosedCameras, Protocol):
    """What is needed of cameras to draw with; `neurfield.scenes.Cameras` has it."""

    @property
    def fx(self) -> np.ndarray: ...

    @property
    def fy(self) -> np.ndarray: ...

    @property
    def cx(self) -> np.ndarray: ...

    @property
    def cy(self) -> np.ndarray: ...

    @property
    def world_from_cam(self) -> np.ndarray: ...


class DepthRenderer:
    """Draws the depth of a mesh from cameras without distortion, through embree.

    Args:
        mesh: whose faces are seen from where their corners run counter-clockwise.
        cameras: pixel centres at +0.5.
    """

    def __init__(self, mesh: trimesh.Trimesh, cameras: PinholeCameras) -> None:
        self._cameras = cameras
        # Rays are single precision: far from the origin they would be coarse.
        self._origin = np.asarray(mesh.vertices).mean(axis=0)
        vertices = np.asarray(mesh.vertices) - self._origin
        faces = np.asarray(mesh.faces)
        self._scene = ray_scene(vertices, faces)
        a, b, c = (vertices[faces[:, k]].astype(np.float32) for k in range(3))
        self._across = np.cross(b - a, c - a)
        self._corner = a

    def depth(self, i: int) -> np.ndarray:
        """z-depth float32 [h,w] that camera i sees, 0 where it sees nothing."""
        camera = self._cameras
        width, height = int(camera.width[i]), int(camera.height[i])
        x = (np.arange(width) + 0.5 - camera.cx[i]) / camera.fx[i]
        y = (np.arange(height) + 0.5 - camera.cy[i]) / camera.fy[i]
        rays = np.stack([*np.broadcast_arrays(x[None], y[:, None]), np.ones((height, width))], axis=-1)
        pose = camera.world_from_cam[i]
        directions = (rays.reshape(-1, 3) @ pose[:3, :3].T).astype(np.float32)
        center = (pose[:3, 3] - self._origin).astype(np.float32)
        z = np.zeros(len(directions), dtype=np.float32)
        rest, start = np.arange(len(directions)), np.full(len(directions), NEAR, dtype=np.float32)
        for _ in range(_LAYERS):
            if not len(rest):
                break
            along = directions[rest]
            found = self._scene.run(center + start[rest, None] * along, along, output=True)
            hit = found["primID"] >= 0
            face = found["primID"][hit]
            # Lengths along a ray of z = 1 are z-depths.
            reached = start[rest[hit]] + found["tfar"][hit]
            towards = np.einsum("ki,ki->k", self._across[face], along[hit]) < 0
            z[rest[hit][towards]] = reached[towards]
            rest, passed = rest[hit][~towards], reached[~towards]
            start[rest] = passed + _PAST * (1.0 + passed)
        return z.reshape(height, width)
