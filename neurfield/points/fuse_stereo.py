"""Depth matched between photographs, made one volume; where nothing was matched, aligned priors fill in."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.fusion import AlignedPriors, FusedVolume, fuse_depth
from neurfield.fusion.hull import outline_distance
from neurfield.points.beside_priors import beside_priors
from neurfield.points.depth_maps import DepthMaps
from neurfield.points.prior_maps import packed_normals
from neurfield.scenes import Cameras, Scene
from neurfield.stereo import Flag

VOXELS = 384  # along the box's longest side, unless depth errs by more
FEW = 3.0  # % of the pixels: right poses match more, shuffled ones 1
LEAST_TRUNCATION, TRUNCATION = 4.0, 3.0  # voxels; typical standard deviations
ERROR_PIXELS = 1.5  # z / f that sure depth errs by: 0.4 pixels, three views 10 degrees apart
LEAST_SURE = 0.1  # depth of less confidence errs by no more; depth of as much votes in full


class StereoDepth(Protocol):
    """Depth of n frames of a scene matched between its pictures, as `nf.stereo.StereoMaps` holds it.

    Attributes:
        frames: int64 [n], which frames of the scene.
        cameras: pinhole cameras of the maps, n of them.
        depth: float32 [n, h, w], z-depth, world lengths, 0 = nothing known.
        normal: float32 [n, h, w, 3], units in camera axes that face the camera.
        confidence: float32 [n, h, w] in 0..1; 1 = as sure as the middle of the matched pixels.
        flags: uint8 [n, h, w], `nf.stereo.Flag`.
    """

    @property
    def frames(self) -> np.ndarray: ...

    @property
    def cameras(self) -> Cameras: ...

    @property
    def depth(self) -> Tensor: ...

    @property
    def normal(self) -> Tensor: ...

    @property
    def confidence(self) -> Tensor: ...

    @property
    def flags(self) -> Tensor: ...


def fuse_stereo(
    scene: Scene, stereo: StereoDepth, aligned: AlignedPriors | None, voxel: float, longest: float
) -> tuple[FusedVolume, str]:
    """The volume of stereo depth, and what was fused, in words.

    Off an object's masks nothing is; where nothing was matched inside them, its hull is kept.

    Args:
        scene: whose pictures were matched.
        stereo: their depth.
        aligned: what its priors mean; they fill in where nothing was matched.
        voxel: world lengths; 0: of the box's longest side / 384, or what depth errs by if that is more.
        longest: the box's longest side, world lengths.

    Raises:
        UserError: the maps are of frames that the scene does not have.
    """
    if len(stereo.frames) and int(stereo.frames.max()) >= len(scene):
        raise UserError(
            f"{scene.path}: stereo has depth of frame {int(stereo.frames.max())}, but the scene has "
            f"{len(scene)}: match the scene again"
        )
    maps = _stereo_maps(stereo)
    typical, matched = maps.typical_error(), int((maps.depth > 0).sum())
    voxel = voxel or max(longest / VOXELS, typical)
    truncation = max(LEAST_TRUNCATION * voxel, TRUNCATION * typical)
    shown = stereo.flags != Flag.BACKGROUND
    share = 100.0 * matched / max(1, int(shown.sum()))
    doubt = ", hardly any: poses or lenses may be wrong, or pictures too plain" if share < FEW else ""
    words = f"{len(maps.depth)} stereo depth maps ({share:.0f} % of their pixels matched{doubt})"
    outlines = _outlines(scene, shown)
    if aligned is not None:
        maps, gone = beside_priors(scene, stereo.frames, maps, shown, aligned, others=outlines is None)
        priors = f"{len(aligned.trusted())} priors where nothing was"
        words += f" and {priors}, or they contradict it ({100.0 * gone:.0f} %)"
    normals = [packed_normals(m.numpy(), pose) for m, pose in zip(maps.normal, maps.world_from_cam)]
    volume = fuse_depth(
        maps.depth, maps.weight, torch.stack(normals), maps.world_from_cam, maps.lens, scene.box, voxel,
        truncation,
        sigma=maps.sigma, trust=maps.trust, outline=outlines, robust=True,
    )  # fmt: skip
    return volume, f"{words} fused at {voxel:.3g}"


def _stereo_maps(stereo: StereoDepth) -> DepthMaps:
    cameras = stereo.cameras
    focal = torch.as_tensor(cameras.fx, dtype=torch.float32)
    lens = np.stack([cameras.fx, cameras.fy, cameras.cx, cameras.cy], axis=1)
    shown = (stereo.depth > 0) & (stereo.flags != Flag.BACKGROUND)
    confidence = torch.where(shown, stereo.confidence.clamp(0.0, 1.0), 0.0)
    depth = torch.where(confidence > 0, stereo.depth, 0.0)
    sigma = ERROR_PIXELS * depth / focal[:, None, None] / confidence.clamp_min(LEAST_SURE).sqrt()
    # How exact depth is, sigma says. Few look into a hollow, and with less sure depth: they must be heard.
    trust = (confidence / LEAST_SURE).clamp_max(1.0)
    return DepthMaps(depth, stereo.normal, confidence, sigma, trust, cameras.world_from_cam, lens)


def _outlines(scene: Scene, shown: Tensor) -> Tensor | None:
    """Pixels to an object's outline [n, h, w], positive off it; None where masks say nothing of one."""
    if "mask" not in scene.sources or scene.mask_says != "object":
        return None
    return torch.stack([torch.from_numpy(outline_distance(mask.numpy())) for mask in shown])
