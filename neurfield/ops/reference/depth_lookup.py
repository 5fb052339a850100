"""What another picture's depth says of a point, in plain torch: what `csrc/stereo/depth_lookup.h` does."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neurfield.ops.reference.slanted_window import centres, pair_of
from neurfield.ops.stereo_pictures import StereoPictures

JUMP = 1.03  # depths further apart are not blended


def read_depth(depth: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """A depth map [h, w] at places in pixels; 0 outside and where nothing is known.

    Linear in inverse depth where the four pixels around are of one surface, else that of the pixel itself.
    """
    h, w = depth.shape
    within = (u >= 0) & (v >= 0) & (u < w) & (v < h)
    u, v = torch.where(within, u, torch.zeros_like(u)), torch.where(within, v, torch.zeros_like(v))
    x, y = (u - 0.5).clamp(0, w - 1), (v - 0.5).clamp(0, h - 1)
    column, row = x.long(), y.long()
    right, below = (column + 1).clamp_max(w - 1), (row + 1).clamp_max(h - 1)
    four = torch.stack([depth[row, column], depth[row, right], depth[below, column], depth[below, right]])
    low, high = four.amin(dim=0), four.amax(dim=0)
    smooth = (low > 0) & (high <= JUMP * low)
    inverse = 1.0 / torch.where(smooth, four, torch.ones_like(four))
    s, t = x - column, y - row
    top, bottom = torch.lerp(inverse[0], inverse[1], s), torch.lerp(inverse[2], inverse[3], s)
    blended = 1.0 / torch.lerp(top, bottom, t)
    return torch.where(within, torch.where(smooth, blended, depth[v.long(), u.long()]), torch.zeros_like(u))


@dataclass(frozen=True)
class RoundTrip:
    """Points of a picture's pixels in a source, and the way back from the depth that the source has there.

    Attributes:
        expected: [h, w], z-depth of the points in the source.
        depth: [h, w], what the source says there; 0 = nothing.
        error: [h, w], pixels between each pixel and the point that the source sees; inf where nothing is
            known.
    """

    expected: Tensor
    depth: Tensor
    error: Tensor


def round_trip(
    pictures: StereoPictures, depth: Tensor, reference: int, source: int, inverse_depth: Tensor
) -> RoundTrip:
    """From pixels of inverse depth [h, w] (0 = nothing) into a source of depth [h, w], and back."""
    u, v = centres(inverse_depth)

    def carried(r: int, s: int, u: Tensor, v: Tensor, inverse: Tensor) -> list[Tensor]:
        turn, shift = pair_of(pictures, r, s, inverse)
        return [turn[i, 0] * u + (turn[i, 1] * v + turn[i, 2]) + shift[i] * inverse for i in range(3)]

    x, y, z = carried(reference, source, u, v, inverse_depth)
    before = (z > 0) & (inverse_depth > 0)
    one, none = torch.ones_like(z), torch.zeros_like(z)
    x, y = (t / torch.where(before, z, one) for t in (x, y))
    expected = z / torch.where(before, inverse_depth, one)
    there = torch.where(before, read_depth(depth, x, y), none)
    present = there > 0
    back_u, back_v, back_z = carried(source, reference, x, y, 1.0 / torch.where(present, there, one))
    good = present & (back_z > 0)
    scale = 1.0 / torch.where(good, back_z, one)
    error = ((back_u * scale - u).square() + (back_v * scale - v).square()).sqrt()
    return RoundTrip(expected, there, torch.where(good, error, torch.full_like(error, torch.inf)))
