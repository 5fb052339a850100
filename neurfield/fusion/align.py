"""Ambiguous depth maps made to agree: what each image's prior means in metres, found from the views' overlap.

A pixel of one image, carried by its depth into another, should find its own depth there. The robust squares
of the logarithm of that ratio are minimised over all images at once by Gauss-Newton (known poses make scale
and shift observable through parallax; nothing else is needed). The errors that are left are each image's own,
and average out when the maps are fused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurfield.fusion.prior_model import PARAMETERS, Meaning, nodes
from neurfield.fusion.prior_views import PriorViews
from neurfield.scenes import Scene

ENDS_ROUNDS, WARP_ROUNDS = 18, 24
WIDTH_START, WIDTH_MIDDLE, WIDTH_END = 0.3, 0.08, 0.025  # of the robust weight, in log depth
MOMENTUM = 0.85  # the common scale is a soft direction, in which plain Gauss-Newton creeps
PARTNERS, PIXELS = 8, 160  # per image and round
BASELINE = 0.4  # of the typical depth between two views is ample; nearer ones count less
WARP_DEVIATION = 0.05  # of a prior's slow errors, in log depth
LARGEST_STEP = 0.3
NEAREST = 0.02  # parts of the box's diagonal; nothing is nearer to a camera


@dataclass(frozen=True)
class AlignedPriors:
    """What the priors of n images mean. disagreement: median |log ratio| between views; inliers: [n] share of
    an image's carried pixels that find their depth elsewhere."""

    views: PriorViews
    meaning: Meaning
    disagreement: float
    inliers: Tensor

    def depth(self, i: int, prior: np.ndarray) -> Tensor:
        """z-depth [h, w] in metres for the prior [h, w] of image i."""
        h, w = prior.shape
        x = (torch.from_numpy(np.array(prior, dtype=np.float32)) - self.views.low[i]) / self.views.span[i]
        v, u = torch.meshgrid((torch.arange(h) + 0.5) / h, (torch.arange(w) + 0.5) / w, indexing="ij")
        near, far = self.meaning.values[i, :2].exp()
        node, share = nodes(torch.stack([u, v], dim=-1))
        return (near + (far - near) * x) * (self.meaning.values[i, 2:][node] * share).sum(dim=-1).exp()


@torch.no_grad()
def align_priors(scene: Scene, seed: int = 0) -> AlignedPriors:
    """Align the prior depth of all frames of a scene (pinhole cameras) with each other."""
    views, generator = PriorViews.of(scene), torch.Generator().manual_seed(seed)
    box = torch.as_tensor(scene.box - views.origin, dtype=torch.float32)
    meaning = Meaning(_ends_at_box(views, box))
    near = NEAREST * float((box[1] - box[0]).norm())
    partners = _overlap(views, meaning)
    speed = torch.zeros_like(meaning.values)
    for turn in range(ENDS_ROUNDS + WARP_ROUNDS):
        warped = turn >= ENDS_ROUNDS
        if turn == ENDS_ROUNDS // 2:
            meaning = _meet_again(views, meaning, partners, generator, near)
            partners = _overlap(views, meaning)
        if warped:
            width = _between(WIDTH_MIDDLE, WIDTH_END, (turn - ENDS_ROUNDS) / (WARP_ROUNDS - 1))
        else:
            width = _between(WIDTH_START, WIDTH_MIDDLE, turn / (ENDS_ROUNDS - 1))
        pairs = _draw(views, meaning, partners, generator, near)
        step = _newton_step(views, meaning, pairs, width, warped)
        speed = MOMENTUM * speed + step
        speed[:, 2:] = step[:, 2:]
        meaning = Meaning(meaning.values + speed)
    pairs = _draw(views, meaning, partners, generator, near)
    agree = ((pairs.residual.abs() < 2.0 * WIDTH_MIDDLE) & pairs.valid).sum(dim=(1, 2))
    inliers = agree / pairs.valid.sum(dim=(1, 2)).clamp_min(1)
    return AlignedPriors(views, meaning, float(pairs.residual[pairs.valid].abs().median()), inliers)


