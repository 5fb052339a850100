"""What the depth of a scene says together, before the first step: a volume to start from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.fusion import AlignedPriors, FusedVolume, align_priors, fuse_depth
from neurfield.fusion.prior_views import to_be_looked_at
from neurfield.points.aligned_maps import aligned_maps
from neurfield.points.fuse_stereo import StereoDepth, fuse_stereo
from neurfield.points.sure_points import sure_points
from neurfield.rays import UnitFrame
from neurfield.scenes import Scene
from neurfield.scenes.box import box_around_cameras

SENSOR_VOXELS, PRIOR_VOXELS = 864, 192  # along the box's longest side
SENSOR_TRUNCATION = 4.0  # voxels
PRIOR_TRUNCATION = 0.12  # of the typical depth: more than twice what networks err by, so that views meet
SENSOR_BAND, PRIOR_BAND = 0.95, 0.5  # of the truncation, within which voxels are points to fit
FADE = 0.67  # of the band; points of priors and of stereo that far from the surface count less
HULL_WEIGHT = 0.05  # of points on an object's hull where nothing was matched
STEREO_NORMALS = 0.5  # how much normals of stereo count; they scatter by 10 degrees and more


@dataclass(frozen=True)
class VolumePoints:
    """N points with their SDF, and E centres of cubes known to be free, in unit coordinates.

    Attributes:
        points: [N, 3].
        sdf: [N] unit lengths, positive in free space.
        weight: [N].
        normal: [N, 3] unit, world axes, or None.
        normal_weight: [N], or None.
        band: unit lengths, in which the SDF's error is counted.
        free: [E, 3].
        free_half: half the edge of the free cubes.
        words: what was fused, for people.
        unknown: [U, 3], centres of cubes of the same size that are neither free nor near a surface.
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
    unknown: Tensor | None = None

    @property
    def voxel(self) -> float:
        """Edge of the voxels whose centres the points are, unit lengths."""
        return self.free_half / 4.0

    def draw(self, count: int, generator: torch.Generator | None) -> Tensor:
        """Indices [count] of random points."""
        return torch.randint(len(self.points), (count,), generator=generator, device=self.points.device)

    def draw_free(self, count: int, generator: torch.Generator | None) -> Tensor:
        """Random points [count, 3] inside free cubes; none if no cube is known to be free."""
        device = self.free.device
        if not len(self.free):
            return torch.zeros(0, 3, device=device)
        index = torch.randint(len(self.free), (count,), generator=generator, device=device)
        jitter = 2.0 * torch.rand(count, 3, generator=generator, device=device) - 1.0
        return self.free[index] + self.free_half * jitter


def aligned_priors(
    scene: Scene, box: list[float], seed: int, stereo: StereoDepth | None = None
) -> AlignedPriors | None:
    """What the priors of a scene mean, where nothing better is known and they can be aligned; else None.

    They can where images have one size and cameras no distortion. The same scene, box and seed give the same
    bits, whatever box the scene has by now.

    Args:
        scene: whose priors they are.
        box: that somebody chose, xmin ymin zmin xmax ymax zmax (world); empty: around the cameras.
        seed: of the fit.
        stereo: depth matched between the scene's pictures; priors are held to its sure pixels.

    Raises:
        UserError: no image agrees with the others.
    """
    needed = "prior_depth" in scene.sources and not _senses_depth(scene) and len(scene) > 1
    if not needed or not _can_fuse(scene):
        return None
    around = np.array(box).reshape(2, 3) if box else box_around_cameras(scene.cameras)
    known = None if stereo is None else sure_points(stereo, scene.cameras)
    aligned = align_priors(scene, around, seed, known)
    if not len(aligned.trusted()):
        raise UserError(
            f"{scene.path}: the prior depth maps of no two views agree: check the axes of the poses and that "
            "priors grow with depth, or leave them out with --set data.prior_depth=false"
        )
    return aligned


def fuse_scene(
    scene: Scene,
    voxel: float,
    frame: UnitFrame,
    device: torch.device,
    aligned: AlignedPriors | None,
    stereo: StereoDepth | None = None,
) -> VolumePoints | None:
    """Fuse the best that is known of depth; None where there is nothing to fuse.

    That is the sensed depth; else what was matched between the pictures, with the aligned priors where
    nothing was; else the priors. Depth of sensors and priors is not fused where images differ in size, or
    cameras have distortion.

    Args:
        scene: whose depth it is.
        voxel: world lengths; 0: of the box's longest side / 864, for stereo / 384, for priors / 192.
        frame: the unit coordinates.
        device: of the points.
        aligned: what `aligned_priors` gives.
        stereo: depth of the scene's frames matched between the pictures.
    """
    longest = 2.0 * frame.half
    if _senses_depth(scene) and _can_fuse(scene):
        volume, words = _fuse_sensor(scene, voxel or longest / SENSOR_VOXELS)
        return _points(volume, SENSOR_BAND * volume.truncation, None, frame, device, words)
    if stereo is not None:
        volume, words = fuse_stereo(scene, stereo, aligned, voxel, longest)
        band = PRIOR_BAND * volume.truncation
        return _points(volume, band, FADE * band, frame, device, words, STEREO_NORMALS)
    if aligned is None:
        return None
    volume, words = _fuse_priors(scene, aligned, voxel or longest / PRIOR_VOXELS)
    band = PRIOR_BAND * volume.truncation
    return _points(volume, band, FADE * band, frame, device, words)


