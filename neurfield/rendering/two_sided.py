"""Opacities of distances without a sign: surfaces that need no inside, and look alike from either side.

A logistic density of such a distance lets half of the light through, because the distance never goes below
zero. NeuralUDF goes on behind the surface with the distance's negative, NeUDF has a density without an end.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from neurfield.ops.compositing import render_transmittance_from_alpha
from neurfield.ops.reference.opacity import neus_alpha
from neurfield.parts import Number
from neurfield.rays import Rays, Samples
from neurfield.rendering.opacity import Opacity, Width, annealed_share

LEAVING = 0.01  # slope along the ray from which on it leaves the surface (the authors')
SHARPEST = 2e4  # beta that may be learnt, per unit length (the authors')
LEAST_FAR = 1e-9  # unit lengths, by which NeUDF's opacity is divided
Share = Annotated[float, Number(least=0.0, most=1.0)]


class TwoSided(Opacity):
    """What opacities of distances without a sign share: normals face the camera, slopes count either way.

    A colour that is given these normals knows which side of a sheet it is on. A field with a sign is taken
    for its absolute value.
    """

    def along(
        self, distance: Tensor, slope: Tensor, samples: Samples, width: Tensor | float, progress: float
    ) -> Tensor:
        """Opacity [S] of sections.

        Args:
            distance: [S] in their middles, not negative, unit lengths.
            slope: [S] in their middles, d distance / d t along the ray.
            samples: the S sections.
            width: one number, unit lengths.
            progress: of the fit, in 0..1.
        """
        return self.alpha(distance, slope, samples.t_ends - samples.t_starts, width, progress)

    def of_sections(
        self,
        sdf: Tensor,
        gradient: Tensor,
        rays: Rays,
        samples: Samples,
        width: Tensor | float,
        progress: float,
    ) -> tuple[Tensor, Tensor]:
        """As `Opacity.of_sections`; normals face the camera."""
        slope = (gradient * rays.directions[samples.ray_indices]).sum(dim=1)
        normal = normalize(gradient, dim=1, eps=1e-6)
        facing = torch.where((slope > 0.0)[:, None], -normal, normal)
        # Not abs(): its derivative is zero where the distance is, which is where a surface moves.
        inside = sdf < 0.0
        distance, slope = torch.where(inside, -sdf, sdf), torch.where(inside, -slope, slope)
        return self.along(distance, slope, samples, width, progress), facing

    def bounds(
        self,
        sdf: Tensor,
        slopes: tuple[Tensor, Tensor],
        rays: Rays,
        samples: Samples,
        width: Tensor | float,
        progress: float,
    ) -> tuple[Tensor, Tensor]:
        """As `Opacity.bounds`. Where a section may hold the surface its slope may be any: there it turns."""
        inside = sdf < 0.0
        least = torch.where(inside, -slopes[1], slopes[0])
        greatest = torch.where(inside, -slopes[0], slopes[1])
        turns = sdf.abs() <= 0.5 * (samples.t_ends - samples.t_starts)
        least = torch.where(turns, least.clamp_max(-1.0), least)
        greatest = torch.where(turns, greatest.clamp_min(1.0), greatest)
        return self.between(sdf.abs(), least, greatest, samples, width, progress)

    def between(
        self,
        distance: Tensor,
        least: Tensor,
        greatest: Tensor,
        samples: Samples,
        width: Tensor | float,
        progress: float,
    ) -> tuple[Tensor, Tensor]:
        """The most and the least opacity [S] of slopes between two, [S] each; arguments as for `along`."""
        steep, flat = steepness(least, greatest)
        most = self.along(distance, steep, samples, width, progress)
        return most, self.along(distance, flat, samples, width, progress)


class NeuralUDF(TwoSided):
    """NeuS's density of a distance, and of its negative once the ray was at the surface (Long et al. 2023).

    alpha = V a(u) + (1 - V) a(-u) with NeuS's opacity a, the slope along the ray taken as approaching
    (Eq. 5-9). V is the chance that a ray has not met the surface yet: the product over the sections before of
    1 - h, where h = 1 - exp(-gain phi(u) length) by the logistic density phi of sharpness beta. A meeting
    counts where the distance begins to increase again; without that V falls in front of the surface.

    Args:
        width_start: 1/inv_s at the first step, unit lengths.
        width_end: 1/inv_s at the last step, unit lengths.
        width_warm: 1/inv_s at the first step of a fit that starts from a surface, unit lengths.
        learn: learn the width from width_start on, and beta, as the paper does, instead.
        anneal: share of the steps over which grazing sections fade to what their slope says.
        flip: beta times the width: the larger, the nearer to the surface a ray must come to meet it.
        gain: of the chance to meet it, as the authors' (exp 3).
        early: share of the steps over which a meeting counts wherever it is.
        late: share of the steps from which on it counts at turning points alone; before, nine tenths of it.
    """

    def __init__(
        self,
        *,
        width_start: Width = 0.04,
        width_end: Width = 0.003,
        width_warm: Width = 0.006,
        learn: bool = False,
        anneal: float = 0.3,
        flip: Width = 2.0,
        gain: Width = 20.0,
        early: Share = 0.03,
        late: Share = 0.5,
    ) -> None:
        widths = {"width_start": width_start, "width_end": width_end, "width_warm": width_warm}
        super().__init__(**widths, learn=learn)
        self.anneal, self.flip, self.gain, self.early, self.late = anneal, flip, gain, early, late
        self.log_beta = nn.Parameter(torch.tensor([math.log(flip / width_start)]))

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """What is learnt, by how it learns: "width", or nothing."""
        return {"width": [self.log_width, self.log_beta]} if self.learn else {}

    def saturation(self, progress: float) -> float:
        """How much of a meeting does not count where a ray still comes nearer, at a fit's progress."""
        return 0.0 if progress < self.early else 0.9 if progress < self.late else 1.0

    def alpha(
        self, sdf: Tensor, slope: Tensor, length: Tensor, width: Tensor | float, progress: float
    ) -> Tensor:
        """As `Opacity.alpha`, of sections that nothing was met before."""
        annealed = annealed_share(progress, self.anneal)
        return neus_alpha(sdf, -slope.abs(), length, width, annealed)

    def hits(self, distance: Tensor, length: Tensor, width: Tensor | float) -> Tensor:
        """Chance h [S] that a ray meets the surface in sections; arguments as for `along`."""
        beta = self.log_beta.exp().clamp_max(SHARPEST) if self.learn else self.flip / width
        density = beta * torch.sigmoid(beta * distance) * torch.sigmoid(-beta * distance)
        return -torch.expm1(-self.gain * density * length)

    def visible(self, hits: Tensor, leaving: Tensor, samples: Samples, progress: float) -> Tensor:
        """Chance V [S] that a ray has met nothing before a section.

        Args:
            hits: [S], as `hits` says.
            leaving: bool [S], whether the ray leaves the surface there.
            samples: the S sections.
            progress: of the fit, in 0..1.
        """
        ray = samples.ray_indices
        turning = torch.zeros_like(leaving)
        turning[:-1] = leaving[1:] & (ray[1:] == ray[:-1])
        counted = torch.where(turning, hits, torch.relu(hits - self.saturation(progress)))
        return render_transmittance_from_alpha(counted, packed_info=samples.packed_info)

    def along(
        self, distance: Tensor, slope: Tensor, samples: Samples, width: Tensor | float, progress: float
    ) -> Tensor:
        """As `TwoSided.along`."""
        length = samples.t_ends - samples.t_starts
        hits = self.hits(distance, length, width)
        visible = self.visible(hits, slope >= LEAVING, samples, progress)
        return self.seen(visible, distance, slope, length, width, progress)

    def seen(
        self,
        visible: Tensor,
        distance: Tensor,
        slope: Tensor,
        length: Tensor,
        width: Tensor | float,
        progress: float,
    ) -> Tensor:
        """Opacity [S] of sections that a ray reaches unmet by the chance `visible` [S]; else as `alpha`."""
        before, behind = (self.alpha(u, slope, length, width, progress) for u in (distance, -distance))
        return behind + visible * (before - behind)

    def between(
        self,
        distance: Tensor,
        least: Tensor,
        greatest: Tensor,
        samples: Samples,
        width: Tensor | float,
        progress: float,
    ) -> tuple[Tensor, Tensor]:
        """As `TwoSided.between`: either slope says where the ray may turn."""
        length = samples.t_ends - samples.t_starts
        hits = self.hits(distance, length, width)
        found = []
        for slope, leaving in zip(steepness(least, greatest), (greatest >= LEAVING, least >= LEAVING)):
            visible = self.visible(hits, leaving, samples, progress)
            found.append(self.seen(visible, distance, slope, length, width, progress))
        return found[0], found[1]


