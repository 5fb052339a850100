"""Slanted planes refined by red-black PatchMatch in plain torch: what `neurfield.ops.refine_planes` does."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from neurfield.ops.reference.depth_lookup import round_trip
from neurfield.ops.reference.slanted_window import (
    STEEPEST,
    Window,
    centres,
    pair_of,
    project,
    shifted,
    window_costs,
    window_of,
)
from neurfield.ops.reference.stereo_pictures import OUTSIDE, best_of
from neurfield.ops.stereo_pictures import StereoPictures

BEST = 4  # sources that a cost is the mean of
GOOD = 0.4  # a cost that speaks for a source, at first (ACMH: 0.8 of 2)
SPREAD = 0.15  # how fast a source's weight falls with its costs (ACMH: exp(-c^2 / 0.18), c up to 2)
HARDLY = 1e-3  # the weight of a source that nothing speaks for
STAY = 0.3  # what a pixel without texture pays for leaving the depth that it starts with
FREE = 0.5  # pixels that it may move for nothing, the step of the sweep that it comes from
LEFT = 1.0  # and pixels beyond those at which it pays all
SMOOTH, PLAIN = 0.1, 0.5  # what planes cost that miss all neighbours, with texture and without
APART = 1.0  # pixels by which a neighbour is missed
UNSEEN = 0.02  # relative change of inverse depth that counts as a pixel where no source says what one is
GEOMETRIC = 0.1  # cost of a pixel of reprojection error
PARABOLA = 0.25  # pixels between the costs that the last step is found from
NOTHING = 4.0  # above every cost

AROUND = [(0, -1), (0, 1), (-1, 0), (1, 0), (0, -3), (0, 3), (-3, 0), (3, 0)]
_NEAR = [(0, 1), (-1, 2), (1, 2), (-2, 3), (2, 3), (-3, 4), (3, 4)]
_FAR = [(0, k) for k in range(3, 25, 2)]


def regions(far: bool) -> list[list[tuple[int, int]]]:
    """Pixels of the other colour, (right, down) of a pixel: up, down, left, right (ACMH)."""

    def around(shape: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
        return [
            [(x, -y) for x, y in shape],
            shape,
            [(-y, x) for x, y in shape],
            [(y, x) for x, y in shape],
        ]

    return around(_NEAR) + (around(_FAR) if far else [])


def _mixed(x: Tensor) -> Tensor:
    """A permutation of 32-bit numbers, kept in int64, that looks random (Wellons 2018, lowbias32)."""
    low = 0xFFFFFFFF
    x = x ^ (x >> 16)
    x = (x * 0x7FEB352D) & low
    x = x ^ (x >> 15)
    x = (x * 0x846CA68B) & low
    return x ^ (x >> 16)


def random_numbers(like: Tensor, key: tuple[int, ...]) -> Tensor:
    """[h, w] in [-1, 1), of each pixel's number and the key: whole multiples of 2^-23."""
    state = torch.zeros((), dtype=torch.int64)
    for part in key:
        state = _mixed((state + part) & 0xFFFFFFFF)
    h, w = like.shape[:2]
    pixel = torch.arange(h * w).view(h, w)
    bits = _mixed(_mixed(pixel ^ state) + 0x9E3779B9 & 0xFFFFFFFF)
    return ((bits >> 8).to(like.dtype) * 2.0**-23 - 1.0).to(like.device)


