"""VolSDF's sampler: rays are asked until the error of their opacity is bounded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.fields.protocols import Distances
from neurfield.moment import Moment, geometric
from neurfield.parts import Number
from neurfield.rays import Rays, Samples
from neurfield.rendering.error_bound import (
    error_bound,
    greatest_error,
    laplace_density,
    narrowed,
    safe_width,
)
from neurfield.rendering.inverse import places_by_weight
from neurfield.rendering.opacity import OpacityNow, VolSDF

if TYPE_CHECKING:
    from neurfield.pixels import Pixels

LEAST_WEIGHT = 1e-5  # of a section, so that no part of a ray is never sampled
LEAST_DOUBT = 1e-6
Count = Annotated[int, Number(least=1)]


@dataclass(frozen=True)
class Bounded:
    """Rays whose opacity's error is bounded, or that were asked as often as allowed; all with as many places.

    Attributes:
        ray: [A] which of the rays they are.
        t: [A, N] where the field was asked, ascending, unit lengths.
        sdf: [A, N] what it said.
        width: [A, 1] for which the error is within the bound.
    """

    ray: Tensor
    t: Tensor
    sdf: Tensor
    width: Tensor


class ErrorBounded:
    """Samples by weight after rays were asked until the error of their opacity is bounded.

    Algorithm 1 of VolSDF (Yariv et al. 2021), as MonoSDF has it, for the density of `passes.volsdf`: 128 even
    places a ray; the narrowest width for which the bound holds is found by bisection; more places are added
    where the bound is large. Each ray ends by itself once the bound holds for the width that is rendered
    with, where the paper goes on with all of them until the last one ends. The bound is that of a distance
    field: a field that is steeper than 1 may break it.

    Args:
        device: of the samples.
        rays: of a step.
        samples: a ray, drawn by weight.
        extra: a ray, drawn from all places where the field was asked.
        evaluated: places that a round adds to a ray.
        rounds: at most.
        error: bound of the opacity's error.
        halvings: of the bisection.
        truncation: half width of the band around sensed depth at the end of the fit, unit lengths.
    """

    def __init__(
        self,
        device: torch.device,
        *,
        rays: Count = 1024,
        samples: Count = 64,
        extra: Annotated[int, Number(least=0)] = 32,
        evaluated: Annotated[int, Number(least=2)] = 128,
        rounds: Count = 5,
        error: Annotated[float, Number(above=0.0, below=1.0)] = 0.1,
        halvings: Count = 10,
        truncation: Annotated[float, Number(above=0.0)] = 0.012,
    ) -> None:
        self.device, self.count = device, rays
        self.samples, self.extra, self.evaluated = samples, extra, evaluated
        self.rounds, self.error, self.halvings = rounds, error, halvings
        self.last_truncation = truncation

    @staticmethod
    def wrong_numbers(**numbers: float) -> str | None:
        """What does not fit together."""
        if numbers["extra"] > numbers["evaluated"]:
            return f"extra {numbers['extra']}: they are drawn of evaluated {numbers['evaluated']}, and fewer"
        return None

    @property
    def words(self) -> str:
        """How large a step is, for people."""
        return f"{self.count} rays"

    def rays(self) -> int:
        """How many the next step draws."""
        return self.count

    def truncation(self, moment: Moment) -> float:
        """Half width of the band around sensed depth, unit lengths: four times the last one at first."""
        return geometric(4.0 * self.last_truncation, self.last_truncation, 2.0 * moment.progress)

    def widest(self, moment: Moment, guided: bool) -> float:
        """Any width: rays are sampled over all of their stretch in the box."""
        return math.inf

    def look(self, field: Distances, moment: Moment) -> None:
        """Nothing is kept of where the surface is."""

    def sample(
        self, pixels: Pixels, field: Distances, opacity: OpacityNow, moment: Moment
    ) -> tuple[Pixels, Samples]:
        """Sections for every ray that meets the box, and the pixels as they are.

        Raises:
            UserError: the opacity is not VolSDF's.
        """
        return pixels, self._sections(pixels.rays, field, opacity, moment.generator, random=True)

    def for_picture(self, rays: Rays, field: Distances, opacity: OpacityNow) -> Samples:
        """Sections for rays of a picture, always the same ones."""
        return self._sections(rays, field, opacity, None, random=False)

    @torch.no_grad()
    def bounded(
        self, rays: Rays, field: Distances, width: float, generator: torch.Generator | None, random: bool
    ) -> list[Bounded]:
        """Rays that meet the box, in groups that were asked equally often.

        Args:
            rays: R.
            field: asked for its values.
            width: that is rendered with, unit lengths.
            generator: of the first places; None: torch's own.
            random: whether these lie at random in their strata, or in the middle.
        """
        ray = (rays.t_max > rays.t_min).nonzero()[:, 0]
        met = rays.take(ray)
        shape = (len(ray), self.evaluated)
        noise = torch.rand(shape, generator=generator, device=self.device) if random else 0.5
        share = (torch.arange(self.evaluated, device=self.device) + noise) / self.evaluated
        share = share.expand(shape).clone()
        share[:, 0], share[:, -1] = 0.0, 1.0  # the bound is of the whole stretch
        t = torch.lerp(met.t_min[:, None], met.t_max[:, None], share)
        now = Bounded(ray, t, _asked(field, met, t), safe_width(t, self.error))
        done = []
        for number in range(self.rounds):
            now = self._narrower(now, width)
            open_ = (now.width[:, 0] > width) if number + 1 < self.rounds else torch.zeros_like(now.ray) > 0
            done.append(_part(now, ~open_))
            now = _part(now, open_)
            if not len(now.ray):
                break
            now = self._asked_again(rays, field, now)
        return [group for group in done if len(group.ray)]

    def _narrower(self, now: Bounded, width: float) -> Bounded:
        """With the narrowest width for which the bound holds; places that were added may have broken it."""
        holds = greatest_error(now.t, now.sdf, now.width)[:, None] <= self.error
        wide = torch.where(holds, now.width, safe_width(now.t, self.error)).clamp_min(width)
        found = narrowed(now.t, now.sdf, width, wide, self.error, self.halvings)
        return Bounded(now.ray, now.t, now.sdf, found)

    def _asked_again(self, rays: Rays, field: Distances, now: Bounded) -> Bounded:
        """With as many places more where the bound is large."""
        grown, transmittance = error_bound(now.t, now.sdf, now.width)
        wanted = torch.linspace(0.0, 1.0, self.evaluated, device=self.device).expand(len(now.ray), -1)
        more = places_by_weight(now.t, grown * transmittance + LEAST_DOUBT, wanted)
        t, order = torch.cat([now.t, more], dim=1).sort(dim=1, stable=True)
        sdf = torch.cat([now.sdf, _asked(field, rays.take(now.ray), more)], dim=1).gather(1, order)
        return Bounded(now.ray, t, sdf, now.width)

    def _sections(
        self,
        rays: Rays,
        field: Distances,
        opacity: OpacityNow,
        generator: torch.Generator | None,
        random: bool,
    ) -> Samples:
        if not isinstance(opacity.opacity, VolSDF):
            raise UserError(
                "sampler.error_bounded bounds the error of volsdf's density, and "
                f"'passes.{opacity.label}' is {type(opacity.opacity).__name__}: set "
                f"passes.{opacity.label}=volsdf or sampler=marched"
            )
        groups = self.bounded(rays, field, opacity.number, generator, random)
        count = self.samples + self.extra + 1  # sections between as many places, and both ends
        edges = torch.zeros(len(rays), count + 1, device=self.device)
        for group in groups:
            met = rays.take(group.ray)
            edges[group.ray] = self._edges(met, group, generator, random)
        hit = torch.zeros(len(rays), dtype=torch.bool, device=self.device)
        hit[torch.cat([group.ray for group in groups]) if groups else slice(0, 0)] = True
        index = hit.nonzero()[:, 0]
        number = torch.where(hit, count, 0)
        return Samples(
            index.repeat_interleave(count),
            edges[index, :-1].reshape(-1),
            edges[index, 1:].reshape(-1),
            torch.stack([number.cumsum(0) - number, number], dim=1),
        )

    def _edges(self, met: Rays, group: Bounded, generator: torch.Generator | None, random: bool) -> Tensor:
        """Places of rays [A, samples + extra + 2], ascending: by weight, some that were asked, both ends."""
        length = group.t[:, 1:] - group.t[:, :-1]
        integral = length * laplace_density(group.sdf[:, :-1], group.width)
        before = torch.nn.functional.pad(integral.cumsum(dim=1), (1, 0))[:, :-1]
        weight = torch.exp(-before) * -torch.expm1(-integral)
        shape = (len(group.ray), self.samples)
        if random:
            wanted = torch.rand(shape, generator=generator, device=self.device)
            chosen = torch.randperm(group.t.shape[1], generator=generator, device=self.device)[: self.extra]
        else:
            wanted = torch.linspace(0.0, 1.0, self.samples, device=self.device).expand(shape)
            chosen = torch.linspace(0, group.t.shape[1] - 1, self.extra, device=self.device).long()
        drawn = places_by_weight(group.t, weight + LEAST_WEIGHT, wanted)
        ends = torch.stack([met.t_min, met.t_max], dim=1)
        return torch.cat([drawn, group.t[:, chosen], ends], dim=1).sort(dim=1).values

    def state(self) -> dict[str, Tensor]:
        """Nothing."""
        return {}

    def load(self, state: dict[str, Tensor]) -> None:
        """Take nothing."""


def _asked(field: Distances, rays: Rays, t: Tensor) -> Tensor:
    """What the field says [R, K] at places t [R, K] of rays."""
    points = rays.origins[:, None] + t[..., None] * rays.directions[:, None]
    return field.sdf(points.reshape(-1, 3)).reshape(t.shape)


def _part(group: Bounded, chosen: Tensor) -> Bounded:
    return Bounded(group.ray[chosen], group.t[chosen], group.sdf[chosen], group.width[chosen])
