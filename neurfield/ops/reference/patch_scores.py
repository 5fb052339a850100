"""Patches compared across views in plain torch: the specification of `neurfield.ops.patch_scores`."""

from __future__ import annotations

import torch
from torch import Tensor

NOWHERE = -1.0


def patch_scores(
    images: Tensor,
    lens: Tensor,
    turns: Tensor,
    centers: Tensor,
    first: Tensor,
    uv: Tensor,
    normal: Tensor,
    depth: Tensor,
    second: Tensor,
    radius: int,
    spacing: float,
    noise: float,
) -> Tensor:
    """Scores [N, V, D]; see `neurfield.ops.patch_scores.patch_scores`."""
    offsets = torch.arange(-radius, radius + 1) * spacing
    v, u = torch.meshgrid(offsets, offsets, indexing="ij")
    pixels = uv[:, None] + torch.stack([u, v], dim=-1).reshape(-1, 2)  # [N, P, 2]
    mine, inside = _sample(images, first[:, None].expand(pixels.shape[:2]), pixels)
    mine = mine - mine.mean(dim=1, keepdim=True)

    focal, middle = lens[first, :2], lens[first, 2:]

    def rays(places: Tensor) -> Tensor:
        flat = (places - middle[:, None]) / focal[:, None]
        return torch.cat([flat, torch.ones_like(flat[..., :1])], dim=-1)

    across = (rays(uv[:, None]) @ normal[:, :, None])[..., 0] / (rays(pixels) @ normal[:, :, None])[..., 0]
    whole = inside.all(dim=1) & ((across > 0.2) & (across < 5.0)).all(dim=1)
    rays_to_plane = rays(pixels) * across[..., None]  # at unit depth of the middle
    points = rays_to_plane[:, None] * depth[:, :, None, None]  # [N, D, P, 3] in the first camera

    scores = images.new_full((len(first), second.shape[1], depth.shape[1]), NOWHERE)
    for k in range(second.shape[1]):
        other = second[:, k]
        turn = turns[other].transpose(1, 2) @ turns[first]
        shift = (turns[other].transpose(1, 2) @ (centers[first] - centers[other])[:, :, None])[
            :, None, None, :, 0
        ]
        there = points @ turn.transpose(1, 2)[:, None] + shift
        places = there[..., :2] / there[..., 2:] * lens[other, None, None, :2] + lens[other, None, None, 2:]
        theirs, seen = _sample(images, other[:, None, None].expand(places.shape[:3]), places)
        seen &= there[..., 2] > 0
        theirs = theirs - theirs.mean(dim=2, keepdim=True)
        floor = mine.shape[1] * noise**2
        both = (theirs * mine[:, None]).sum(dim=2)
        score = (
            both / ((mine.square().sum(dim=1)[:, None] + floor) * (theirs.square().sum(dim=2) + floor)).sqrt()
        )
        scores[:, k] = torch.where(seen.all(dim=2) & whole[:, None], score, scores[:, k])
    return scores


def _sample(images: Tensor, image: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Bilinear values at places [..., 2] in pixels, and whether these lie between pixel centres."""
    h, w = images.shape[1:]
    u, v = places.unbind(-1)
    inside = (u >= 0.5) & (v >= 0.5) & (u < w - 0.5) & (v < h - 0.5)
    x, y = (torch.where(inside, t - 0.5, torch.zeros_like(t)) for t in (u, v))
    column, row = x.long(), y.long()
    a, b = x - column, y - row
    top = torch.lerp(images[image, row, column], images[image, row, (column + 1).clamp_max(w - 1)], a)
    below = (row + 1).clamp_max(h - 1)
    bottom = torch.lerp(images[image, below, column], images[image, below, (column + 1).clamp_max(w - 1)], a)
    return torch.lerp(top, bottom, b), inside