class NeUDF(TwoSided):
    """The share by which zeta(u) = u / (u + width) changes over a section (NeUDF, Liu et al. 2023).

    alpha = |zeta(u_before) - zeta(u_after)| / max of both (Eq. 10-12): one wherever a section holds the
    surface. In front of it the opacity falls as slowly as one over the distance, so that rendered depth is
    some widths short.

    Args:
        width_start: 1/r at the first step, unit lengths.
        width_end: 1/r at the last step, unit lengths.
        width_warm: 1/r at the first step of a fit that starts from a surface, unit lengths.
        learn: learn the width from width_start on, as the paper does, instead.
        anneal: share of the steps over which grazing sections fade to what their slope says.
    """

    def __init__(
        self,
        *,
        width_start: Width = 0.04,
        width_end: Width = 0.003,
        width_warm: Width = 0.006,
        learn: bool = False,
        anneal: float = 0.3,
    ) -> None:
        widths = {"width_start": width_start, "width_end": width_end, "width_warm": width_warm}
        super().__init__(**widths, learn=learn)
        self.anneal = anneal

    def alpha(
        self, sdf: Tensor, slope: Tensor, length: Tensor, width: Tensor | float, progress: float
    ) -> Tensor:
        """As `Opacity.alpha`."""
        annealed = annealed_share(progress, self.anneal)
        steep = slope.abs()
        half_step = 0.5 * length * ((0.5 + 0.5 * steep) * (1.0 - annealed) + steep * annealed)
        near, far = torch.relu(sdf - half_step), (sdf + half_step).clamp_min(LEAST_FAR)
        # 1 - zeta(near) / zeta(far) as one fraction: no difference of two numbers near one far away.
        return ((far - near) * width / (far * (width + near))).clamp(0.0, 1.0)


def steepness(least: Tensor, greatest: Tensor) -> tuple[Tensor, Tensor]:
    """The steepest and the flattest of slopes between two, as they are without their sign; [S] all."""
    steep = torch.maximum(least.abs(), greatest.abs())
    flat = torch.minimum(least.abs(), greatest.abs())
    return steep, torch.where((least < 0.0) & (greatest > 0.0), torch.zeros_like(flat), flat)
