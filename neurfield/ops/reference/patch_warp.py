"""Patches warped into other views, in plain torch: the specification of `neurfield.ops.patch_warp`."""

from __future__ import annotations

import torch
from torch import Tensor

CUT = 20.0  # grey levels; a greater difference says no more
PLAIN = 3.0  # grey levels that a patch deviates from a ramp where correlation counts half
NOISE = 0.5  # grey levels that say nothing, in correlation
ALIKE = 51.0  # grey levels; taps that differ more from the middle hardly count (COLMAP's 0.2 of 255)
RIDGE = 1e-4  # pixels^2, on the spread of a window's taps


def window(radius: int, spacing: int) -> Tensor:
    """Offsets (u, v) of a window's taps from its middle [T, 2], pixels."""
    side = torch.arange(-radius, radius + 1, spacing, dtype=torch.float32)
    v, u = torch.meshgrid(side, side, indexing="ij")
    return torch.stack([u, v], dim=-1).reshape(-1, 2)


def patch_warp(
    grey: Tensor,
    gain: Tensor,
    homographies: Tensor,
    shifts: Tensor,
    reference: Tensor,
    uv: Tensor,
    planes: Tensor,
    sources: Tensor,
    pair: Tensor,
    radius: int,
    spacing: int,
    absolute: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Cost [N, S], valid bool [N, S] and texture [N]; see `neurfield.ops.patch_warp.patch_warp`.

    Differentiable by `planes`, whose precision decides that of everything.

    Args:
        grey: [n, h, w], 0 in the background.
        gain: [n].
        homographies: [P, 3, 3] from pictures to pictures, but for the plane.
        shifts: [P, 3], what inverse depth adds.
        reference: int64 [N], pictures.
        uv: [N, 2] pixels of them.
        planes: [N, 3] inverse depth at uv, and its slopes by u and v.
        sources: int64 [N, S], pictures.
        pair: int64 [N, S], which of the P; -1: none.
        radius, spacing, absolute: see there.
    """
    dtype = planes.dtype
    offsets = window(radius, spacing).to(planes)
    pixels = uv.to(dtype)[:, None] + offsets  # [N, T, 2]
    mine, whole = _sample(grey, reference[:, None], pixels)
    middle, _ = _sample(grey, reference[:, None], uv.to(dtype)[:, None])
    apart = offsets.square().sum(dim=1) / (2.0 * radius**2) + (mine - middle).square() / (2.0 * ALIKE**2)
    weight = torch.exp(-apart)
    weight = weight / weight.sum(dim=1, keepdim=True)  # [N, T]
    texture = _texture(mine, weight, offsets) * whole.all(dim=1)

    inverse = planes[:, :1] + planes[:, 1:] @ offsets.T  # inverse depth of the taps [N, T]
    ones = torch.cat([pixels, torch.ones_like(pixels[..., :1])], dim=-1)
    costs, valid = [], []
    for source, row in zip(sources.T, pair.T):
        there = ones @ homographies[row].to(dtype).mT + inverse[..., None] * shifts[row, None].to(dtype)
        ahead = (there[..., 2] > 0) & (inverse > 0)
        depth = torch.where(ahead, there[..., 2], torch.ones_like(inverse))
        theirs, inside = _sample(grey, source[:, None], there[..., :2] / depth[..., None])
        theirs = theirs * (gain[source] / gain[reference])[:, None].to(dtype)
        fits = (row >= 0) & (whole & inside & ahead).all(dim=1)
        cost = _cost(mine, theirs, weight, texture, absolute)
        costs.append(torch.where(fits, cost, torch.ones_like(cost)))
        valid.append(fits)
    return torch.stack(costs, dim=1), torch.stack(valid, dim=1), texture


def _cost(mine: Tensor, theirs: Tensor, weight: Tensor, texture: Tensor, absolute: float) -> Tensor:
    """Of patches [N, T] each: by correlation where they have texture, by differences where they have not."""
    a = mine - (weight * mine).sum(dim=1, keepdim=True)
    b = theirs - (weight * theirs).sum(dim=1, keepdim=True)
    spread_a, spread_b = ((weight * t.square()).sum(dim=1) + NOISE**2 for t in (a, b))
    rho = (weight * a * b).sum(dim=1) / (spread_a * spread_b).sqrt()
    difference = (weight * (mine - theirs).abs().clamp_max(CUT)).sum(dim=1) / CUT
    return texture * (1.0 - rho.clamp_min(0.0)) + (1.0 - texture) * absolute * difference


def _texture(values: Tensor, weight: Tensor, offsets: Tensor) -> Tensor:
    """0..1 [N]: how much of a window is no ramp, which would look alike at every depth."""
    a = values - (weight * values).sum(dim=1, keepdim=True)
    x, y = (o - (weight * o).sum(dim=1, keepdim=True) for o in offsets.T)
    xx, xy, yy, ax, ay, aa = (
        (weight * p * q).sum(dim=1) for p, q in ((x, x), (x, y), (y, y), (a, x), (a, y), (a, a))
    )
    xx, yy = xx + RIDGE, yy + RIDGE
    of_ramp = (ax.square() * yy - 2.0 * ax * ay * xy + ay.square() * xx) / (xx * yy - xy.square())
    rest = (aa - of_ramp).clamp_min(0.0)
    return rest / (rest + PLAIN**2)


def _sample(grey: Tensor, picture: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Bilinear values at places [N, T, 2] of pictures [N, 1].

    Beside them whether each lies between pixel centres that are not background, bool [N, T].
    """
    h, w = grey.shape[1:]
    u, v = places.unbind(-1)
    within = (u >= 0.5) & (v >= 0.5) & (u <= w - 0.5) & (v <= h - 0.5)
    x, y = (torch.where(within, t - 0.5, torch.zeros_like(t)) for t in (u, v))
    column, row = x.detach().long(), y.detach().long()
    a, b = x - column, y - row
    right, below = (column + 1).clamp_max(w - 1), (row + 1).clamp_max(h - 1)
    corners = [grey[picture, r, c].to(places.dtype) for r in (row, below) for c in (column, right)]
    top = corners[0] + a * (corners[1] - corners[0])
    bottom = corners[2] + a * (corners[3] - corners[2])
    for corner in corners:
        within = within & (corner > 0)
    return top + b * (bottom - top), within
