"""Depth matched between photographs, made one volume; where nothing was matched, aligned priors fill in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from neurfield.errors import UserError
from neurfield.fusion import AlignedPriors, FusedVolume, fuse_depth
from neurfield.fusion.hull import outline_distance
from neurfield.points.prior_maps import face_on, packed_normals, prior_normal_of, prior_of
from neurfield.scenes import Cameras, Scene
from neurfield.stereo import Flag

VOXELS = 384  # along the box's longest side, unless depth errs by more
FEW = 3.0  # % of the pixels: right poses match more, shuffled ones 1
LEAST_TRUNCATION, TRUNCATION = 4.0, 3.0  # voxels; typical standard deviations
ERROR_PIXELS = 1.5  # z / f that sure depth errs by: 0.4 pixels, three views 10 degrees apart
LEAST_SURE = 0.1  # depth of less confidence errs by no more; depth of as much votes in full
PRIOR_WEIGHT, PRIOR_TRUST = 0.3, 0.5  # of a prior beside matched depth, at most, and how much its vote counts
SPREAD = 1.4826  # standard deviations in a median absolute deviation


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


@dataclass(frozen=True)
class _Maps:
    """What is fused: all [n, h, w], normals [n, h, w, 3] in camera axes."""

    depth: Tensor
    normal: Tensor
    weight: Tensor
    sigma: Tensor
    trust: Tensor


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
    cameras = stereo.cameras
    lens = np.stack([cameras.fx, cameras.fy, cameras.cx, cameras.cy], axis=1)
    maps = _stereo_maps(stereo, torch.as_tensor(cameras.fx, dtype=torch.float32))
    matched = maps.depth > 0
    voxel = voxel or max(longest / VOXELS, _typical(maps.sigma, matched))
    truncation = max(LEAST_TRUNCATION * voxel, TRUNCATION * _typical(maps.sigma, matched))
    shown = stereo.flags != Flag.BACKGROUND
    share = 100.0 * float(matched.sum()) / max(1, int(shown.sum()))
    doubt = ", hardly any: poses or lenses may be wrong, or pictures too plain" if share < FEW else ""
    words = f"{len(maps.depth)} stereo depth maps ({share:.0f} % of their pixels matched{doubt})"
    if aligned is not None:
        maps = _filled(scene, stereo.frames, maps, shown, aligned)
        words += f" and {len(aligned.trusted())} priors where nothing was"
    normals = [packed_normals(m.numpy(), pose) for m, pose in zip(maps.normal, cameras.world_from_cam)]
    volume = fuse_depth(
        maps.depth, maps.weight, torch.stack(normals), cameras.world_from_cam, lens, scene.box, voxel,
        truncation,
        sigma=maps.sigma, trust=maps.trust, outline=_outlines(scene, shown), robust=True,
    )  # fmt: skip
    return volume, f"{words} fused at {voxel:.3g}"


def _stereo_maps(stereo: StereoDepth, focal: Tensor) -> _Maps:
    shown = (stereo.depth > 0) & (stereo.flags != Flag.BACKGROUND)
    confidence = torch.where(shown, stereo.confidence.clamp(0.0, 1.0), 0.0)
    depth = torch.where(confidence > 0, stereo.depth, 0.0)
    sigma = ERROR_PIXELS * depth / focal[:, None, None] / confidence.clamp_min(LEAST_SURE).sqrt()
    # How exact depth is, sigma says. Few look into a hollow, and with less sure depth: they must be heard.
    trust = (confidence / LEAST_SURE).clamp_max(1.0)
    return _Maps(depth, stereo.normal, confidence, sigma, trust)


def _filled(scene: Scene, frames: np.ndarray, maps: _Maps, shown: Tensor, aligned: AlignedPriors) -> _Maps:
    """The maps with aligned priors where they know nothing: as sure as the priors of views agree."""
    depth, normal, weight, sigma, trust = (
        t.clone() for t in (maps.depth, maps.normal, maps.weight, maps.sigma, maps.trust)
    )
    typical = _typical(maps.sigma, maps.depth > 0)
    size, trusted = depth.shape[1:], set(aligned.trusted().tolist())
    for k, i in enumerate(frames.tolist()):
        if i not in trusted:
            continue
        log_depth = aligned.log_depth(i, prior_of(scene, i))
        flat = _resized(face_on(log_depth, float(scene.cameras.fx[i])), size)
        z = _resized(log_depth.exp_(), size)
        empty = (depth[k] == 0) & shown[k] & (z > 0)
        error = SPREAD * aligned.disagreement * z
        depth[k][empty], sigma[k][empty] = z[empty], error[empty]
        weight[k][empty] = (PRIOR_WEIGHT * flat * (typical / error).square().clamp_max(1.0))[empty]
        trust[k][empty] = PRIOR_TRUST * flat[empty]
        turned = torch.zeros_like(normal[k])
        if "prior_normal" in scene.sources:
            turned = _resized_normal(scene, i, size)
        normal[k][empty] = turned[empty]
    return _Maps(depth, normal, weight, sigma, trust)


def _outlines(scene: Scene, shown: Tensor) -> Tensor | None:
    """Pixels to an object's outline [n, h, w], positive off it; None where masks say nothing of one."""
    if "mask" not in scene.sources or scene.mask_says != "object":
        return None
    return torch.stack([torch.from_numpy(outline_distance(mask.numpy())) for mask in shown])


def _resized(map_: Tensor, size: tuple[int, ...]) -> Tensor:
    """A map [h, w] averaged over, or drawn between, the pixels of another size."""
    if map_.shape == torch.Size(size):
        return map_
    smaller = size[0] < map_.shape[0]
    found = (
        interpolate(map_[None, None], size, mode="area")
        if smaller
        else interpolate(map_[None, None], size, mode="bilinear", align_corners=False)
    )
    return found[0, 0]


def _resized_normal(scene: Scene, i: int, size: tuple[int, ...]) -> Tensor:
    axes = torch.from_numpy(np.array(prior_normal_of(scene, i), dtype=np.float32)).unbind(-1)
    return torch.stack([_resized(axis, size) for axis in axes], dim=-1)


def _typical(values: Tensor, chosen: Tensor) -> float:
    """The median of some values, 0 for none."""
    some = values[chosen][::97]
    return float(some.median()) if len(some) else 0.0