@dataclass(frozen=True)
class _Pairs:
    """Pixels of image `first` [n, b, k] carried into `second`: residual = log of (carried / found) depth,
    where valid; and its derivatives by the parameters of both, [n, b, k, PARAMETERS]. found: [n, b, k, 2]
    what the second image has there: x and the carried depth."""

    first: Tensor
    second: Tensor
    residual: Tensor
    valid: Tensor
    by_first: Tensor
    by_second: Tensor
    x: Tensor
    carried: Tensor


def _draw(
    views: PriorViews, meaning: Meaning, partners: Tensor, generator: torch.Generator, near: float
) -> _Pairs:
    n, k = len(views), PIXELS
    second = torch.multinomial(partners + 1e-9, min(PARTNERS, n - 1), generator=generator)
    b = second.shape[1]
    pixel = torch.randint(views.uv.shape[0], (n, b, k), generator=generator)
    first = torch.arange(n)[:, None, None].expand(n, b, k)
    second = second[:, :, None].expand(n, b, k)
    uv = views.uv[pixel]
    log_z, by_first, _ = meaning.log_depth(
        first, views.carried.gather(1, pixel.view(n, -1)).view(n, b, k), uv
    )
    turn = views.turns[second]
    along = (turn.transpose(-1, -2) @ views.directions(first, uv)[..., None])[..., 0] * log_z.exp()[..., None]
    between = (views.centers[first] - views.centers[second])[..., None]
    there = along + (turn.transpose(-1, -2) @ between)[..., 0]  # in the second camera
    z = there[..., 2].clamp_min(near)
    lens = views.lens[second]
    place = there[..., :2] / z[..., None] * lens[..., :2] + lens[..., 2:]
    valid = (there[..., 2] > near) & ((place > 0.003) & (place < 0.997)).all(dim=-1)
    place = place.clamp(0.0, 1.0)
    x, x_by_place = views.look_up(second, place)
    log_found, by_second, by_x = meaning.log_depth(second, x, place)
    # How the residual follows the first pixel's log depth: the point slides along its ray, and across the
    # second image, whose depth is not the same everywhere.
    slide = (
        (along[..., :2] - (place - lens[..., 2:]) / lens[..., :2] * along[..., 2:])
        * lens[..., :2]
        / z[..., None]
    )
    follow = along[..., 2] / z - by_x * (x_by_place * slide).sum(dim=-1)
    # A jump in depth under the pixel says nothing about either image.
    valid &= x_by_place.abs().sum(dim=-1) * by_x.abs() / views.x.shape[2] < 0.15
    return _Pairs(
        first, second, z.log() - log_found, valid, by_first * follow[..., None], -by_second, x, z
    )  # fmt: skip


def _newton_step(views: PriorViews, meaning: Meaning, pairs: _Pairs, width: float, warped: bool) -> Tensor:
    """The change [n, PARAMETERS] that robust Gauss-Newton asks for; without `warped`, of the ends alone."""
    n = len(views)
    used = PARAMETERS if warped else 2
    a, b = (t[..., :used].flatten(0, 1) for t in (pairs.by_first, pairs.by_second))  # [pairs, k, used]
    weight = (pairs.valid * (width**2 / (pairs.residual.square() + width**2)).square()).flatten(0, 1)[
        ..., None
    ]
    residual = pairs.residual.flatten(0, 1)[..., None]
    i, j = pairs.first[:, :, 0].reshape(-1), pairs.second[:, :, 0].reshape(-1)
    blocks = torch.zeros(n * n, used, used)
    across = (a * weight).transpose(1, 2) @ b
    blocks.index_add_(0, i * n + i, (a * weight).transpose(1, 2) @ a)
    blocks.index_add_(0, j * n + j, (b * weight).transpose(1, 2) @ b)
    blocks.index_add_(0, i * n + j, across)
    blocks.index_add_(0, j * n + i, across.transpose(1, 2))
    pull = torch.zeros(n, used).index_add_(0, i, (a * weight * residual).sum(dim=1))
    pull.index_add_(0, j, (b * weight * residual).sum(dim=1))
    # The warp is a small thing of its own in every image: its deviation is known, and keeps the common part
    # out.
    stiff = torch.full((n, used), 1e-3)
    stiff[:, 2:] = 0.001 * PARTNERS * PIXELS * (width / WARP_DEVIATION) ** 2
    pull[:, 2:] += stiff[:, 2:] * meaning.values[:, 2:used]
    matrix = blocks.view(n, n, used, used).transpose(1, 2).reshape(n * used, n * used)
    matrix.diagonal().add_(stiff.view(-1) + 1e-3 * matrix.diagonal() + 1e-3)
    solved = torch.cholesky_solve(pull.view(-1, 1), torch.linalg.cholesky(matrix)).view(n, used)
    step = torch.zeros(n, PARAMETERS)
    step[:, :used] = -solved
    step[:, :2] = step[:, :2].clamp(-LARGEST_STEP, LARGEST_STEP)
    return step


