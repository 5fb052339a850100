"""Beyond the box: mappings of all space, and sections of rays there."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from neurfield.ops.ray_march import ray_box
from neurfield.rays import Rays
from neurfield.rendering.beyond import FAR, Beyond, contracted, inverted, sections_by_weight

BOX = torch.tensor([-1.0, -0.6, -0.8, 1.0, 0.6, 0.8])


def rays(count: int = 200, seed: int = 0) -> Rays:
    """From around the box and from within it, in all directions: some meet it, some do not."""
    generator = torch.Generator().manual_seed(seed)
    origins = 3.0 * torch.randn(count, 3, generator=generator)
    origins[::4] = 0.4 * (torch.rand(len(origins[::4]), 3, generator=generator) - 0.5)
    directions = normalize(torch.randn(count, 3, generator=generator), dim=1)
    directions[::2] = normalize(0.5 * directions[::2] - origins[::2], dim=1)
    near, far = ray_box(origins, directions, BOX)
    return Rays(origins, directions, near, torch.maximum(near, far), torch.ones(count))


@pytest.mark.parametrize(("domain", "dimensions"), [(contracted, 3), (inverted, 4)])
def test_a_mapping_holds_all_space_and_tells_places_apart(domain, dimensions: int) -> None:  # type: ignore[no-untyped-def]
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(2000, 3, generator=generator) * 10.0 ** torch.linspace(-2, 4, 2000)[:, None]
    mapped = domain(points)
    assert mapped.shape == (2000, dimensions) and mapped.min() >= 0.0 and mapped.max() <= 1.0
    inner = points[points.norm(dim=1) < 1.0]
    torch.testing.assert_close(
        domain(inner)[:, :3], inner * (0.25 if dimensions == 3 else 0.5) + 0.5
    )  # where the box is, space keeps its shape
    away = normalize(points, dim=1)
    for distance in (1.2, 3.0, 20.0):  # farther is another place, and no jump anywhere
        here, there = domain(distance * away), domain(1.3 * distance * away)
        assert (here - there).norm(dim=1).min() > 0.05 / distance
    step = domain(points * (1.0 + 1e-3)) - mapped
    assert step.abs().max() < 2e-3


def test_sections_begin_where_rays_leave_the_box_and_end_far_away() -> None:
    some = rays()
    hit = some.t_max > some.t_min
    assert 50 < int(hit.sum()) < 150
    beyond = Beyond.of(some)
    edges = beyond.edges(16)
    points = beyond.points(edges)
    exits = some.origins + some.t_max[:, None] * some.directions
    torch.testing.assert_close(points[hit, 0], exits[hit], atol=1e-4, rtol=1e-4)
    assert (edges[:, 1:] > edges[:, :-1]).all()
    distance = points.norm(dim=2)
    assert ((distance[:, -1] > 0.9 * FAR) & (distance[:, -1] < 1.5 * FAR)).all()
    # Rays that pass by are looked at before the place where they are nearest, too, but not from the eye on.
    passing = ~hit & (beyond.approach > 1.0)
    t = ((points - some.origins[:, None]) * some.directions[:, None]).sum(dim=2)
    assert (t[passing, 0] < 0.5 * beyond.approach[passing]).all() and (t[passing, 0] > 0.0).all()
    assert (t[:, 0] > -1e-4).all()
    # Sections grow with the distance: none is longer than some parts of it.
    length = (points[:, 1:] - points[:, :-1]).norm(dim=2)
    assert (length / torch.maximum(distance[:, 1:], distance[:, :-1]).clamp_min(0.5)).max() < 0.6


def weight_between(edges: Tensor, weights: Tensor, ends: Tensor) -> Tensor:
    """How much of weights [R, K], even over their sections, lies between neighbours of ends [R, M]."""
    below = torch.nn.functional.pad(weights.cumsum(dim=1), (1, 0))
    place = (torch.searchsorted(edges, ends.contiguous(), right=True) - 1).clamp(0, weights.shape[1] - 1)
    low, high = edges.gather(1, place), edges.gather(1, place + 1)
    share = (ends - low) / (high - low)
    at = torch.lerp(below.gather(1, place), below.gather(1, place + 1), share)
    return at[:, 1:] - at[:, :-1]


def test_sections_by_weight_hold_the_same_each() -> None:
    generator = torch.Generator().manual_seed(1)
    edges = Beyond.of(rays(50)).edges(12)
    weights = torch.rand(50, 12, generator=generator).double().float() ** 4
    found = sections_by_weight(edges, weights, 7, floor=0.0)
    assert found.shape == (50, 8) and (found[:, 1:] >= found[:, :-1]).all()
    torch.testing.assert_close(found[:, [0, -1]], edges[:, [0, -1]])
    share = weight_between(edges, weights / weights.sum(dim=1, keepdim=True), found)
    torch.testing.assert_close(share, torch.full_like(share, 1.0 / 7.0), atol=1e-4, rtol=1e-3)


def test_without_weight_sections_are_even_and_with_a_floor_all_space_is_looked_at() -> None:
    edges = torch.linspace(0.0, 1.0, 11).expand(3, -1).contiguous()
    none = sections_by_weight(edges, torch.zeros(3, 10), 5)
    torch.testing.assert_close(none, torch.linspace(0.0, 1.0, 6).expand(3, -1), atol=1e-6, rtol=0.0)
    peak = torch.zeros(3, 10)
    peak[:, 4] = 1.0
    found = sections_by_weight(edges, peak, 20, floor=0.2)
    within = ((found[:, :-1] >= 0.4 - 1e-6) & (found[:, 1:] <= 0.5 + 1e-6)).sum(dim=1)
    assert (within >= 15).all()
    assert sections_by_weight(edges[:0], peak[:0], 20).shape == (0, 21)
