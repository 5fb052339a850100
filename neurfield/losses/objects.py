"""Losses on the distances of several objects, the least of which is the scene's."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy, cross_entropy

from neurfield.ops.compositing import (
    accumulate_along_rays,
    composite,
    render_transmittance_from_alpha,
)

LEAST, MOST = 1e-4, 1.0 - 1e-4  # of an opacity whose entropy is asked (ObjectSDF++)


def semantic_logits(distances: Tensor, sharpness: float) -> Tensor:
    """gamma sigmoid(-gamma d) of distances, unit lengths (ObjectSDF, Wu et al. 2022, Eq. 5).

    Args:
        distances: of any shape.
        sharpness: gamma, one over unit lengths.
    """
    return sharpness * torch.sigmoid(-sharpness * distances)


def rendered_entropy(
    logits: Tensor, alpha: Tensor, packed_info: Tensor, index: Tensor, valid: Tensor
) -> Tensor:
    """Mean cross entropy of logits that are rendered with the scene's weights (ObjectSDF, Sec. 3.3).

    Args:
        logits: [S, K] of the samples of R rays.
        alpha: [S] of the scene, in 0..1.
        packed_info: int64 [R, 2], which samples are a ray's.
        index: int64 [R] in 0..K-1, which object the pixel shows.
        valid: bool [R], which pixels count.
    """
    rendered, _, _ = composite(alpha, logits, packed_info)
    entropy = cross_entropy(rendered, index, reduction="none")
    return (entropy * valid).sum() / valid.sum().clamp_min(1)


def object_opacities(alpha: Tensor, object_alpha: Tensor, packed_info: Tensor) -> Tensor:
    """Opacities [R, K] of objects behind what the scene has before them, each as if it were alone.

    O_k = sum_i T_i a_ki, T_i the scene's transmittance before a sample (ObjectSDF++, Wu et al. 2023, Eq. 7).

    Args:
        alpha: [S] of the scene, in 0..1.
        object_alpha: [S, K] of each object by itself, in 0..1.
        packed_info: int64 [R, 2], which samples are a ray's.
    """
    before = render_transmittance_from_alpha(alpha, packed_info=packed_info)
    return accumulate_along_rays(before, object_alpha, packed_info=packed_info)


def opacity_entropy(opacity: Tensor, index: Tensor, valid: Tensor) -> Tensor:
    """Mean binary cross entropy of opacities [R, K] against which object [R] a pixel shows (ObjectSDF++).

    Args:
        opacity: [R, K]; more than one counts as one.
        index: int64 [R] in 0..K-1.
        valid: bool [R], which pixels count.
    """
    target = torch.nn.functional.one_hot(index, opacity.shape[1]).to(opacity.dtype)
    entropy = binary_cross_entropy(opacity.clamp(LEAST, MOST).nan_to_num(0.5), target, reduction="none")
    # NaN, which the entropy would end the program on, stays NaN and is noticed as other losses' is.
    return (entropy.mean(dim=1) * valid).sum() / valid.sum().clamp_min(1) + 0.0 * opacity.sum()


def overlap(distances: Tensor) -> Tensor:
    """Mean over points of sum over k of relu(-d_k - d_least), but for the k whose is the least.

    Where the least is negative, no other may be less than its size; where all are positive, it is zero
    (ObjectSDF++, Wu et al. 2023, Eq. 9; the least carries no gradient there).

    Args:
        distances: [P, K], unit lengths.
    """
    if not len(distances):
        return distances.sum()
    least, owner = distances.detach().min(dim=1, keepdim=True)
    beyond = torch.relu(-distances - least)
    return (beyond.sum(dim=1) - beyond.gather(1, owner)[:, 0]).mean()


def around(distances: Tensor, target: Tensor, band: float) -> Tensor:
    """How far distances at points of free space are from what is known of them, relative to it.

    The mean over points and known objects of |d_k - target| / (target + band).

    Args:
        distances: [P, K], unit lengths.
        target: [P, K], unit lengths; infinite where it is not known.
        band: unit lengths, by which what is near counts less.
    """
    known = target.isfinite()
    target = torch.where(known, target, 0.0)
    error = (distances - target).abs() / (target + band)
    return (error * known).sum() / known.sum().clamp_min(1)


def too_near(distances: Tensor, target: Tensor, band: float, share: float) -> Tensor:
    """How far distances at points of free space are below a share of what is known of them, relative to it.

    The mean over points and known objects of relu(share target - d_k) / (target + band).

    Args:
        distances: [P, K], unit lengths.
        target: [P, K], unit lengths; infinite where it is not known.
        band: unit lengths, by which what is near counts less.
        share: of the target.
    """
    known = target.isfinite()
    target = torch.where(known, target, 0.0)
    error = torch.relu(share * target - distances) / (target + band)
    return (error * known).sum() / known.sum().clamp_min(1)


def owned(distances: Tensor, index: Tensor, target: Tensor, weight: Tensor, band: float) -> Tensor:
    """How far points near a surface are from being the object's that pictures show there, in bands.

    The object's distance ought to be `target`, all others' at least the size of it. The mean over points of
    |d_k - target| + sum over other j of relu(|target| - d_j).

    Args:
        distances: [P, K], unit lengths.
        index: int64 [P], which object it is; below 0: not known, the point does not count.
        target: [P] signed distance to the surface, unit lengths.
        weight: [P].
        band: the unit of the errors, unit lengths.
    """
    counted = weight * (index >= 0)
    own = distances.gather(1, index.clamp_min(0)[:, None])
    missing = torch.relu(target.abs()[:, None] - distances).sum(dim=1)
    missing = missing - torch.relu(target.abs()[:, None] - own)[:, 0]
    error = (own[:, 0] - target).abs() + missing
    return (error * counted).sum() / (band * counted.sum().clamp_min(1e-9))
