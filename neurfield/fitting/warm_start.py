"""What the depth of a scene says together, before the first step: a volume to start from and to hold on
to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurfield.config import Config
from neurfield.fusion import FusedVolume, align_priors, fuse_depth
from neurfield.rendering.rays import UnitFrame
from neurfield.scenes import Scene

SENSOR_VOXELS, PRIOR_VOXELS = 512, 192  # along the box's longest side
SENSOR_TRUNCATION = 4.0  # voxels
PRIOR_TRUNCATION = 0.12  # of the typical depth: more than twice what networks err by, so that views meet
SENSOR_BAND, PRIOR_BAND = 0.95, 0.5  # of the truncation, within which voxels are points to fit
LEAST_INLIERS = 0.25  # of an image's pixels; below it the image was not aligned and stays out


@dataclass(frozen=True)
class VolumePoints:
    """N points of the unit frame with their SDF, and E centres of cubes known to be free.

    points: [N, 3]. sdf, weight: [N]. normal: [N, 3] and normal_weight: [N], or None. band: unit lengths; the
    SDF's error is counted in it. free: [E, 3], free_half: half the edge of their cubes. words: what was
    fused, for people.
    """

    points: Tensor
    sdf: Tensor
    weight: Tensor
    normal: Tensor | None
    normal_weight: Tensor | None
    band: float
    free: Tensor
    free_half: float
    words: str

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Indices [count] of random points."""
        return torch.randint(len(self.points), (count,), generator=generator, device=self.points.device)

    def draw_free(self, count: int, generator: torch.Generator) -> Tensor:
        """Random points [count, 3] inside free cubes; none if no cube is known to be free."""
        device = self.free.device
        if not len(self.free):
            return torch.zeros(0, 3, device=device)
        chosen = torch.randint(len(self.free), (count,), generator=generator, device=device)
        jitter = 2.0 * torch.rand(count, 3, generator=generator, device=device) - 1.0
        return self.free[chosen] + self.free_half * jitter


def warm_start(scene: Scene, config: Config, frame: UnitFrame, device: torch.device) -> VolumePoints | None:
    """Fuse the sensed depth, or the priors once aligned with each other; None where there is nothing to fuse.

    Nothing is fused either where `config.warm.start` is "off", where images differ in size, or where cameras
    have distortion.
    """
    cameras = scene.cameras
    same = len(set(zip(cameras.width.tolist(), cameras.height.tolist()))) == 1
    if config.warm.start == "off" or cameras.distortion is not None or not same:
        return None
    longest = 2.0 * frame.half
    if {"depth", "sensor_depth"} & scene.sources:
        volume, words = _fuse_sensor(scene, config.warm.voxel or longest / SENSOR_VOXELS)
        band, spread = SENSOR_BAND * volume.truncation, None
    elif "prior_depth" in scene.sources:
        volume, words = _fuse_priors(scene, config.warm.voxel or longest / PRIOR_VOXELS, config.seed)
        band = PRIOR_BAND * volume.truncation
        spread = 0.67 * band
    else:
        return None
    return _points(volume, band, spread, frame, device, words)


def _fuse_sensor(scene: Scene, voxel: float) -> tuple[FusedVolume, str]:
    exact = "depth" in scene.sources
    maps = [_valid(scene, i, scene.depth(i, "exact" if exact else "noisy")) for i in range(len(scene))]
    depth = torch.from_numpy(np.stack([m for m in maps if m is not None]))
    frames = np.array([i for i, m in enumerate(maps) if m is not None])
    # An exact map is as fine as its pixels are on the surface; a sensor's noise grows with the square of
    # depth (axial noise of structured light: Nguyen, Izadi and Lovell 2012, Eq. 1, in metres).
    deviation = depth if exact else 0.0012 + 0.0019 * (depth - 0.4).square()
    weight = _inverse_square(deviation, depth)
    volume = _fuse(scene, frames, depth, weight, None, voxel, SENSOR_TRUNCATION * voxel)
    return volume, f"{len(frames)} depth maps fused at {voxel:.3g}"