@dataclass
class _Problem:
    """One reference picture with what does not change over the passes."""

    pictures: StereoPictures
    reference: int
    sources: list[int]
    window: Window
    start: Tensor
    interval: Tensor | None
    depths: Tensor | None
    reach: float

    def allowed(self, planes: Tensor) -> Tensor:
        w, a, b = planes.unbind(-1)
        good = (w > 0) & (self.window.radius * (a.abs() + b.abs()) <= STEEPEST * w) & self.window.active
        if self.interval is not None:
            good &= (w >= self.interval[..., 0]) & (w <= self.interval[..., 1])
        return good

    def photometric(self, planes: Tensor) -> Tensor:
        """Costs [S, h, w]."""
        parts = [window_costs(self.pictures, self.window, self.reference, s, planes) for s in self.sources]
        return torch.stack(parts)

    def geometric(self, planes: Tensor) -> Tensor:
        """What reprojection adds to them."""
        if self.depths is None:
            return planes.new_zeros(len(self.sources), *planes.shape[:2])
        trips = [
            round_trip(self.pictures, self.depths[s], self.reference, s, planes[..., 0]) for s in self.sources
        ]
        return GEOMETRIC * torch.stack([trip.error for trip in trips]).clamp_max(self.reach)

    def leaving(self, planes: Tensor, step: Tensor) -> Tensor:
        """What a plane costs because it is not where its pixel starts."""
        first = self.start[..., 0]
        away = ((planes[..., 0] - first).abs() / step - FREE).clamp_min(0.0) / LEFT
        charge = STAY * (1.0 - self.window.texture) * away.square().clamp_max(1.0)
        return torch.where(first > 0, charge, torch.zeros_like(charge))

    def missing(self, planes: Tensor, around: Tensor, step: Tensor) -> Tensor:
        """What a plane costs that misses the inverse depths [8, h, w] AROUND its pixel."""
        known = around > 0
        missed = torch.zeros_like(step)
        for (right, down), there, some in zip(AROUND, around, known):
            apart = (planes[..., 0] + planes[..., 1] * right + planes[..., 2] * down - there) / (APART * step)
            missed += torch.where(some, apart.square().clamp_max(1.0), torch.zeros_like(apart))
        share = missed / known.sum(dim=0).clamp_min(1)
        return (PLAIN + (SMOOTH - PLAIN) * self.window.texture) * share

    def pixel_step(self, inverse_depth: Tensor) -> Tensor:
        """The change of inverse depth that moves a pixel by one in the source where it moves most."""
        most = torch.zeros_like(inverse_depth)
        level = torch.stack([inverse_depth, most, most], dim=-1)
        for source in self.sources:
            x, y, z, _ = project(self.pictures, self.reference, source, level)
            shift = pair_of(self.pictures, self.reference, source, level)[1]
            moved = ((shift[0] - x * shift[2]).square() + (shift[1] - y * shift[2]).square()).sqrt() / z
            most = torch.where(z > 0, torch.maximum(most, moved), most)
        return torch.where(most > 0, 1.0 / most.clamp_min(1e-12), UNSEEN * inverse_depth)

    def perturbed(self, planes: Tensor, step: Tensor | None, turn: float, key: tuple[int, ...]) -> Tensor:
        """Planes moved by up to `step` in inverse depth, and turned by up to about `turn`, a tangent."""
        fx, fy, cx, cy = self.pictures.lens[self.reference].to(planes)
        u, v = centres(planes[..., 0])
        w, a, b = planes.unbind(-1)
        if step is not None:
            w = w + step * random_numbers(planes, (*key, 0))
        a, b = a / planes[..., 0], b / planes[..., 0]
        if turn > 0:
            x, y = fx * a, fy * b
            z = 1.0 - a * (u - cx) - b * (v - cy)
            length = turn * (x * x + y * y + z * z).sqrt()
            x, y, z = (t + length * random_numbers(planes, (*key, 1 + i)) for i, t in enumerate((x, y, z)))
            along = x * (u - cx) / fx + y * (v - cy) / fy + z
            inverse = torch.where(along > 0, 1.0 / along, torch.full_like(along, math.inf))  # no plane
            a, b = x / fx * inverse, y / fy * inverse
        return torch.stack([w, w * a, w * b], dim=-1)


def leaning(planes: Tensor, around: Tensor) -> Tensor:
    """Planes with the slopes of the inverse depths [8, h, w] AROUND; where one is missing, with their own."""
    w, a, b = planes.unbind(-1)

    def slope(i: int, old: Tensor) -> Tensor:
        near, far = around[i + 1] - around[i], around[i + 5] - around[i + 4]
        known = (around[[i, i + 1, i + 4, i + 5]] > 0).all(dim=0)
        return torch.where(known, (near + 3.0 * far) / 20.0, old)

    return torch.stack([w, slope(2, a), slope(0, b)], dim=-1)


