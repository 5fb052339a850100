"""Aligned priors of a scene as maps to fuse, no finer than the volume can show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurfield.fusion import AlignedPriors
from neurfield.fusion.over_frames import over_frames
from neurfield.fusion.prior_views import to_be_looked_at
from neurfield.points.prior_maps import face_on, packed_normals, prior_normal_of, prior_of
from neurfield.scenes import Scene

FINER = 2.0  # pixels beside each other in a voxel, where the typical surface is; more say the same again


@dataclass(frozen=True)
class AlignedMaps:
    """Depth of F priors, every s-th pixel of every s-th row.

    Attributes:
        depth: [F, h, w] z-depth, world lengths, 0 = missing.
        weight: [F, h, w].
        normal: uint8 [F, h, w, 4], world axes, as `DepthViews` has them; None without prior normals.
        lens: float64 [F, 4], fx, fy, cx, cy in these pixels.
    """

    depth: Tensor
    weight: Tensor
    normal: Tensor | None
    lens: np.ndarray


def aligned_maps(scene: Scene, aligned: AlignedPriors, frames: np.ndarray, voxel: float) -> AlignedMaps:
    """The maps of some frames, read one after the other, so that memory holds no more than they take.

    Args:
        scene: pinhole cameras of one size, with a prior of every frame.
        aligned: what they mean.
        frames: int64 [F].
        voxel: world lengths, of the volume.
    """
    cameras = scene.cameras.select(frames)
    typical = aligned.typical_depth()
    stride = max(1, int(voxel * float(np.median(cameras.fx)) / (FINER * typical)))
    start = slice(stride // 2, None, stride)
    height, width = (len(range(int(size[0]))[start]) for size in (cameras.height, cameras.width))
    depth, weight = torch.zeros(2, len(frames), height, width)
    normal = None
    if "prior_normal" in scene.sources:
        normal = torch.zeros(len(frames), height, width, 4, dtype=torch.uint8)

    def fill(k: int) -> None:
        i = int(frames[k])
        log_depth = aligned.log_depth(i, prior_of(scene, i))
        flat = face_on(log_depth, float(scene.cameras.fx[i]))[start, start]
        depth[k] = log_depth[start, start].exp()
        valid = to_be_looked_at(scene, i)
        if valid is not None:
            depth[k] *= torch.from_numpy(np.ascontiguousarray(valid[start, start]))
        # What depth errs by grows with depth.
        weight[k] = torch.where(depth[k] > 0, (typical / depth[k].clamp_min(1e-6)).square() * flat, 0.0)
        if normal is not None:
            normal[k] = packed_normals(
                prior_normal_of(scene, i)[start, start], scene.cameras.world_from_cam[i]
            )

    over_frames(fill, range(len(frames)))
    lens = np.stack(
        [cameras.fx / stride, cameras.fy / stride, _place(cameras.cx, stride), _place(cameras.cy, stride)],
        axis=1,
    )
    return AlignedMaps(depth, weight, normal, lens)


def _place(place: np.ndarray, stride: int) -> np.ndarray:
    """A place in pixels, counted in pixels of which there is one for every `stride`: middles are at +0.5."""
    return (place - (stride // 2 + 0.5)) / stride + 0.5
