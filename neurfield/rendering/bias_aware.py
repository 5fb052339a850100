"""Density by the distance along the ray to where it crosses the surface, in the place of that to the surface.

DebSDF (Xu et al. 2024, section 3.5). A ray that passes close to a thin part has a small distance to it and
never meets it: by its distance it is opaque there, and what is behind is not seen. The level set at a sample
is taken for a circle in the plane of the ray and the normal, whose radius the next sample's normal tells.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import normalize

from neurfield.ops.reference.opacity import volsdf_alpha
from neurfield.parts import Number, needs
from neurfield.rays import Rays, Samples
from neurfield.rendering.answers import Answers
from neurfield.rendering.opacity import VolSDF, Width
from neurfield.rendering.uncertainty import blended, uncertainties

FLAT = 1e10  # radius of a ray's last sample, of which no next one tells
PLANE = 1e3  # radius from which a level set counts as a plane
LEAST_COSINE = 1e-3  # of ray and normal; the authors' 1e-8 hands its inverse to gradients
Share = Annotated[float, Number(least=0.0, most=1.0)]


@needs("heads.uncertainty")
class BiasAware(VolSDF):
    """VolSDF's density, of the distance along the ray where priors are uncertain (DebSDF, section 3.5).

    The correction comes in between two shares of the steps; before the first of them this is `volsdf`.

    Args:
        width_start: beta at the first step, unit lengths.
        width_end: beta at the last step, unit lengths.
        width_warm: beta at the first step of a fit that starts from a surface, unit lengths.
        learn: learn the width from width_start on, as the paper does, instead.
        begins: share of the steps from which on distances are corrected.
        whole: share of the steps from which on they wholly are.
    """

    def __init__(
        self,
        *,
        width_start: Width = 0.04,
        width_end: Width = 0.003,
        width_warm: Width = 0.006,
        learn: bool = False,
        begins: Share = 0.6,
        whole: Share = 0.8,
    ) -> None:
        widths = {"width_start": width_start, "width_end": width_end, "width_warm": width_warm}
        super().__init__(**widths, learn=learn)
        self.begins, self.whole = begins, whole

    @staticmethod
    def wrong_numbers(**numbers: float) -> str | None:
        """What does not fit together."""
        if numbers["begins"] >= numbers["whole"]:
            return f"begins {numbers['begins']}: it is before whole {numbers['whole']}"
        return None

    def corrected(self, progress: float) -> float:
        """How far distances are corrected, 0..1 (Eq. 24)."""
        share = (progress - self.begins) / (self.whole - self.begins)
        return min(1.0, max(0.0, math.exp(math.log(2.0) * share) - 1.0))

    def of_answers(
        self, answers: Answers, rays: Rays, samples: Samples, width: Tensor | float, progress: float
    ) -> tuple[Tensor, Tensor]:
        """As `Opacity.of_answers`."""
        corrected = self.corrected(progress)
        if not corrected:
            return super().of_answers(answers, rays, samples, width, progress)
        uncertain = blended(uncertainties(answers.heads["uncertainty"]))
        share = (2.0 * uncertain * corrected).clamp(0.0, 1.0)
        ray = samples.ray_indices
        along = distance_along(
            answers.sdf, answers.gradient, rays.directions[ray], answers.t, ray, share
        )  # fmt: skip
        normal = normalize(answers.gradient, dim=1, eps=1e-6)
        return volsdf_alpha(along, samples.t_ends - samples.t_starts, width), normal

    def bounds(
        self,
        sdf: Tensor,
        slopes: tuple[Tensor, Tensor],
        rays: Rays,
        samples: Samples,
        width: Tensor | float,
        progress: float,
    ) -> tuple[Tensor, Tensor]:
        """As `Opacity.bounds`: a crossing is at least as far as the surface, and there may be none."""
        near, _ = super().bounds(sdf, slopes, rays, samples, width, progress)
        if not self.corrected(progress):
            return near, near
        whole = -torch.expm1(-(samples.t_ends - samples.t_starts) / width)
        outside = sdf > 0.0
        return torch.where(outside, near, whole), torch.where(outside, torch.zeros_like(near), near)


def distance_along(
    sdf: Tensor, gradient: Tensor, direction: Tensor, t: Tensor, ray: Tensor, share: Tensor
) -> Tensor:
    """Distance [S] along rays to where they cross the surface, signed as the SDF (Eq. 18-21).

    Differentiable by the SDF alone.

    Args:
        sdf: [S] unit lengths.
        gradient: [S, 3] of the SDF.
        direction: [S, 3] of the samples' rays, units.
        t: [S] of the samples along their rays, ascending, unit lengths.
        ray: int64 [S], whose samples they are, ray after ray.
        share: [S] in 0..1, how far angles count: 0 gives the distance to the surface.
    """
    with torch.no_grad():
        slope = gradient.norm(dim=1).clamp_min(1e-6)
        normal = gradient / slope[:, None]
        radius = curvature_radius(normal, direction, t, ray)
        cosine = (normal * direction).sum(dim=1).abs().clamp_max(1.0)
        cosine = cosine.pow(share).clamp_min(LEAST_COSINE)
        sine_square = 1.0 - cosine.square()
    distance = sdf / slope
    with torch.no_grad():
        of_zero = radius - distance  # the radius of the surface itself
        beyond = (distance * of_zero <= 0.0) & (distance.abs() >= of_zero.abs())
        curved = ~beyond & (radius.abs() <= PLANE)
        of_zero = torch.where(curved, of_zero, torch.ones_like(of_zero))
    of_level = of_zero + torch.where(curved, distance, torch.zeros_like(distance))
    chord_square = of_zero.square() - of_level.square() * sine_square
    crosses = chord_square.detach() > 1e-9
    half_chord = torch.where(crosses, chord_square, torch.ones_like(chord_square)).sqrt()
    # of_level c - sign(of_zero) half_chord, times the sum of both over itself: no difference of large numbers
    sign = torch.sign(of_zero)
    total = torch.where(curved & crosses, of_level * cosine + sign * half_chord, torch.ones_like(distance))
    on_circle = distance * (2.0 * of_zero + distance) / total
    on_plane = distance / cosine
    beside = on_plane + distance * sine_square.sqrt() / cosine
    found = torch.where(crosses, on_circle, beside)
    # No crossing is nearer than the surface: where it seems so, the circle says nothing.
    nearer = found.detach().abs() < distance.detach().abs()
    return torch.where(curved & ~nearer, found, on_plane)


@torch.no_grad()
def curvature_radius(normal: Tensor, direction: Tensor, t: Tensor, ray: Tensor) -> Tensor:
    """Radius [S] of the level set at samples, in the plane of ray and normal; below 0 where it is hollow.

    By the law of sines in the triangle of two samples and the circle's centre (section 3.5.3).

    Args:
        normal: [S, 3] units.
        direction: [S, 3] of the samples' rays, units.
        t: [S] of the samples along their rays, ascending, unit lengths.
        ray: int64 [S], whose samples they are, ray after ray.
    """
    this, following, along = normal[:-1], normal[1:], direction[:-1]
    across = normalize(torch.linalg.cross(this, along), dim=1)
    following = normalize(following - (following * across).sum(dim=1, keepdim=True) * across, dim=1)
    turn = _sine(this, following).clamp_min(1e-9)
    radius = (t[1:] - t[:-1]) * _sine(following, along) / turn
    hollow = (this * along).sum(dim=1) > (following * along).sum(dim=1)
    radius = torch.where(hollow, -radius, radius)
    radius = torch.where(ray[1:] == ray[:-1], radius, FLAT)
    return torch.cat([radius, radius.new_full((min(1, len(t)),), FLAT)])


def _sine(a: Tensor, b: Tensor) -> Tensor:
    """Sine [N] of the angle between unit vectors, by half their chord, which is exact for small angles."""
    return torch.sin(2.0 * torch.arcsin((0.5 * (a - b).norm(dim=1)).clamp(0.0, 1.0)))
