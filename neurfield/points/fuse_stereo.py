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
from neurfield.fusion.prior_views import to_be_looked_at
from neurfield.points.prior_maps import face_on, packed_normals, prior_normal_of, prior_of
from neurfield.scenes import Scene

VOXELS = 384  # along the box's longest side, unless depth errs by more
LEAST_TRUNCATION, TRUNCATION = 4.0, 3.0  # voxels; typical standard deviations
ERROR_PIXELS = 1.5  # z / f that depth errs by, where the maps do not say: 0.4 pixels, views 10 degrees apart
PRIOR_TRUST = 0.5  # how much a prior's vote counts
SPREAD = 1.4826  # standard deviations in a median absolute deviation


class StereoDepth(Protocol):
    """Depth of n pictures, as stereo gives it; a map is as large as its picture, or smaller.

    Attributes:
        depth: float32 [n, h, w], z-depth, world lengths, 0 = nothing known.
        normal: float32 [n, h, w, 3], units in camera axes that face the camera.
        confidence: float32 [n, h, w] in 0..1.
    """

    @property
    def depth(self) -> Tensor: ...

    @property
    def normal(self) -> Tensor: ...

    @property
    def confidence(self) -> Tensor: ...


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

    Outside an object's masks nothing is; where nothing was matched inside them, its hull is kept.

    Args:
        scene: whose pictures were matched.
        stereo: a map for each of its frames.
        aligned: what its priors mean; they fill in where nothing was matched.
        voxel: world lengths; 0: of the box's longest side / 384, or what depth errs by if that is more.
        longest: the box's longest side, world lengths.

    Raises:
        UserError: the maps are not those of the scene's frames.
    """
    n, height, width = stereo.depth.shape
    if n != len(scene):
        raise UserError(
            f"{scene.path}: stereo has {n} depth maps, but {len(scene)} frames are to be fitted: "
            "match the scene again"
        )
    cameras = scene.cameras
    scale = np.stack([width / cameras.width, height / cameras.height], axis=1)
    lens = np.stack([cameras.fx, cameras.fy, cameras.cx, cameras.cy], axis=1) * np.tile(scale, 2)
    outline = _outlines(scene, height, width)
    maps = _stereo_maps(scene, stereo, torch.as_tensor(lens[:, 0], dtype=torch.float32), outline)
    matched = maps.depth > 0
    voxel = voxel or max(longest / VOXELS, _typical(maps.sigma, matched))
    truncation = max(LEAST_TRUNCATION * voxel, TRUNCATION * _typical(maps.sigma, matched))
    words = f"{n} stereo depth maps, {100.0 * float(matched.float().mean()):.0f} % of their pixels matched,"
    if aligned is not None:
        maps = _filled(scene, maps, aligned, lens)
        words += f" with {len(aligned.trusted())} priors where nothing was,"
    normals = [packed_normals(m.numpy(), pose) for m, pose in zip(maps.normal, cameras.world_from_cam)]
    volume = fuse_depth(
        maps.depth, maps.weight, torch.stack(normals), cameras.world_from_cam, lens, scene.box, voxel,
        truncation,
        sigma=maps.sigma, trust=maps.trust, outline=outline, robust=True,
    )  # fmt: skip
    return volume, f"{words} fused at {voxel:.3g}"


def _stereo_maps(scene: Scene, stereo: StereoDepth, focal: Tensor, outline: Tensor | None) -> _Maps:
    size = stereo.depth.shape[1:]
    confidence = torch.where(stereo.depth > 0, stereo.confidence.clamp(0.0, 1.0), 0.0)
    for i in range(len(scene)):
        valid = to_be_looked_at(scene, i)
        if valid is not None:
            confidence[i] *= _resized(torch.from_numpy(valid.astype(np.float32)), size) > 0.5
    if outline is not None:
        confidence[outline > 0] = 0.0
    depth = torch.where(confidence > 0, stereo.depth, 0.0)
    sigma = getattr(stereo, "sigma", None)
    if sigma is None:
        sigma = ERROR_PIXELS * depth / focal[:, None, None]
    return _Maps(depth, stereo.normal, confidence, sigma, confidence)


def _filled(scene: Scene, maps: _Maps, aligned: AlignedPriors, lens: np.ndarray) -> _Maps:
    """The maps with aligned priors where they know nothing: as sure as the priors of views agree."""
    depth, normal, weight, sigma, trust = (
        t.clone() for t in (maps.depth, maps.normal, maps.weight, maps.sigma, maps.trust)
    )
    typical = _typical(maps.sigma, maps.depth > 0)
    size = depth.shape[1:]
    for i in aligned.trusted().tolist():
        prior = aligned.depth(i, prior_of(scene, i))
        flat = _resized(face_on(prior[None], scene.cameras.fx[i : i + 1])[0], size)
        valid = to_be_looked_at(scene, i)
        if valid is not None:
            flat = flat * (_resized(torch.from_numpy(valid.astype(np.float32)), size) > 0.5)
        z = _resized(prior, size)
        empty = (depth[i] == 0) & (flat > 0) & (z > 0)
        error = SPREAD * aligned.disagreement * z
        depth[i][empty], sigma[i][empty] = z[empty], error[empty]
        weight[i][empty] = (flat * (typical / error).square().clamp_max(1.0))[empty]
        trust[i][empty] = PRIOR_TRUST * flat[empty]
        turned = torch.zeros_like(normal[i])
        if "prior_normal" in scene.sources:
            turned = _resized_normal(scene, i, size)
        normal[i][empty] = turned[empty]
    return _Maps(depth, normal, weight, sigma, trust)


def _outlines(scene: Scene, height: int, width: int) -> Tensor | None:
    """Pixels to an object's outline [n, h, w], positive off it; None where masks say nothing of one."""
    if "mask" not in scene.sources or scene.mask_says != "object":
        return None
    maps = []
    for i in range(len(scene)):
        mask = scene.mask(i)
        if mask is None:  # all of the picture may show the object
            maps.append(torch.full((height, width), -float(np.hypot(height, width))))
            continue
        small = _resized(torch.from_numpy(mask.astype(np.float32)), (height, width)) > 0.5
        maps.append(torch.from_numpy(outline_distance(small.numpy())))
    return torch.stack(maps)


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
