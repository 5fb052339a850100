"""How alike a small patch of one picture looks where a plane at a guessed depth puts it in other pictures."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.reference import patch_scores as reference

NOWHERE = reference.NOWHERE  # the score of a patch that leaves a picture or lies behind its camera
MOST_RADIUS = 5


@dataclass(frozen=True)
class PatchViews:
    """n grey pictures with their pinhole cameras.

    Args:
        images: [n, h, w], sides of at least 2.
        lens: [n, 4] fx, fy, cx, cy in pixels, pixel centres at +0.5.
        turns: [n, 3, 3] world from camera, OpenCV axes.
        centers: [n, 3] of the cameras, world.

    Raises:
        ValueError: a shape does not fit; names it.
    """

    images: Tensor
    lens: Tensor
    turns: Tensor
    centers: Tensor

    def __post_init__(self) -> None:
        if self.images.ndim != 3 or min(self.images.shape[1:]) < 2:
            raise ValueError(f"PatchViews: images must be [n, h, w], got {list(self.images.shape)}")
        n = len(self.images)
        for name, shape in {"lens": (n, 4), "turns": (n, 3, 3), "centers": (n, 3)}.items():
            if tuple(getattr(self, name).shape) != shape:
                raise ValueError(
                    f"PatchViews: {name} must be {list(shape)}, got {list(getattr(self, name).shape)}"
                )


@torch.no_grad()
def patch_scores(
    views: PatchViews,
    first: Tensor,
    uv: Tensor,
    normal: Tensor,
    depth: Tensor,
    second: Tensor,
    *,
    radius: int = 3,
    spacing: float = 1.0,
    noise: float = 0.0,
) -> Tensor:
    """Normalised cross-correlation of patches, float [N, V, D].

    `NOWHERE` where a patch leaves its picture, NaN where it touches a pixel that is NaN.

    The patch around a pixel is carried by the homography of the plane through its point at each depth
    (Hartley and Zisserman 2004, Eq. 13.2) and read there, bilinear.

    Args:
        first: int64 [N], the picture of each pixel.
        uv: [N, 2] in pixels, centres at +0.5.
        normal: [N, 3] of the planes, in that camera's axes, either sign.
        depth: [N, D] z-depths to try.
        second: int64 [N, V], the pictures to compare with.
        radius: the patch has (2 radius + 1)^2 pixels, `spacing` apart.
        spacing: in pixels of the first picture.
        noise: deviation of a picture's values that says nothing; it lowers the score of patches that are
            plainer than that.

    Raises:
        ValueError: shapes disagree, a picture is named that is not there, or radius is not 1 to 5.
    """
    n, count = len(views.images), len(first)
    if not 1 <= radius <= MOST_RADIUS:
        raise ValueError(f"patch_scores: radius must be 1 to {MOST_RADIUS}, got {radius}")
    for name, tensor, shape in (
        ("uv", uv, (count, 2)), ("normal", normal, (count, 3)), ("depth", depth, (count, depth.shape[-1])),
        ("second", second, (count, second.shape[-1])),
    ):  # fmt: skip
        if tuple(tensor.shape) != shape:
            raise ValueError(f"patch_scores: {name} must be {list(shape)}, got {list(tensor.shape)}")
    for name, index in (("first", first), ("second", second)):
        if index.numel() and not 0 <= int(index.min()) <= int(index.max()) < n:
            raise ValueError(f"patch_scores: {name} names a picture that is not among the {n}")
    cameras = (views.images, views.lens, views.turns, views.centers)
    tensors = [t.contiguous() for t in (*cameras, first, uv, normal, depth, second)]
    kernels = native.kernels(*tensors, needs="fusion_patch_scores")
    if kernels is None:
        return reference.patch_scores(
            *cameras, first, uv, normal, depth, second, radius=radius, spacing=spacing, noise=noise
        )
    scores = torch.empty(count, second.shape[1], depth.shape[1])
    kernels.fusion_patch_scores(*tensors, radius, spacing, noise, scores)
    return scores