def _weights(costs: Tensor, valid: Tensor, support: Tensor, number: int) -> Tensor:
    """Weights [S, h, w] of the sources, 0 for all but the BEST (ACMH, Sec. 3.2, without its draws).

    They follow from the costs [K, S, h, w] of the candidates valid [K, h, w], and how many of the four next
    pixels chose each source.
    """
    limit = GOOD * math.exp(-(number**2) / 90.0)
    count = valid.sum(dim=0).to(costs.dtype)
    valid = valid[:, None]
    good = valid & (costs < limit)
    many = 8.0 * good.sum(dim=0) >= 3.0 * count
    few_bad = 8.0 * (valid & (costs >= OUTSIDE)).sum(dim=0) < 3.0 * count
    each = torch.where(good, torch.exp(-costs.square() / (2.0 * SPREAD**2)), torch.zeros_like(costs))
    mean = each.sum(dim=0) / good.sum(dim=0).clamp_min(1)
    least = torch.where(valid, costs, torch.ones_like(costs)).amin(dim=0)
    weights = torch.where(many, mean, torch.full_like(mean, math.exp(-(limit**2) / 0.08)))
    weights = torch.where(few_bad, weights * support, torch.zeros_like(weights)) + HARDLY * (1.0 - least)
    order = weights.argsort(dim=0, descending=True, stable=True)
    rank = torch.empty_like(order).scatter_(
        0, order, torch.arange(len(order)).view(-1, 1, 1).expand_as(order).to(order.device)
    )
    return torch.where(rank < BEST, weights, torch.zeros_like(weights))


def _blend(weights: Tensor, costs: Tensor) -> Tensor:
    total = weights.sum(dim=0)
    return torch.where(
        total > 0, (weights * costs).sum(dim=0) / total.clamp_min(1e-12), torch.ones_like(total)
    )


@dataclass
class _State:
    planes: Tensor
    cost: Tensor
    selected: Tensor  # bool [S, h, w]


def _propagated(state: _State, region: list[tuple[int, int]]) -> Tensor:
    """The plane of the pixel of least cost of a region, at each pixel; w = 0 where there is none."""
    best, found = torch.full_like(state.cost, NOTHING), torch.zeros_like(state.planes)
    for right, down in region:
        cost, planes = shifted(state.cost, right, down, NOTHING), shifted(state.planes, right, down, 0.0)
        better = cost < best
        best = torch.where(better, cost, best)
        w = planes[..., 0] - planes[..., 1] * right - planes[..., 2] * down
        moved = torch.stack([w, planes[..., 1], planes[..., 2]], dim=-1)
        found = torch.where(better[..., None], moved, found)
    return found


def refine_planes(
    pictures: StereoPictures,
    reference: int,
    sources: list[int],
    start: Tensor,
    passes: int,
    seed: int,
    radius: int,
    shift: float,
    turn: float,
    far: bool,
    margin: float,
    interval: Tensor | None,
    depths: Tensor | None,
    reach: float,
) -> tuple[Tensor, Tensor]:
    """Planes [h, w, 3] and costs [h, w] of one reference picture; see `neurfield.ops.refine_planes`."""
    window = window_of(pictures, reference, radius, start.dtype)
    problem = _Problem(pictures, reference, sources, window, start, interval, depths, reach)
    h, w = start.shape[:2]
    planes = torch.where(problem.allowed(start)[..., None], start, torch.zeros_like(start))
    problem.start = planes
    if not sources:
        return planes, torch.ones_like(planes[..., 0])
    costs = problem.photometric(planes) + problem.geometric(planes)
    cost = costs.sort(dim=0).values[: best_of(len(sources))].mean(dim=0)
    cost = torch.where(planes[..., 0] > 0, cost, torch.full_like(cost, NOTHING))
    state = _State(planes, cost, torch.ones(len(sources), h, w, dtype=torch.bool, device=planes.device))
    checker = (torch.arange(h)[:, None] + torch.arange(w)).to(planes.device) % 2
    for number in range(passes):
        for colour in (0, 1):
            _half_pass(problem, state, checker == colour, number, seed, shift, turn, far, margin, passes)
    state.cost[state.planes[..., 0] <= 0] = 1.0
    return state.planes, state.cost


