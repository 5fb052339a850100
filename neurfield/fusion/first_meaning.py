"""First guesses of what ambiguous depth maps mean: from the box, from points, from other images."""

from __future__ import annotations

import torch
from torch import Tensor

from neurfield.fusion.image_points import ImagePoints
from neurfield.fusion.prior_model import PARAMETERS, Meaning
from neurfield.fusion.prior_pairs import draw_pairs
from neurfield.fusion.prior_views import PriorViews

ENOUGH_POINTS = 12  # of an image, to give it its ends


def ends_at_box(views: PriorViews, box: Tensor) -> Meaning:
    """Ends such that rays end where they leave the box [2, 3], in robust least squares for each image."""
    n, k = views.carried.shape
    image = torch.arange(n)[:, None].expand(n, k)
    directions = views.directions(image, views.uv.expand(n, k, 2))
    wall = torch.where(directions > 0, box[1] - views.centers[:, None], box[0] - views.centers[:, None])
    exit_ = (wall / directions).nan_to_num(1e9, 1e9, 1e9).abs().amin(dim=2)
    ends = fit_ends(views.carried, exit_, torch.ones_like(exit_), above=2.0)
    typical = exit_.median()
    floor = torch.tensor([0.1, 0.3]) * typical
    values = torch.zeros(n, PARAMETERS)
    values[:, :2] = torch.maximum(ends, floor).log()
    return Meaning(values)


def ends_at_points(views: PriorViews, meaning: Meaning, points: ImagePoints, near: float) -> Meaning:
    """Ends through the points of each image; an image with too few follows what the others changed by."""
    x, _ = views.look_up(points.image, points.uv)
    ends = meaning.values[:, :2].exp()
    fitted = torch.bincount(points.image, minlength=len(views)) >= ENOUGH_POINTS
    of_image = _grouped(points.image, len(views))
    for i in fitted.nonzero()[:, 0].tolist():
        own = of_image[i]
        first, last = fit_ends(x[own][None], points.depth[own][None], torch.ones(1, len(own)))[0]
        low = first.clamp_min(near)
        ends[i] = torch.stack([low, torch.maximum(last, 1.05 * low)])
    values = meaning.values.clone()
    values[fitted, :2] = ends[fitted].log()
    if bool(fitted.any()):
        change = (values[fitted, :2] - meaning.values[fitted, :2]).median(dim=0).values
        values[~fitted, :2] += change
    return Meaning(values)


def meet_again(
    views: PriorViews, meaning: Meaning, partners: Tensor, generator: torch.Generator, near: float
) -> Meaning:
    """Images that disagree with most of the others take their ends from what these see in them."""
    pairs = draw_pairs(views, meaning, partners.T.contiguous(), generator, near)
    n = len(views)
    into = _grouped(pairs.second[:, :, 0].reshape(-1), n)  # pairs that are carried into each image
    residual, valid, x, z = (t.flatten(0, 1) for t in (pairs.residual, pairs.valid, pairs.x, pairs.carried))
    off = [residual[rows][valid[rows]].abs() for rows in into]
    apart = torch.stack([own.median() if len(own) else torch.tensor(0.0) for own in off])
    lost = (apart > 2.0 * apart[views.told].median()).nonzero()[:, 0]
    values = meaning.values.clone()
    is_lost = torch.zeros(n, dtype=torch.bool)
    is_lost[lost] = True
    first = pairs.first[:, :, 0].reshape(-1)
    for i in lost.tolist():
        rows = into[i][~is_lost[first[into[i]]]]
        used = valid[rows]
        if used.sum() < 50:
            continue
        seen = x[rows][used], z[rows][used]
        ends = fit_ends(seen[0][None], seen[1][None], torch.ones(1, len(seen[0])))[0]
        if ends[0] > near and ends[1] > ends[0]:
            values[i, :2] = ends.log()
    return Meaning(values)


def _grouped(image: Tensor, count: int) -> list[Tensor]:
    """Which entries of `image` [P] are each of `count` images, in order."""
    order = torch.argsort(image, stable=True)
    return list(order.split(torch.bincount(image, minlength=count).tolist()))


def fit_ends(x: Tensor, z: Tensor, weight: Tensor, above: float = 1.0) -> Tensor:
    """Near and far [n, 2] of z = near (1 - x) + far x, in absolute values by re-weighted least squares.

    Args:
        x, z, weight: [n, k].
        above: how often a fit that lies above z counts.
    """
    columns = torch.stack([1.0 - x, x], dim=2)
    share = weight
    ends = torch.ones(len(x), 2)
    for _ in range(12):
        left = columns.transpose(1, 2) @ (columns * share[..., None]) + 1e-4 * torch.eye(2)
        ends = torch.linalg.solve(left, (columns * (share * z)[..., None]).sum(dim=1))
        error = (columns @ ends[..., None])[..., 0] - z
        share = weight / (error.abs() + 0.02 * z)
        share = torch.where(error > 0, above * share, share)
    return ends