def _senses_depth(scene: Scene) -> bool:
    return bool({"depth", "sensor_depth"} & scene.sources)


def _can_fuse(scene: Scene) -> bool:
    cameras = scene.cameras
    same = len(set(zip(cameras.width.tolist(), cameras.height.tolist()))) == 1
    return cameras.distortion is None and same


def _fuse_sensor(scene: Scene, voxel: float) -> tuple[FusedVolume, str]:
    exact = "depth" in scene.sources
    maps = [_valid(scene, i, scene.depth(i, "exact" if exact else "noisy")) for i in range(len(scene))]
    depth = torch.from_numpy(np.stack([m for m in maps if m is not None]))
    frames = np.array([i for i, m in enumerate(maps) if m is not None])
    # An exact map is as fine as its pixels are on the surface; a sensor's noise grows with the square of
    # depth (axial noise of structured light: Nguyen, Izadi and Lovell 2012, Eq. 1, in metres).
    deviation = depth if exact else 0.0012 + 0.0019 * (depth - 0.4).square()
    weight = _inverse_square(deviation, depth)
    cameras = scene.cameras.select(frames)
    lens = np.stack([cameras.fx, cameras.fy, cameras.cx, cameras.cy], axis=1)
    truncation = SENSOR_TRUNCATION * voxel
    volume = fuse_depth(
        depth, weight, None, cameras.world_from_cam, lens, scene.box, voxel, truncation,
        sigma=None if exact else deviation,
    )  # fmt: skip
    return volume, f"{len(frames)} depth maps fused at {voxel:.3g}"


def _fuse_priors(scene: Scene, aligned: AlignedPriors, voxel: float) -> tuple[FusedVolume, str]:
    frames = aligned.trusted().numpy()
    maps = aligned_maps(scene, aligned, frames, voxel)
    some = maps.depth.flatten()[::97]
    truncation = PRIOR_TRUNCATION * float(some[some > 0].median())
    volume = fuse_depth(
        maps.depth, maps.weight, maps.normal, scene.cameras.world_from_cam[frames], maps.lens, scene.box,
        voxel, truncation,
    )  # fmt: skip
    words = (
        f"{len(frames)} of {len(scene)} prior depth maps (views differ by "
        f"{100.0 * aligned.disagreement:.1f} %) fused at {voxel:.3g}; aligned with {aligned.words()}"
    )
    return volume, words


def _points(
    volume: FusedVolume,
    band: float,
    spread: float | None,
    frame: UnitFrame,
    device: torch.device,
    words: str,
    normals: float = 1.0,
) -> VolumePoints | None:
    """Voxels as points of the unit coordinates; with `spread`, those far from the surface count less."""
    near = volume.surface_points(band)
    weight, normal_weight = near.weight, near.normal_weight
    if spread is not None:
        fade = torch.exp(-0.5 * (near.distance / spread).square())
        weight = weight * fade
        normal_weight = None if normal_weight is None else normals * normal_weight * fade
    points, distance, normal = near.points, near.distance, near.normal
    if volume.hull is not None:
        count = len(volume.hull.points)
        points, distance = (
            torch.cat([points, volume.hull.points]),
            torch.cat([distance, volume.hull.distance]),
        )
        weight = torch.cat([weight, torch.full((count,), HULL_WEIGHT)])
        if normal is not None and normal_weight is not None:
            normal = torch.cat([normal, torch.zeros(count, 3)])
            normal_weight = torch.cat([normal_weight, torch.zeros(count)])
    if not len(points):
        return None
    centre = torch.tensor(frame.centre, dtype=torch.float64)  # world coordinates may be far from zero

    def on_device(tensor: Tensor | None) -> Tensor | None:
        return None if tensor is None else tensor.to(device)

    points, sdf = ((points - centre) / frame.half).float(), distance / frame.half
    free = ((volume.free - centre) / frame.half).float().to(device)
    unknown = ((volume.unknown - centre) / frame.half).float().to(device)
    return VolumePoints(
        points.to(device), sdf.to(device), weight.to(device), on_device(normal),
        on_device(normal_weight),
        band / frame.half, free, 4.0 * volume.voxel / frame.half, words, unknown,
    )  # fmt: skip


def _inverse_square(deviation: Tensor, depth: Tensor) -> Tensor:
    """Weights [F, h, w] of about 1, 0 where there is no depth."""
    typical = deviation.flatten()[::97].median().clamp_min(1e-9)
    return torch.where(depth > 0, (typical / deviation.clamp_min(1e-6)).square(), torch.zeros_like(depth))


def _valid(scene: Scene, i: int, depth: np.ndarray | None) -> np.ndarray | None:
    """Depth [h, w] of frame i, 0 where its mask says that the picture is not to be looked at."""
    valid = to_be_looked_at(scene, i)
    return depth if depth is None or valid is None else np.where(valid, depth, depth.dtype.type(0))
