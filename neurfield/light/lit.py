"""What is lit, and by what: surfaces with their materials, lamps, and what surrounds them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.light.lights import BallLight, Environment, LightMet, LightSample, QuadLight
from neurfield.light.materials import Shading
from neurfield.traced import TracedSurface

_ALMOST = 0.9995  # of the way to a lamp: what stands nearer to it than the rest does not shade
_NO_GLOSS = -1.0
_EVEN = 0.1  # share of questions that are spread over all lights


@dataclass(frozen=True)
class Material:
    """What a surface, or a part of it, is made of.

    Attributes:
        albedo: linear, 0..1; None: the surface's own colours.
        roughness: 0..1; None: no gloss at all.
        metal: 0..1.
        emission: radiance of its own, linear.
    """

    albedo: tuple[float, float, float] | None = None
    roughness: float | None = None
    metal: float = 0.0
    emission: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Region:
    """A box of the world within which surfaces are made of something else.

    Attributes:
        box: [2, 3] minimum and maximum, world.
        material: there.
    """

    box: np.ndarray
    material: Material


@dataclass
class LitHits:
    """Where N rays first meet a lit scene: t, position, normal as of `SurfaceHits`, and what is there.

    Attributes:
        t: [N] world lengths, inf: nowhere.
        position: [N, 3], counted from the scene's origin.
        normal: [N, 3] unit, into free space.
        shading: of the points.
        margin: [N] off the surface, where rays begin that leave it.
        hit: [N] bool.
    """

    t: Tensor
    position: Tensor
    normal: Tensor
    shading: Shading
    margin: Tensor
    hit: Tensor


@dataclass
class LitScene:
    """Surfaces and light. Points are counted from `origin`, on the host.

    Attributes:
        surfaces: each with its material.
        lamps: parallelograms and balls, counted from `origin`.
        environment: what comes along rays that meet nothing; None: nothing.
        regions: later ones go before earlier ones.
        origin: [3] float64, world.

    Raises:
        UserError: nothing shines.
    """

    surfaces: Sequence[tuple[TracedSurface, Material]]
    lamps: Sequence[QuadLight | BallLight] = ()
    environment: Environment | None = None
    regions: Sequence[Region] = ()
    origin: np.ndarray = field(default_factory=lambda: np.zeros(3))

    def __post_init__(self) -> None:
        boxes = np.stack([surface.box for surface, _ in self.surfaces])
        self.radius = float(np.linalg.norm(np.ptp([boxes[:, 0].min(0), boxes[:, 1].max(0)], axis=0))) / 2
        powers = [lamp.power for lamp in self.lamps]
        if self.environment is not None:
            powers.append(self.environment.power(self.radius))
        self._powers = torch.tensor(powers, dtype=torch.float32)
        glows = any(max(material.emission) > 0 for material in self._materials())
        if not (self._powers > 0).any() and not glows:
            raise UserError(
                "nothing shines: give a lamp, an environment or a glow with a strength above 0 (--light)"
            )
        lamps = self.lamps
        self._middles = torch.stack([lamp.middle for lamp in lamps]) if lamps else torch.zeros(0, 3)
        self._normals = torch.stack([lamp.normal for lamp in lamps]) if lamps else torch.zeros(0, 3)
        self._sizes = torch.tensor([lamp.size for lamp in lamps])

    def _materials(self) -> list[Material]:
        return [material for _, material in self.surfaces] + [region.material for region in self.regions]

    def first_hits(self, origins: Tensor, directions: Tensor) -> LitHits:
        """The nearest surface along rays [N, 3]."""
        count = len(origins)
        t, margin = torch.full((count,), math.inf), torch.zeros(count)
        position, normal = torch.zeros(count, 3), torch.zeros(count, 3)
        shading = Shading(torch.ones(count, 3), torch.full((count,), _NO_GLOSS), torch.zeros(count),
                          torch.zeros(count, 3))  # fmt: skip
        for surface, material in self.surfaces:
            o, d = self._for(surface, origins), directions.to(surface.device)
            hits = surface.first_hits(o, d, t.to(surface.device) if len(self.surfaces) > 1 else None)
            rows = (hits.hit.cpu() & (hits.t.cpu() < t)).nonzero()[:, 0]
            there = rows.to(surface.device)
            t[rows], normal[rows] = hits.t[there].cpu(), hits.normal[there].cpu()
            position[rows] = origins[rows] + t[rows, None] * directions[rows]
            shading.albedo[rows] = hits.albedo[there].cpu()
            margin[rows] = surface.margin
            _lay(shading, rows, material)
        for region in self.regions:
            low, high = torch.from_numpy(np.asarray(region.box, np.float64) - self.origin).float()
            inside = ((position >= low) & (position <= high)).all(dim=1) & torch.isfinite(t)
            _lay(shading, inside.nonzero()[:, 0], region.material)
        return LitHits(t, position, normal, shading, margin, torch.isfinite(t))

    def occluded(self, origins: Tensor, directions: Tensor, t_max: Tensor) -> Tensor:
        """Whether a surface or a lamp's body stands before t_max [N]: bool [N]."""
        met = torch.zeros(len(origins), dtype=torch.bool)
        reach = (t_max * _ALMOST).clamp_max(1e6 * self.radius)
        for lamp in self.lamps:
            met |= lamp.meet(origins, directions).t < reach
        for surface, _ in self.surfaces:
            left = (~met).nonzero()[:, 0]
            o, d = self._for(surface, origins[left]), directions[left].to(surface.device)
            met[left] = surface.occluded(o, d, reach[left].to(surface.device)).cpu()
        return met

    def sample_light(self, points: Tensor, which: Tensor, u: Tensor, v: Tensor) -> LightSample:
        """A direction to one of the lights; its density includes the chance of that light."""
        count = len(points)
        direction, radiance = torch.zeros(count, 3), torch.zeros(count, 3)
        direction[:, 2] = 1.0
        distance, density = torch.ones(count), torch.zeros(count)
        if not count or not len(self._powers):
            return LightSample(direction, distance, radiance, density)
        chances = self.chances(points)
        until = torch.cumsum(chances, dim=1)
        chosen = (until <= (which * until[:, -1])[:, None]).sum(dim=1).clamp_max(len(self._powers) - 1)
        for number, light in enumerate(self._lights()):
            rows = (chosen == number).nonzero()[:, 0]
            if len(rows):
                drawn = light.sample(points[rows], u[rows], v[rows])
                direction[rows], distance[rows], radiance[rows] = (
                    drawn.direction,
                    drawn.distance,
                    drawn.radiance,
                )
                density[rows] = drawn.density * chances[rows, number]
        return LightSample(direction, distance, radiance, density)

    def chances(self, points: Tensor) -> Tensor:
        """How often each light is asked from points [N, 3]: [N, L], of sum 1, or 0 where none shines.

        By what it may bring there: its power over the square of its distance, of a flat one less from aside,
        and nothing from behind.
        """
        to = points[:, None] - self._middles
        square = to.square().sum(dim=2)
        # A point may see some of a lamp whose middle's plane it is in front of, and a ball always.
        height = (to * self._normals).sum(dim=2)
        front = height > -1e-6 * self._sizes
        flat = (self._normals == 0.0).all(dim=1)
        each = self._powers[: len(self.lamps)] / torch.maximum(square, self._sizes.square()).clamp_min(1e-20)
        aside = (height + 0.5 * self._sizes) / square.sqrt().clamp_min(1e-20)  # as its end that sees most
        each = torch.where(flat, each, torch.where(front, each * aside.clamp(0.0, 1.0), 0.0))
        if self.environment is not None:
            far = (self._powers[-1:] / max(self.radius, 1e-12) ** 2).expand(len(points), 1)
            each = torch.cat([each, far], dim=1)
        even = (each > 0.0).float()
        each = each / each.sum(dim=1, keepdim=True).clamp_min(1e-20)
        # A part of them evenly: what is estimated to be weak may be what is seen.
        return (1.0 - _EVEN) * each + _EVEN * even / even.sum(dim=1, keepdim=True).clamp_min(1.0)

    def meet_lamps(self, origins: Tensor, directions: Tensor) -> LightMet:
        """The nearest lamp along rays, with the density of `sample_light` there."""
        count = len(origins)
        t, radiance, density = torch.full((count,), math.inf), torch.zeros(count, 3), torch.zeros(count)
        chances = self.chances(origins)
        for number, lamp in enumerate(self.lamps):
            met = lamp.meet(origins, directions)
            near = met.t < t
            t = torch.where(near, met.t, t)
            radiance = torch.where(near[:, None], met.radiance, radiance)
            density = torch.where(near, met.density * chances[:, number], density)
        return LightMet(t, radiance, density)

    def come(self, origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """What the environment sends along rays that meet nothing [N, 3], and `sample_light`'s density."""
        if self.environment is None:
            return torch.zeros_like(directions), torch.zeros(len(directions))
        met = self.environment.come(directions)
        return met.radiance, met.density * self.chances(origins)[:, -1]

    def _lights(self) -> list[QuadLight | BallLight | Environment]:
        return [*self.lamps, *([] if self.environment is None else [self.environment])]

    def _for(self, surface: TracedSurface, points: Tensor) -> Tensor:
        """Points as a surface counts them."""
        shift = torch.from_numpy(self.origin - surface.origin).float()
        return (points + shift).to(surface.device)


def _lay(shading: Shading, rows: Tensor, material: Material) -> None:
    """Give some points a material."""
    if material.albedo is not None:
        shading.albedo[rows] = torch.tensor(material.albedo)
    shading.roughness[rows] = _NO_GLOSS if material.roughness is None else material.roughness
    shading.metal[rows] = material.metal
    shading.emission[rows] = torch.tensor(material.emission)
