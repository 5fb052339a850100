"""Priors of a scene as maps that can be fused."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from neurfield.scenes import Scene

RAMP = 6  # pixels over which the slope of a prior is taken
STEEP = 2.0  # tangent of the angle between a surface and the picture at which a prior counts half


def face_on(depth: Tensor, focal: np.ndarray) -> Tensor:
    """Weights [F, h, w] of about 1 where depth [F, h, w] changes slowly over the picture.

    They are small at its edges: there a network draws a ramp between what is in front and what is behind, and
    neither is where the ramp is. They are 0 where depth is 0, which is none, and beside that.
    """
    log_z, reach = depth.log(), RAMP // 2
    slope = torch.zeros(2, *depth.shape)
    slope[0, :, :, reach:-reach] = (log_z[:, :, 2 * reach :] - log_z[:, :, : -2 * reach]) / (2 * reach)
    slope[1, :, reach:-reach] = (log_z[:, 2 * reach :] - log_z[:, : -2 * reach]) / (2 * reach)
    per_tangent = (torch.as_tensor(focal, dtype=torch.float32) / STEEP).square()
    weights = 1.0 / (1.0 + (slope[0].square() + slope[1].square()) * per_tangent[:, None, None])
    return torch.where(depth > 0, weights.nan_to_num(0.0), torch.zeros_like(weights))


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
