"""Rays meet a surface where marching along them finely does."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from neurfield.rays import Rays
from neurfield.rendering import FirstHits

BOX = [-1.0, -0.8, -0.6, 1.0, 0.8, 0.6]


class Things:
    """Distance to a ball and a plate beside it, seen from outside, or to the inside of a ball."""

    def __init__(self, inside: bool) -> None:
        self.inside, self.asked = inside, 0

    def sdf(self, points: Tensor) -> Tensor:
        self.asked += len(points)
        if self.inside:
            return 0.55 - points.norm(dim=1)
        ball = (points - torch.tensor([0.3, 0.1, 0.0])).norm(dim=1) - 0.25
        off = (points - torch.tensor([-0.4, 0.0, 0.1])).abs() - torch.tensor([0.3, 0.3, 0.04])
        plate = off.clamp_min(0.0).norm(dim=1) + off.amax(dim=1).clamp_max(0.0)
        return torch.minimum(ball, plate)


def rays(count: int, inside: bool) -> Rays:
    generator = torch.Generator().manual_seed(0)
    directions = normalize(torch.randn(count, 3, generator=generator), dim=1)
    origins = 0.1 * torch.randn(count, 3, generator=generator)
    if not inside:
        origins = origins - 2.0 * directions
    directions = normalize(directions + 0.1 * torch.randn(count, 3, generator=generator), dim=1)
    box = torch.tensor(BOX)
    ends = torch.stack([(edge - origins) / directions for edge in (box[:3], box[3:])])
    t_min = ends.amin(dim=0).amax(dim=1).clamp_min(0.0)
    t_max = torch.maximum(ends.amax(dim=0).amin(dim=1), t_min)
    return Rays(origins, directions, t_min, t_max, torch.ones(count))


def marched(field: Things, lines: Rays, steps: int = 8192) -> Tensor:
    """The first of many places along each ray that is behind the surface; 0 where none is."""
    found = []
    for o, d, a, b in zip(lines.origins, lines.directions, lines.t_min, lines.t_max):
        t = torch.linspace(float(a), float(b), steps)
        behind = (field.sdf(o + t[:, None] * d) < 0).nonzero()
        found.append(t[behind[0, 0]] if len(behind) and b > a else torch.tensor(0.0))
    return torch.stack(found)


@pytest.mark.parametrize("inside", [False, True])
def test_rays_meet_what_marching_finely_meets(inside: bool) -> None:
    field, lines = Things(inside), rays(300, inside)
    t = FirstHits.of(field, BOX, 0.02).along(lines)
    wanted = marched(field, lines)
    assert t.shape == (300,) and (wanted > 0).sum() > (250 if inside else 90)
    grazing = (t > 0) != (wanted > 0)
    assert grazing.float().mean() < 0.02
    both = (t > 0) & (wanted > 0)
    assert (t - wanted)[both].abs().median() < 1e-3
    assert ((t - wanted)[both].abs() < 0.02).float().mean() > 0.97  # but where a ray just passes an edge


def test_few_places_are_asked() -> None:
    field = Things(inside=False)
    FirstHits.of(field, BOX, 0.01)
    assert field.asked < 0.4 * 200 * 160 * 120


def test_nothing_is_met_where_nothing_is() -> None:
    lines = rays(7, inside=True)

    class Empty:
        def sdf(self, points: Tensor) -> Tensor:
            return torch.ones(len(points))

    assert not FirstHits.of(Empty(), BOX, 0.05).along(lines).any()
    full = FirstHits.of(Things(inside=True), BOX, 0.05)
    assert full.along(lines.take(slice(0, 0))).shape == (0,)
    later = Rays(lines.origins, lines.directions, full.along(lines) + 0.02, lines.t_max, lines.z_per_t)
    assert not full.along(later).any()  # the stretch begins behind the surface
    past = Rays(lines.origins, lines.directions, lines.t_max, lines.t_max, lines.z_per_t)
    assert not full.along(past).any()  # an empty stretch
