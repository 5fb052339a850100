"""Planes swept through pictures in plain torch: the specification of `neurfield.ops.plane_sweep`."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from neurfield.ops.reference import stereo_pictures as windows

WORST, UNSEARCHED = 64, 255
COST_STEPS = 255  # of a source's cost, as a byte
MOST_RATIO = 8.0  # of a second minimum over the first, and where there is none
BESIDE = 2  # planes on each side of the best that belong to its minimum


def _taps(picture: Tensor, radius: int, outside: float | bool) -> Tensor:
    """[h, w] to [h, w, (2 radius + 1)^2]: each pixel's window."""
    h, w = picture.shape
    padded = pad(picture, (radius,) * 4, value=outside)
    offsets = range(2 * radius + 1)
    return torch.stack([padded[y : y + h, x : x + w] for y in offsets for x in offsets], dim=-1)


def textures(quads: Tensor, radius: int) -> Tensor:
    """kappa [h, w] of the windows of one picture; 0 in the background."""
    grey = (quads & 255).float()
    inside = grey > 0
    offset = torch.arange(-radius, radius + 1, device=quads.device)
    dy, dx = torch.meshgrid(offset, offset, indexing="ij")
    kappa = windows.texture(
        _taps(grey, radius, 0.0), _taps(inside, radius, False), dx.flatten(), dy.flatten()
    )
    return torch.where(inside, kappa, 0.0).float()


def plane_sweep(
    quads: Tensor,
    gains: Tensor,
    tolerance: float,
    reference: Tensor,
    sources: Tensor,
    A: Tensor,
    b: Tensor,
    inverse_depth: Tensor,
    first: Tensor | None,
    last: Tensor | None,
    radius: int,
) -> Tensor:
    """Costs uint8 [R, h, w, D]; see `neurfield.ops.plane_sweep.plane_sweep`."""
    h, w = quads.shape[1:]
    device = quads.device
    rows, columns = (torch.arange(size, device=device) + 0.5 for size in (h, w))
    v, u = torch.meshgrid(rows, columns, indexing="ij")
    shape = (len(reference), h, w, inverse_depth.shape[1])
    cost = torch.full(shape, UNSEARCHED, dtype=torch.uint8, device=device)
    planes = torch.arange(inverse_depth.shape[1], device=device)
    for i, r in enumerate(reference.tolist()):
        grey = (quads[r] & 255).float()
        inside = grey > 0
        mine, weight = _taps(grey, radius, 0.0), _taps(inside, radius, False).float()
        kappa = textures(quads[r], radius)
        named = [j for j, s in enumerate(sources[i].tolist()) if s >= 0]
        if not named:
            continue
        for k, plane in enumerate(inverse_depth[i]):
            bytes_ = []
            for j in named:
                s = sources[i, j]
                carried = [
                    A[i, j, a, 0] * u + A[i, j, a, 1] * v + (A[i, j, a, 2] + b[i, j, a] * plane)
                    for a in range(3)
                ]
                value, background, leaves = windows.sampled(
                    quads, s, carried[0] / carried[2], carried[1] / carried[2]
                )
                leaves = (leaves | ~(carried[2] > 0)) & inside
                theirs = _taps((value * 4).round() / 4, radius, 0.0)
                leaving, missing = _taps(leaves, radius, False), _taps(background | leaves, radius, False)
                gain = gains[s] / gains[r]
                each = windows.matching_cost(mine, theirs, weight, missing, gain, kappa, tolerance)
                share = (leaving * weight).sum(dim=-1) / weight.sum(dim=-1).clamp_min(1)
                each = each - (1 - windows.OUTSIDE) * share  # these cost 1 so far
                bytes_.append((each * COST_STEPS + 0.5).clamp(0, COST_STEPS).floor())
            best = torch.stack(bytes_).sort(dim=0).values[: windows.best_of(len(named))]
            cost[i, ..., k] = (best.mean(dim=0) * (WORST / COST_STEPS) + 0.5).floor().to(torch.uint8)
        unsearched = ~inside[..., None].expand(h, w, len(planes))
        if first is not None:
            unsearched = unsearched | (planes < first[i, ..., None])
        if last is not None:
            unsearched = unsearched | (planes > last[i, ..., None])
        cost[i][unsearched] = UNSEARCHED
    return cost


