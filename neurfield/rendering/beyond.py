"""All that lies beyond the box: where rays are sampled there, and mappings of it to a finite domain."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neurfield.rays import Rays
from neurfield.rendering.inverse import places_by_weight

FAR = 64.0  # unit lengths from the closest approach: there, contracted cells are as wide as their distance
_NEAR = 0.3  # of the way to the closest approach: a ray past the box may meet the ground in front of it
_LEAST_APPROACH = 0.5  # unit lengths: the box is there, and nothing finer needs to be told apart


def contracted(points: Tensor) -> Tensor:
    """Points [N, 3] of all space in [0, 1]^3: the unit cube keeps its shape and gets the middle half.

    Beyond it (2 - 1/m) x / m, m the largest of |x|, |y| and |z| (mip-NeRF 360, Barron et al. 2022, Eq. 10, in
    this norm, which fills a cube).
    """
    m = points.abs().amax(dim=1, keepdim=True).clamp_min(1.0)
    return points * ((2.0 * m - 1.0) / m.square()) * 0.25 + 0.5


def inverted(points: Tensor) -> Tensor:
    """Points [N, 3] of all space in [0, 1]^4: the place on the unit sphere, and one over the distance.

    NeRF++ (Zhang et al. 2020, Sec. 4); points within the sphere stay where they are, and their fourth is 1.
    """
    distance = points.norm(dim=1, keepdim=True).clamp_min(1.0)
    return torch.cat([points / distance * 0.5 + 0.5, 1.0 / distance], dim=1)


@dataclass(frozen=True)
class Beyond:
    """The stretches of R rays beyond the box: from where they leave it to `FAR`.

    Places are told by s = asinh((t - t_c) / a), the integral of dt / |x(t)| along a ray that comes closest to
    the box's middle at t_c, up to `a`: equal steps of it are equal relative to the distance from the middle.

    Attributes:
        rays: R, in unit coordinates.
        approach: [R] t_c.
        nearest: [R] a, unit lengths.
        start, end: [R], in s.
    """

    rays: Rays
    approach: Tensor
    nearest: Tensor
    start: Tensor
    end: Tensor

    @staticmethod
    def of(rays: Rays) -> Beyond:
        """Of rays; one that misses the box is looked at from 0.3 of the way to its closest approach."""
        approach = -(rays.origins * rays.directions).sum(dim=1)
        closest = rays.origins + approach[:, None] * rays.directions
        nearest = closest.norm(dim=1).clamp_min(_LEAST_APPROACH)
        leaves = torch.where(rays.t_max > rays.t_min, rays.t_max, _NEAR * approach.clamp_min(0.0))
        start = torch.asinh((leaves - approach) / nearest)
        return Beyond(rays, approach, nearest, start, torch.maximum(torch.asinh(FAR / nearest), start))

    def edges(self, count: int) -> Tensor:
        """Where `count` sections of equal length in s begin and end [R, count + 1]."""
        share = torch.linspace(0.0, 1.0, count + 1, device=self.start.device)
        return torch.lerp(self.start[:, None], self.end[:, None], share)

    def points(self, s: Tensor) -> Tensor:
        """Points [R, K, 3] at places s [R, K]."""
        t = self.approach[:, None] + self.nearest[:, None] * torch.sinh(s)
        return self.rays.origins[:, None] + t[..., None] * self.rays.directions[:, None]


def sections_by_weight(edges: Tensor, weights: Tensor, count: int, floor: float = 0.1) -> Tensor:
    """Sections of which each holds as much weight as any other: where they begin and end [R, count + 1].

    They cover what the given ones cover (inverse transform sampling; NeRF, Mildenhall et al. 2020, Sec. 5.2).

    Args:
        edges: [R, K + 1] of sections, ascending.
        weights: [R, K] of these, not negative; even over a section.
        count: of the new sections.
        floor: share of all weight that is spread over all sections evenly.
    """
    sections = weights.shape[1]
    share = weights / weights.sum(dim=1, keepdim=True).clamp_min(1e-6) * (1.0 - floor) + floor / sections
    wanted = torch.linspace(0.0, 1.0, count + 1, device=edges.device).expand(len(edges), -1)
    found = places_by_weight(edges, share, wanted)
    return torch.cat([found[:, :-1], edges[:, -1:]], dim=1)
