"""Where rays first meet the surface, and how that follows the field."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from neurfield.rays import Samples
from neurfield.rendering import Answers

LEAST_SLOPE = 0.1  # of the field along a ray; a grazing one would be moved without bound
LONGEST_GAP = 3.0  # between the middles of two sections, in lengths of the sections


@dataclass(frozen=True)
class Crossings:
    """Where R rays first meet the surface from outside.

    Attributes:
        valid: bool [R], whether one does; the rest of its rows mean nothing, and are finite.
        t: [R] unit lengths along the rays. Its gradient is that of the place where the field is zero.
        normal: [R, 3] unit, world axes, differentiable.
        slope: [R] of the field along the ray, negative; without gradient.
    """

    valid: Tensor
    t: Tensor
    normal: Tensor
    slope: Tensor


def first_crossings(samples: Samples, answers: Answers) -> Crossings:
    """The first change from + to - between two neighbouring sections of each ray, by linear interpolation.

    A ray whose first section is behind a surface already has none. From f(o + t d) = 0 follows dt = -df /
    (df/dt) (Niemeyer et al. 2020, Sec. 3.3): df between the sections is that of their interpolated values,
    df/dt their difference, at least 0.1 in size.

    Args:
        samples: sections of R rays.
        answers: what the field says in their middles.
    """
    packed, ray, sdf = samples.packed_info, samples.ray_indices, answers.sdf
    rays, count = len(packed), len(sdf)
    if count < 2:
        none = sdf.new_zeros(rays)
        return Crossings(none > 0, none, sdf.new_tensor([0.0, 0.0, 1.0]).expand(rays, 3), none - 1.0)
    value, t = sdf.detach(), answers.t
    apart, length = t[1:] - t[:-1], (samples.t_ends - samples.t_starts)[1:]
    crosses = (ray[1:] == ray[:-1]) & (value[:-1] > 0) & (value[1:] <= 0) & (apart < LONGEST_GAP * length)
    places = torch.arange(count - 1, device=sdf.device)
    places = torch.where(crosses, places, count)
    first = places.new_full((rays,), count).scatter_reduce(0, ray[:-1], places, "amin")
    outside = value[packed[:, 0].clamp_max(count - 1)] > 0
    valid = (first < count) & outside
    i = torch.where(valid, first, 0)
    one = torch.ones_like(value[i])
    slope = torch.where(valid, (value[i + 1] - value[i]) / torch.where(valid, apart[i], one), -one)
    slope = slope.clamp_max(-LEAST_SLOPE)
    share = torch.where(valid, value[i] / torch.where(valid, value[i] - value[i + 1], one), 0.5 * one)
    between = (1.0 - share) * sdf[i] + share * sdf[i + 1]
    follows = torch.where(valid, -(between - between.detach()) / slope, 0.0)
    gradient = torch.lerp(answers.gradient[i], answers.gradient[i + 1], share[:, None])
    return Crossings(valid, t[i] + share * apart[i] + follows, normalize(gradient, dim=1, eps=1e-5), slope)
