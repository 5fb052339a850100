"""Priors of a scene as maps that can be fused."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from neurfield.scenes import Scene

RAMP = 6  # pixels over which the slope of a prior is taken
STEEP = 2.0  # tangent of the angle between a surface and the picture at which a prior counts half


def face_on(log_depth: Tensor, focal: float) -> Tensor:
    """Weights [h, w] of about 1 where depth, whose logarithm is [h, w], changes slowly over the picture.

    They are small at its edges: there a network draws a ramp between what is in front and what is behind, and
    neither is where the ramp is. They are 0 where there is no depth (-inf), and beside that.
    """
    reach = RAMP // 2
    squares = torch.zeros_like(log_depth)
    for axis, inner in ((1, squares[:, reach:-reach]), (0, squares[reach:-reach])):
        n = log_depth.shape[axis]
        if n > 2 * reach:
            after, before = (log_depth.narrow(axis, start, n - 2 * reach) for start in (2 * reach, 0))
            inner += (after - before).square_()
    per_tangent = (focal / STEEP / (2 * reach)) ** 2
    weights = squares.mul_(per_tangent).add_(1.0).reciprocal_().nan_to_num_(0.0)
    return torch.where(log_depth.isfinite(), weights, torch.zeros_like(weights))


def prior_of(scene: Scene, i: int) -> np.ndarray:
    """The prior depth [h, w] of frame i, which has one because it was aligned, as its file has it."""
    prior = scene.prior_depth(i)
    assert prior is not None
    return prior


def prior_normal_of(scene: Scene, i: int) -> np.ndarray:
    """The prior normal [h, w, 3], camera axes, of frame i; 0 where unknown, and all over without a file."""
    normal = scene.prior_normal(i)
    if normal is None:
        return np.zeros((int(scene.cameras.height[i]), int(scene.cameras.width[i]), 3), np.float32)
    return normal


def packed_normals(normal: np.ndarray, world_from_cam: np.ndarray) -> Tensor:
    """Normals [h, w, 3] in camera axes as uint8 [h, w, 4]: 127.5 (n + 1) in world axes.

    Unknown normals become nearly zero vectors.
    """
    turned = normal.reshape(-1, 3) @ world_from_cam[:3, :3].T.astype(np.float32)
    packed = np.zeros((*normal.shape[:2], 4), np.uint8)
    packed[..., :3] = np.clip(127.5 * (turned + 1.0) + 0.5, 0, 255).reshape(normal.shape)
    return torch.from_numpy(packed)
