"""Depth maps into a sparse truncated signed distance field (Curless and Levoy 1996).

Space is kept in bricks of 8^3 voxels, with running means inside them: brick (a, b, c) holds voxels 8a to
8a + 7 along the first axis. Voxels live in a frame of their own: world axes, the origin at the low corner of
a box; voxel (i, j, k) has its centre at (i + 0.5, j + 0.5, k + 0.5) * voxel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.reference import depth_fusion as reference

EDGE = 8  # voxels along a brick
AGREEING = 2.0  # votes that it takes to call a place free


@dataclass(frozen=True)
class DepthViews:
    """F depth maps and where they were taken from.

    Args:
        depth: [F, h, w] z-depth, 0 = nothing known.
        weight: [F, h, w], how far each is to be trusted, or None for 1.
        normal: uint8 [F, h, w, 4], 127.5 (n + 1) of unit normals in the axes of the voxels, the last byte to
            spare, or None.
        cam_from_grid: [F, 3, 4], rigid, OpenCV axes.
        intrinsics: [F, 4] fx, fy, cx, cy in pixels, pixel centres at +0.5.
        sigma: [F, h, w], standard deviation of depth, or None where it is not known.
        trust: [F, h, w] in 0..1, how much a pixel's vote on what is free counts, or None for 1.
        outline: [F, h, w], pixels to the outline of an object, positive off the object; None without masks.

    Raises:
        ValueError: a shape does not fit; names it.
    """

    depth: Tensor
    weight: Tensor | None
    normal: Tensor | None
    cam_from_grid: Tensor
    intrinsics: Tensor
    sigma: Tensor | None = None
    trust: Tensor | None = None
    outline: Tensor | None = None

    def __post_init__(self) -> None:
        frames = len(self.depth)
        shape = tuple(self.depth.shape)
        wanted = {
            "weight": (self.weight, shape), "normal": (self.normal, (*shape, 4)),
            "cam_from_grid": (self.cam_from_grid, (frames, 3, 4)),
            "intrinsics": (self.intrinsics, (frames, 4)),
            "sigma": (self.sigma, shape), "trust": (self.trust, shape), "outline": (self.outline, shape),
        }  # fmt: skip
        if self.depth.ndim != 3:
            raise ValueError(f"DepthViews: depth must be [F, h, w], got {list(shape)}")
        for name, (tensor, expected) in wanted.items():
            if tensor is not None and tuple(tensor.shape) != expected:
                raise ValueError(f"DepthViews: {name} must be {list(expected)}, got {list(tensor.shape)}")

    def tensors(self) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor, Tensor]:
        """The fields, contiguous, in the order of the kernels."""
        parts = (self.depth, self.weight, self.normal, self.cam_from_grid, self.intrinsics)
        depth, weight, normal, pose, intrinsics = (None if t is None else t.contiguous() for t in parts)
        assert depth is not None and pose is not None and intrinsics is not None
        return depth, weight, normal, pose, intrinsics

    def kernels(self) -> Any:
        """The native kernels that take these maps, or None."""
        return native.kernels(*(t for t in self.tensors() if t is not None), needs="fusion_integrate")


def _check_lengths(who: str, **lengths: float) -> None:
    for name, length in lengths.items():
        if not 0.0 < length < math.inf:
            raise ValueError(f"{who}: {name} must be a positive length, got {length}")


@torch.no_grad()
def touched_bricks(
    views: DepthViews, shape: tuple[int, int, int], voxel: float, reach: float, stride: int = 1
) -> Tensor:
    """uint8 [X, Y, Z] = `shape`: 1 for bricks that hold a point within `reach` of a seen one, along its ray.

    Every `stride`-th pixel is followed, from `reach` before its depth to `reach` behind it.
    """
    _check_lengths("touched_bricks", voxel=voxel, reach=reach)
    marks = torch.zeros(shape, dtype=torch.uint8, device=views.depth.device)
    depth, _, _, pose, intrinsics = views.tensors()
    kernels = views.kernels()
    if kernels is not None:
        kernels.fusion_touched_bricks(depth, pose, intrinsics, EDGE * voxel, reach, stride, marks)
        return marks
    return reference.touched_bricks(depth, pose, intrinsics, EDGE * voxel, reach, stride, marks)


@dataclass(frozen=True)
class DepthVotes:
    """What depth maps say of P places.

    Attributes:
        free: [P], sum of the votes of views that look through.
        hits: [P], sum of the votes of views that see a surface there.
        outside: [P], how far a place lies off the object's outline in the view that sees it farthest off,
            negative inside of all; -inf where no view shows it; None without masks.
    """

    free: Tensor
    hits: Tensor
    outside: Tensor | None

    def is_free(self) -> Tensor:
        """Where nothing is, bool [P]: two votes at least, and more than see a surface."""
        return (self.free >= AGREEING) & (self.free > self.hits)


@torch.no_grad()
def depth_votes(
    views: DepthViews, places: Tensor, voxel: float, margin: float, reach: float = 0.0
) -> DepthVotes:
    """What views say of balls of radius `reach` around places [P, 3], frame of the voxels.

    A view looks through a ball if its depth there lies more than `reach` and its error behind the middle, and
    sees a surface if its depth lies no farther than that from it: a vote of the pixel's `trust`. The error is
    2 voxels and 2 of the pixel's sigma, or `margin` where sigma is not known. A view in which a ball lies
    wholly off the object's outline has four votes for free, whatever its depth.
    """
    _check_lengths("depth_votes", voxel=voxel)
    for name, length in {"margin": margin, "reach": reach}.items():
        if not 0.0 <= length < math.inf:
            raise ValueError(f"depth_votes: {name} must be a length, got {length}")
    native.one_device(*views.tensors(), places)
    places = places.to(torch.float32).contiguous()
    free, hits = (torch.zeros(len(places), device=places.device) for _ in range(2))
    outside = None if views.outline is None else torch.full_like(free, -math.inf)
    depth, _, _, pose, intrinsics = views.tensors()
    more = [None if t is None else t.contiguous() for t in (views.sigma, views.trust, views.outline)]
    maps, lengths = (depth, *more, pose, intrinsics), (reach, 2.0 * voxel, margin)
    kernels = native.kernels(*(t for t in (*maps, places) if t is not None), needs="fusion_votes")
    count: Any = reference.votes if kernels is None else kernels.fusion_votes
    count(*maps, places, *lengths, free, hits, outside)
    return DepthVotes(free, hits, outside)


@torch.no_grad()
def free_bricks(views: DepthViews, shape: tuple[int, int, int], voxel: float, margin: float) -> Tensor:
    """uint8 [X, Y, Z]: 1 for bricks that views look through: two votes, and more than see a surface there.

    A brick's ball reaches from its centre to its corners; `depth_votes` says what a vote is. One view alone
    may be wrong, and marks nothing free, but for one in which the brick lies off the object's mask.
    """
    native.one_device(*views.tensors())
    brick = EDGE * voxel
    centres = (torch.ones(shape, device=views.depth.device).nonzero() + 0.5) * brick
    votes = depth_votes(views, centres, voxel, margin, reach=0.5 * math.sqrt(3.0) * brick)
    return votes.is_free().view(shape).to(torch.uint8)


@torch.no_grad()
def integrate_depth(
    views: DepthViews, bricks: Tensor, voxel: float, truncation: float
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Weighted means over all views that see a voxel, for the bricks int32 [B, 3].

    The distance is the depth left along the view's axis (projective), cut at `truncation`; views that see the
    voxel farther than that behind their surface say nothing, and the weight fades linearly on the way there:
    from their surface on, or from two sigma behind it where sigma is known.

    Returns:
        distance [B, 512] (truncation where nothing was seen), weight_sum [B, 512], normal [B, 3, 512] or
        None; a brick's voxels with z fastest.

    Example:
        >>> pose = torch.eye(4)[None, :3].clone()
        >>> pose[0, :, 3] = torch.tensor([-0.8, -0.8, 1.0])  # a metre before the grid, along its z
        >>> lens = torch.tensor([[50.0, 50.0, 32.0, 32.0]])
        >>> views = DepthViews(torch.full((1, 64, 64), 1.8), None, None, pose, lens)  # a wall at z = 0.8
        >>> bricks = touched_bricks(views, (2, 2, 2), voxel=0.1, reach=0.2).nonzero()
        >>> distance, weight_sum, _ = integrate_depth(views, bricks, voxel=0.1, truncation=0.3)
        >>> distance.view(-1, 8, 8, 8)[0, 7, 7]  # metres, along z, to the wall
        tensor([0.3000, 0.3000, 0.3000, 0.3000, 0.3000, 0.2500, 0.1500, 0.0500])
    """
    _check_lengths("integrate_depth", voxel=voxel, truncation=truncation)
    native.one_device(views.depth, bricks)
    distance = torch.full((len(bricks), EDGE**3), float(truncation), device=bricks.device)
    weight_sum = torch.zeros(len(bricks), EDGE**3, device=bricks.device)
    normals = None if views.normal is None else torch.zeros(len(bricks), 3, EDGE**3, device=bricks.device)
    depth, weight, normal, pose, intrinsics = views.tensors()
    bricks = bricks.to(torch.int32).contiguous()
    sigma = None if views.sigma is None else views.sigma.to(torch.float32).contiguous()
    maps = (depth, weight, normal, sigma, pose, intrinsics)
    arguments = (*maps, bricks, voxel, truncation, distance, weight_sum, normals)
    kernels = views.kernels()
    if kernels is not None:
        kernels.fusion_integrate(*arguments)
    else:
        reference.integrate(*arguments)
    return distance, weight_sum, normals