def _half_pass(
    problem: _Problem,
    state: _State,
    here: Tensor,
    number: int,
    seed: int,
    shift: float,
    turn: float,
    far: bool,
    margin: float,
    passes: int,
) -> None:
    key = (seed, problem.reference, number)
    candidates = [state.planes, *(_propagated(state, region) for region in regions(far))]
    fresh = problem.start
    if problem.interval is not None:  # a pixel that starts with nothing draws its inverse depth
        low, high = problem.interval.unbind(-1)
        drawn = low + (high - low) * (0.5 * random_numbers(low, (*key, 0, 0)) + 0.5)
        level = torch.stack([drawn, torch.zeros_like(drawn), torch.zeros_like(drawn)], dim=-1)
        fresh = torch.where(fresh[..., :1] > 0, fresh, level)
    candidates.append(fresh)
    valid = torch.stack([problem.allowed(c) for c in candidates])
    costs = torch.stack([problem.photometric(c) for c in candidates])
    support = torch.stack(
        [
            torch.stack(
                [
                    torch.where(shifted(s, x, y, False), 0.9, 0.1).to(costs)
                    for x, y in ((0, -1), (0, 1), (-1, 0), (1, 0))
                ]
            ).sum(0)
            for s in state.selected
        ]
    )
    weights = _weights(costs, valid, support, number)
    chosen = weights > 0
    first = torch.zeros_like(state.cost)
    for planes, good in zip(candidates, valid):
        first = torch.where((first > 0) | ~good, first, planes[..., 0])
    step = problem.pixel_step(torch.where(first > 0, first, torch.ones_like(first)))
    around = torch.stack([shifted(state.planes[..., 0], x, y, 0.0) for x, y in AROUND])
    best = torch.zeros_like(state.planes)
    best_cost = torch.full_like(state.cost, NOTHING)
    best_total = torch.full_like(state.cost, NOTHING)

    def score(planes: Tensor, photometric: Tensor) -> tuple[Tensor, Tensor]:
        cost = _blend(weights, photometric + problem.geometric(planes))
        return cost, cost + problem.leaving(planes, step) + problem.missing(planes, around, step)

    def offer(planes: Tensor, photometric: Tensor, good: Tensor, less: float = 0.0) -> None:
        nonlocal best, best_cost, best_total
        cost, total = score(planes, photometric)
        better = good & (total - less < best_total)
        best = torch.where(better[..., None], planes, best)
        best_cost = torch.where(better, cost, best_cost)
        best_total = torch.where(better, total - less, best_total)

    def present() -> Tensor:  # the best, and where there is none one that does no harm
        return torch.where(best[..., :1] > 0, best, best.new_tensor([1.0, 0.0, 0.0]))

    for k, (planes, photometric) in enumerate(zip(candidates, costs)):
        offer(planes, photometric, valid[k], margin if k == 0 else 0.0)
    some = best[..., 0] > 0
    planes = leaning(best, around)
    offer(planes, problem.photometric(planes), some & problem.allowed(planes))
    scale = 0.5**number
    for k, (moves, turns) in enumerate(((True, False), (False, True), (True, True))):
        moved = scale * shift * step if moves else None
        planes = problem.perturbed(present(), moved, scale * turn if turns else 0.0, (*key, 1 + k))
        offer(planes, problem.photometric(planes), some & problem.allowed(planes))
    if number == passes - 1:
        middle = present()
        move = torch.zeros_like(middle)
        move[..., 0] = PARABOLA * step
        before, now, after = (
            score(p, problem.photometric(p))[1] for p in (middle - move, middle, middle + move)
        )
        bend = before - 2.0 * now + after
        share = 0.5 * (before - after) / bend.clamp_min(1e-6)
        planes = middle + share.clamp(-1.0, 1.0)[..., None] * move
        offer(planes, problem.photometric(planes), some & (bend > 1e-6) & problem.allowed(planes))
    state.planes = torch.where(here[..., None], best, state.planes)
    state.cost = torch.where(here, best_cost, state.cost)
    state.selected = torch.where(here, chosen, state.selected)
