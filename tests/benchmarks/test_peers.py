"""Fusion puts the surface where the depth says, in the world, to a fraction of a voxel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import trimesh

from benchmarks import object_render, peers
from neurfield.errors import UserError
from neurfield.scenes.cameras import Cameras

BOX = np.array([[0.3, -0.5, 0.75], [0.5, -0.3, 0.9]])
SCALE, SHIFT = 2.5, -0.4


@dataclass
class DepthScene:
    """As much of a scene as fusion asks for: a red box, exact depth, a prior under one scale and shift."""

    cameras: Cameras
    depths: np.ndarray
    has_depth: bool = True
    path: Path = Path("box")

    def image(self, i: int) -> np.ndarray:
        return np.broadcast_to(np.array([200, 30, 10], dtype=np.uint8), (*self.depths[i].shape, 3))

    def depth(self, i: int, kind: str = "exact") -> np.ndarray | None:
        return self.depths[i] if self.has_depth and kind == "exact" else None

    def prior_depth(self, i: int) -> np.ndarray:
        return ((self.depths[i] - SHIFT) / SCALE).astype(np.float32)


@pytest.fixture(scope="module")
def scene() -> DepthScene:
    cameras = object_render.orbit_cameras(BOX, n=20, size=96)
    box = trimesh.creation.box(bounds=BOX)
    v, u = np.mgrid[0:96, 0:96]
    uv = np.stack([u, v], axis=-1).reshape(-1, 2) + 0.5
    depths = np.zeros((len(cameras), 96 * 96), dtype=np.float32)
    for i in range(len(cameras)):
        origins, directions, z_per_t = cameras.rays(np.full(len(uv), i), uv)
        points, ray, _ = box.ray.intersects_location(origins, directions, multiple_hits=False)
        depths[i, ray] = np.linalg.norm(points - origins[ray], axis=1) * z_per_t[ray]
    return DepthScene(cameras, depths.reshape(-1, 96, 96))


def off_surface(mesh: trimesh.Trimesh) -> np.ndarray:
    """Signed distance of each vertex to the box, positive outside."""
    outside = np.abs(mesh.vertices - BOX.mean(axis=0)) - (BOX[1] - BOX[0]) / 2
    return np.linalg.norm(np.maximum(outside, 0), axis=1) + np.minimum(outside.max(axis=1), 0)


def test_fusion_finds_the_surface_without_a_half_pixel_shift(scene: DepthScene) -> None:
    pytest.importorskip("open3d")
    voxel = 0.004
    mesh, seconds = peers.tsdf_fusion(scene, voxel)
    assert seconds > 0 and len(mesh.faces) > 1000
    # A pixel is 4 mm here. Half of one, the wrong way, lifts top and bottom alike by 1.6 mm.
    inner = (abs(mesh.vertices - BOX.mean(axis=0))[:, :2] < 0.3 * (BOX[1] - BOX[0])[:2]).all(axis=1)
    heights = mesh.vertices[inner, 2]
    bottom, top = (np.median(heights[abs(heights - side) < voxel]) for side in BOX[:, 2])
    assert abs((bottom + top) / 2 - BOX[:, 2].mean()) < 0.0005
    assert np.median(abs(off_surface(mesh))) < 0.1 * voxel
    assert abs(np.asarray(mesh.visual.vertex_colors)[:, :3].mean(axis=0) - [200, 30, 10]).max() < 2


def test_aligned_priors_fuse_to_the_same_surface(scene: DepthScene) -> None:
    pytest.importorskip("open3d")
    mesh, _ = peers.tsdf_from_priors(scene, 0.008, trunc=0.032)
    assert np.median(abs(off_surface(mesh))) < 0.001


def test_alignment_recovers_metres_and_leaves_no_negative_depth() -> None:
    rng = np.random.default_rng(0)
    exact = rng.uniform(0.5, 4, (20, 30)).astype(np.float32)
    prior = (exact - SHIFT) / SCALE
    exact[:5] = 0  # not measured: the prior still says something there
    aligned = peers.align_to(prior, exact)
    assert np.allclose(aligned[5:], exact[5:], atol=1e-5) and (aligned[:5] > 0).all()
    prior[0, 0], prior[0, 1] = -100, np.nan
    assert (peers.align_to(prior, exact)[0, :2] == 0).all()


def test_missing_depth_is_said_with_frame_and_remedy(scene: DepthScene) -> None:
    pytest.importorskip("open3d")
    with pytest.raises(UserError, match="frame 0 has no noisy depth"):
        peers.tsdf_fusion(scene, 0.01, kind="noisy")