def path_costs(cost: Tensor, grey: Tensor, next_step: int, jump: Tensor) -> Tensor:
    """Sums int32 [R, h, w, D]; see `neurfield.ops.plane_sweep.path_costs`. `jump` is int [256]."""
    _, h, w, D = cost.shape
    sums = torch.zeros_like(cost, dtype=torch.int32)
    searched = (cost != UNSEARCHED).any(dim=-1)
    worst = cost.int().clamp_max(WORST)
    far = torch.iinfo(torch.int32).max // 2
    for dy, dx in ((0, 1), (0, -1), (1, -1), (1, 0), (1, 1), (-1, -1), (-1, 0), (-1, 1)):
        along = torch.zeros_like(sums)
        rows = range(h) if dy >= 0 else range(h - 1, -1, -1)
        columns = range(w) if dx >= 0 else range(w - 1, -1, -1)
        for y in rows:
            for x in columns:
                found = worst[:, y, x].clone()
                py, px = y - dy, x - dx
                if 0 <= py < h and 0 <= px < w:
                    before = along[:, py, px]
                    lowest = before.min(dim=-1, keepdim=True).values
                    step = (grey[:, y, x].long() - grey[:, py, px].long()).abs()
                    beside = torch.minimum(
                        pad(before, (1, 0), value=far)[:, :D], pad(before, (0, 1), value=far)[:, 1:]
                    )
                    best = torch.minimum(before, beside + next_step)
                    best = torch.minimum(best, lowest + jump.int()[step][:, None])
                    found += torch.where(searched[:, py, px, None], best - lowest, 0)
                along[:, y, x] = torch.where(searched[:, y, x, None], found, 0)
        sums += along
    return sums


def chosen(cost: Tensor, sums: Tensor, inverse_depth: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Inverse depth (0 where nothing was searched), cost 0 to 1 and peak ratio, [R, h, w] each.

    The best plane, moved to the lowest point of the parabola through its sum and those beside it.
    """
    D = cost.shape[-1]
    planes = torch.arange(D, device=cost.device)
    none = torch.iinfo(torch.int32).max
    sums = torch.where(cost == UNSEARCHED, none, sums)
    best, k = sums.min(dim=-1, keepdim=True)
    known = best < none

    def beside(step: int) -> tuple[Tensor, Tensor, Tensor]:
        at = k + step
        there = (at >= 0) & (at < D)
        at = at.clamp(0, D - 1)
        value = sums.gather(-1, at)
        plane = inverse_depth[:, None, None].expand(*cost.shape[:3], D).gather(-1, at)
        return value.double(), plane, there & (value < none)

    (before, plane_before, has_before), (after, plane_after, has_after) = beside(-1), beside(1)
    plane = beside(0)[1]
    bend = before - 2 * best + after
    moved = torch.where(has_before & has_after & (bend > 0), 0.5 * (before - after) / bend, 0.0).float()
    apart = torch.where(moved < 0, plane - plane_before, plane_after - plane)
    second = torch.where((planes - k).abs() <= BESIDE, none, sums).min(dim=-1, keepdim=True).values
    ratio = (second / best.clamp_min(1)).clamp_max(MOST_RATIO)
    ratio = torch.where(second == none, MOST_RATIO, ratio)
    data = cost.gather(-1, k).float() / WORST
    return (
        torch.where(known, plane + moved * apart, 0.0)[..., 0],
        torch.where(known, data, 1.0)[..., 0],
        torch.where(known, ratio, 1.0)[..., 0].float(),
    )