def _ends_at_box(views: PriorViews, box: Tensor) -> Tensor:
    """A first guess: rays end where they leave the box, in robust least squares for each image."""
    n, k = views.carried.shape
    image = torch.arange(n)[:, None].expand(n, k)
    directions = views.directions(image, views.uv.expand(n, k, 2))
    wall = torch.where(directions > 0, box[1] - views.centers[:, None], box[0] - views.centers[:, None])
    exit_ = (wall / directions).nan_to_num(1e9, 1e9, 1e9).abs().amin(dim=2)
    ends = _fit_ends(views.carried, exit_, torch.ones_like(exit_), above=2.0)
    typical = exit_.median()
    floor = torch.tensor([0.1, 0.3]) * typical
    values = torch.zeros(n, PARAMETERS)
    values[:, :2] = torch.maximum(ends, floor).log()
    return values


def _fit_ends(x: Tensor, z: Tensor, weight: Tensor, above: float = 1.0) -> Tensor:
    """Near and far [n, 2] of z = near (1 - x) + far x over [n, k], in absolute values by re-weighting; a fit
    that lies above z counts `above` times."""
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


def _meet_again(
    views: PriorViews, meaning: Meaning, partners: Tensor, generator: torch.Generator, near: float
) -> Meaning:
    """Images that disagree with most of the others take their ends from what the others see in them."""
    pairs = _draw(views, meaning, partners.T, generator, near)
    n = len(views)
    met = [(pairs.second == i) & pairs.valid for i in range(n)]
    apart = torch.stack([pairs.residual[m].abs().median() if m.any() else torch.tensor(0.0) for m in met])
    lost = (apart > 2.0 * apart.median()).nonzero()[:, 0]
    values = meaning.values.clone()
    is_lost = torch.zeros(n, dtype=torch.bool)
    is_lost[lost] = True
    for i in lost.tolist():
        here = met[i] & ~is_lost[pairs.first]
        if here.sum() < 50:
            continue
        ends = _fit_ends(pairs.x[here][None], pairs.carried[here][None], torch.ones(1, int(here.sum())))[0]
        if ends[0] > near and ends[1] > ends[0]:
            values[i, :2] = ends.log()
    return Meaning(values)


def _overlap(views: PriorViews, meaning: Meaning) -> Tensor:
    """How much two images can say of each other [n, n]: the part of one's pixels that fall into the other,
    less for views from nearly the same place, whose scales nothing ties."""
    n = len(views)
    few = torch.arange(0, views.uv.shape[0], 23)
    image = torch.arange(n)[:, None].expand(n, len(few))
    uv = views.uv[few].expand(n, len(few), 2)
    z = meaning.log_depth(image, views.carried[:, few], uv)[0].exp()
    points = views.centers[:, None] + views.directions(image, uv) * z[..., None]
    overlap = torch.zeros(n, n)
    for j in range(n):
        there = (points - views.centers[j]) @ views.turns[j]
        place = there[..., :2] / there[..., 2:].clamp_min(1e-6) * views.lens[j, :2] + views.lens[j, 2:]
        overlap[:, j] = ((there[..., 2] > 0) & ((place > 0) & (place < 1)).all(dim=-1)).float().mean(dim=1)
    apart = (views.centers[:, None] - views.centers[None]).norm(dim=2)
    overlap = overlap * (apart / (BASELINE * z.median())).clamp_max(1.0)
    return overlap.fill_diagonal_(0.0)


def _between(start: float, end: float, progress: float) -> float:
    return start * (end / start) ** progress
