"""Matched depth beside aligned priors: where they contradict it, where it knows nothing, and other views."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from neurfield.fusion import AlignedPriors
from neurfield.fusion.over_frames import over_frames
from neurfield.points.depth_maps import DepthMaps, joined
from neurfield.points.prior_maps import face_on, prior_normal_of, prior_of
from neurfield.scenes import Scene
from neurfield.scenes.cover import covering_frames

PRIOR_WEIGHT, PRIOR_TRUST = 0.3, 0.5  # of a prior beside matched depth, at most, and how much its vote counts
SPREAD = 1.4826  # standard deviations in a median absolute deviation
# As far off as either of these, or in part as both, it is contradicted.
TURNED = 78.0  # degrees to the prior's normal
NEARER = 4.9  # times what matched depth and priors typically err by
MOST_OTHERS = 64  # views without a map take part, or as many as have one if that is more


def beside_priors(
    scene: Scene, frames: np.ndarray, maps: DepthMaps, shown: Tensor, aligned: AlignedPriors, others: bool
) -> tuple[DepthMaps, float]:
    """Maps without contradicted pixels, with priors where nothing is known by now; and the share that went.

    Beside an edge windows of two pictures look alike at the depth of what is in front, so that matched depth
    overlaps what is behind by some pixels. The prior tells: there it is farther, and its surface is turned
    otherwise. As sure as priors of views agree, they fill what is empty, and views without a map add theirs.

    Args:
        scene: whose priors they are.
        frames: int [n], the maps' frames in the scene.
        maps: of matched depth.
        shown: bool [n, h, w], pixels that may get depth.
        aligned: what the priors mean.
        others: whether views without a map take part.
    """
    typical, trusted = maps.typical_error(), aligned.trusted().numpy()
    size = tuple(maps.depth.shape[1:])

    def mended(k: int) -> tuple[DepthMaps, int]:
        own, i = maps.only(k), int(frames[k])
        if i not in trusted:
            return own, 0
        prior = _prior(scene, aligned, i, size, typical)
        wrong = contradicted(own, prior, aligned.disagreement)
        empty = wrong | (own.depth == 0) & shown[k]
        return own.with_others(empty & (prior.depth > 0), prior), int(wrong.sum())

    pairs = over_frames(mended, range(len(frames)))
    without = np.setdiff1d(trusted, frames) if others else np.zeros(0, np.int64)
    most = max(MOST_OTHERS, len(frames))
    if len(without) > most:
        without = without[covering_frames(scene.cameras.select(without), scene.box, most)]
    priors = over_frames(lambda i: _prior(scene, aligned, i, size, typical), without.tolist())
    share = sum(gone for _, gone in pairs) / max(1, int((maps.depth > 0).sum()))
    return joined([*(part for part, _ in pairs), *priors]), share


def contradicted(maps: DepthMaps, priors: DepthMaps, disagreement: float) -> Tensor:
    """Pixels whose depth priors contradict: bool [n, h, w].

    They are nearer than the prior by more than both err by, turned away from its normal, or some of both.
    What is farther may be what a network's blur covers.

    Args:
        maps: matched.
        priors: of the same views; pixels without a prior are not contradicted.
        disagreement: median |log ratio| of depth between the priors of views.
    """
    both = (maps.depth > 0) & (priors.depth > 0)
    depth = maps.depth.clamp_min(1e-30)
    errs = torch.hypot(maps.sigma / depth, torch.full_like(depth, disagreement)) * NEARER
    nearer = (priors.depth.clamp_min(1e-30) / depth).log().clamp_min(0.0) / errs.clamp_min(1e-9)
    normal = priors.normal / priors.normal.norm(dim=-1, keepdim=True).clamp_min(1e-9)
    known = (priors.normal != 0).any(dim=-1) & (maps.normal != 0).any(dim=-1)
    turned = (maps.normal * normal).sum(dim=-1).clamp(-1.0, 1.0).arccos().rad2deg() / TURNED
    return both & (nearer + torch.where(known, turned, 0.0) > 1.0)


def _prior(scene: Scene, aligned: AlignedPriors, i: int, size: tuple[int, ...], typical: float) -> DepthMaps:
    """One frame's prior as maps of a size; `typical`: what matched depth errs by, world lengths."""
    cameras, log_depth = scene.cameras, aligned.log_depth(i, prior_of(scene, i))
    flat = _resized(face_on(log_depth, float(cameras.fx[i])), size)
    depth = _resized(log_depth.exp_(), size)
    error = SPREAD * aligned.disagreement * depth
    weight = PRIOR_WEIGHT * flat * (typical / error.clamp_min(1e-30)).square().clamp_max(1.0)
    normal = torch.zeros(*size, 3)
    if "prior_normal" in scene.sources:
        axes = torch.from_numpy(np.array(prior_normal_of(scene, i), dtype=np.float32)).unbind(-1)
        normal = torch.stack([_resized(axis, size) for axis in axes], dim=-1)
    x, y = size[1] / float(cameras.width[i]), size[0] / float(cameras.height[i])
    lens = [cameras.fx[i] * x, cameras.fy[i] * y, cameras.cx[i] * x, cameras.cy[i] * y]
    return DepthMaps(
        depth[None], normal[None], torch.where(depth > 0, weight, 0.0)[None], error[None],
        PRIOR_TRUST * flat[None], cameras.world_from_cam[i : i + 1], np.array([lens]),
    )  # fmt: skip


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
