"""Depth maps of a sparse truncated signed distance field, as `neurfield.ops.depth_fusion` makes it."""

from __future__ import annotations

import torch
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.depth_fusion import EDGE
from neurfield.ops.eager import eager
from neurfield.ops.reference import surface_depth as reference


@eager
@torch.no_grad()
def surface_depth(
    row: Tensor, distance: Tensor, voxel: float, cam_from_grid: Tensor, intrinsics: Tensor, wanted: Tensor
) -> Tensor:
    """z-depth [F, h, w] at which the rays of pixels first meet the volume's surface, 0 where they do not.

    A ray is asked a voxel apart. It meets the surface between two such places, the first in front of it and
    the next known one behind it; what is not known is passed by.

    Args:
        row: int64 [X, Y, Z], the number of a brick of 8^3 voxels, or -1.
        distance: [B, 512], signed, positive in free space, z fastest; NaN where nothing is known.
        voxel: length.
        cam_from_grid: [F, 3, 4], rigid, OpenCV axes; the grid's corner is the origin.
        intrinsics: [F, 4] fx, fy, cx, cy in pixels, pixel centres at +0.5.
        wanted: bool [F, h, w], the pixels that are asked for; the others get 0.

    Raises:
        ValueError: a shape does not fit, or `row` names a brick that there is not; names it.
    """
    if not 0.0 < voxel < float("inf"):
        raise ValueError(f"surface_depth: voxel must be a positive length, got {voxel}")
    if wanted.ndim != 3 or row.ndim != 3:
        raise ValueError("surface_depth: wanted must be [F, h, w], and row [X, Y, Z]")
    expected = {
        "distance": (distance, (len(distance), EDGE**3)),
        "cam_from_grid": (cam_from_grid, (len(wanted), 3, 4)), "intrinsics": (intrinsics, (len(wanted), 4)),
    }  # fmt: skip
    for name, (tensor, shape) in expected.items():
        if tuple(tensor.shape) != shape:
            raise ValueError(f"surface_depth: {name} must be {list(shape)}, got {list(tensor.shape)}")
    if row.numel() and int(row.max()) >= len(distance):
        raise ValueError("surface_depth: row names a brick that distance does not have")
    seen = torch.zeros(wanted.shape, device=wanted.device)
    parts = [t.contiguous() for t in (row, distance, cam_from_grid, intrinsics)]
    kernels = native.kernels(*parts, seen, needs="fusion_raycast")
    if kernels is None:
        reference.surface_depth(parts[0], parts[1], voxel, parts[2], parts[3], wanted.bool(), seen)
    else:
        asked = wanted.to(torch.uint8).contiguous()
        kernels.fusion_raycast(parts[0], parts[1], voxel, parts[2], parts[3], asked, seen)
    return seen