def _fuse_priors(scene: Scene, voxel: float, seed: int) -> tuple[FusedVolume, str]:
    aligned = align_priors(scene, seed)
    frames = (aligned.inliers >= LEAST_INLIERS).nonzero()[:, 0].numpy()
    priors = [aligned.depth(i, _prior(scene, i)).numpy() for i in frames.tolist()]
    depth = torch.stack([torch.as_tensor(_valid(scene, i, z)) for i, z in zip(frames.tolist(), priors)])
    normal = None
    if "prior_normal" in scene.sources:
        normal = torch.stack([_packed_normals(scene, i) for i in frames.tolist()])
    truncation = PRIOR_TRUNCATION * float(depth.flatten()[::97].median())
    volume = _fuse(scene, frames, depth, _inverse_square(depth, depth), normal, voxel, truncation)
    words = (
        f"{len(frames)} of {len(scene)} prior depth maps aligned (views differ by "
        f"{100.0 * aligned.disagreement:.1f} %) and fused at {voxel:.3g}"
    )
    return volume, words


def _fuse(
    scene: Scene,
    frames: np.ndarray,
    depth: Tensor,
    weight: Tensor,
    normal: Tensor | None,
    voxel: float,
    truncation: float,
) -> FusedVolume:
    cameras = scene.cameras.select(frames)
    intrinsics = np.stack([cameras.fx, cameras.fy, cameras.cx, cameras.cy], axis=1)
    return fuse_depth(
        depth, weight, normal, cameras.world_from_cam, intrinsics, scene.box, voxel, truncation
    )  # fmt: skip


def _points(
    volume: FusedVolume, band: float, spread: float | None, frame: UnitFrame, device: torch.device, words: str
) -> VolumePoints | None:
    """Voxels as points of the unit frame; with `spread`, those far from the surface count less."""
    near = volume.surface_points(band)
    if not len(near.points):
        return None
    weight, normal_weight = near.weight, near.normal_weight
    if spread is not None:
        fade = torch.exp(-0.5 * (near.distance / spread).square())
        weight = weight * fade
        normal_weight = None if normal_weight is None else normal_weight * fade
    centre = torch.tensor(frame.centre, dtype=torch.float64)  # world coordinates may be far from zero

    def moved(tensor: Tensor | None) -> Tensor | None:
        return None if tensor is None else tensor.to(device)

    points, sdf = ((near.points - centre) / frame.half).float(), near.distance / frame.half
    free = ((volume.free - centre) / frame.half).float().to(device)
    return VolumePoints(
        points.to(device), sdf.to(device), weight.to(device), moved(near.normal), moved(normal_weight),
        band / frame.half, free, 4.0 * volume.voxel / frame.half, words,
    )  # fmt: skip


def _inverse_square(deviation: Tensor, depth: Tensor) -> Tensor:
    """Weights [F, h, w] of about 1, 0 where there is no depth."""
    typical = deviation.flatten()[::97].median().clamp_min(1e-9)
    return torch.where(depth > 0, (typical / deviation.clamp_min(1e-6)).square(), torch.zeros_like(depth))


def _valid(scene: Scene, i: int, depth: np.ndarray | None) -> np.ndarray | None:
    """Depth [h, w] of frame i, 0 where its mask says that the picture is not to be looked at."""
    valid = scene.mask(i) if scene.mask_says == "valid" else None
    return depth if depth is None or valid is None else np.where(valid, depth, depth.dtype.type(0))


def _prior(scene: Scene, i: int) -> np.ndarray:
    prior = scene.prior_depth(i)
    assert prior is not None  # the scene was checked to have one for each frame
    return prior


def _packed_normals(scene: Scene, i: int) -> Tensor:
    """uint8 [h, w, 4]: 127.5 (n + 1) in world axes; unknown normals become nearly zero vectors."""
    normal = scene.prior_normal(i)
    assert normal is not None
    turned = normal.reshape(-1, 3) @ scene.cameras.world_from_cam[i, :3, :3].T.astype(np.float32)
    packed = np.zeros((*normal.shape[:2], 4), np.uint8)
    packed[..., :3] = np.clip(127.5 * (turned + 1.0) + 0.5, 0, 255).reshape(normal.shape)
    return torch.from_numpy(packed)
