"""How surfaces send light on: a diffuse ground, and over it the gloss of rough dielectrics or metals.

Gloss is Trowbridge and Reitz' (GGX) distribution with Smith's height-correlated shadowing, drawn from the
normals that are seen (Heitz, JCGT 7(4), 2018, in the form of Dupuy and Benyoub, EGSR 2023), with Schlick's
Fresnel. The ground has what the gloss lets through on the way in and out (Kulla and Conty, SIGGRAPH courses
2017), so that a white one returns all light. What gloss loses to the second bounce between its facets stays
lost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from neurfield.light.lights import across

HEAD_ON = 0.04  # reflectance of dielectrics looked at straight on (refractive index 1.5)
SMOOTHEST = 0.03  # roughness below which nothing is told apart
_TABLE = 32  # cosines and roughnesses that gloss was added up for
_POINTS = 64  # a side of the square that is added up


@dataclass(frozen=True)
class Shading:
    """What N points of surfaces are made of.

    Attributes:
        albedo: [N, 3] linear, 0..1.
        roughness: [N] in 0..1, perceptual (its square is GGX' alpha); negative: no gloss at all.
        metal: [N] in 0..1: how much of it reflects in its own colour, without a ground.
        emission: [N, 3] radiance of its own.
    """

    albedo: Tensor
    roughness: Tensor
    metal: Tensor
    emission: Tensor

    def rows(self, rows: Tensor) -> Shading:
        """Some of the points."""
        return Shading(self.albedo[rows], self.roughness[rows], self.metal[rows], self.emission[rows])


class Bsdf:
    """The points' answer to light, seen from where it is looked at.

    Args:
        shading: of N points.
        normal: [N, 3] unit, on the side from which they are looked at.
        towards: [N, 3] unit, to where they are looked at from.
    """

    def __init__(self, shading: Shading, normal: Tensor, towards: Tensor) -> None:
        self._albedo, metal = shading.albedo, shading.metal[:, None]
        self._normal, self._axes = normal, across(normal)
        self._wo = self._local(towards)
        self._wo[:, 2].clamp_(min=1e-4)
        self._glossy = shading.roughness >= 0.0
        rough = shading.roughness.clamp(SMOOTHEST, 1.0)
        self._alpha, self._rough = rough.square(), rough
        self._head_on = HEAD_ON + metal * (self._albedo - HEAD_ON)
        self._ground = torch.where(self._glossy[:, None], self._albedo * (1.0 - metal), self._albedo)
        # Gloss of a white ground's dielectric: how much of the light it keeps from the ground.
        self._kept = torch.where(self._glossy, returned(self._wo[:, 2], rough, HEAD_ON), 0.0)
        self._mean = torch.where(self._glossy, mean_returned(rough), 0.0)
        gloss = returned(self._wo[:, 2, None], rough[:, None], self._head_on).amax(dim=1)
        ground = (self._ground.amax(dim=1) * (1.0 - self._kept)).clamp_min(1e-6)
        chance = (gloss / (gloss + ground)).clamp(0.1, 1.0)
        self._chance = torch.where(self._glossy, chance, 0.0)  # of drawing from the gloss

    def sample(self, u: Tensor, v: Tensor, which: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """A direction to look into for light [N, 3], world; value times cosine over density [N, 3]; density.

        u, v and which [N] are in 0..1. The density is 0 where the direction leads nowhere.
        """
        turn = 2.0 * math.pi * v
        radius = u.sqrt()
        ground = torch.stack(
            [radius * turn.cos(), radius * turn.sin(), (1.0 - u).clamp_min(0.0).sqrt()], dim=1
        )
        half = _seen_normal(self._wo, self._alpha, u, v)
        gloss = 2.0 * (self._wo * half).sum(dim=1, keepdim=True) * half - self._wo
        wi = torch.where((which < self._chance)[:, None], gloss, ground)
        value, density = self._at(wi)
        weight = torch.where(density[:, None] > 0.0, value / density[:, None].clamp_min(1e-20), 0.0)
        return self._world(wi), weight, density

    def at(self, directions: Tensor) -> tuple[Tensor, Tensor]:
        """Value times cosine [N, 3] of light from directions [N, 3], and the density [N] of `sample`."""
        return self._at(self._local(directions))

    def _at(self, wi: Tensor) -> tuple[Tensor, Tensor]:
        wo, above = self._wo, wi[:, 2] > 1e-6
        cosine = wi[:, 2].clamp_min(1e-6)
        through = torch.where(self._glossy, 1.0 - returned(cosine, self._rough, HEAD_ON), 1.0)
        ground = (1.0 - self._kept) * through / (1.0 - self._mean) * cosine / math.pi
        value = self._ground * ground[:, None]
        half = torch.nn.functional.normalize(wo + wi, dim=1)
        facets = _distribution(half[:, 2], self._alpha)
        seen = _lambda(wo[:, 2], self._alpha)
        shadow = 1.0 / (1.0 + seen + _lambda(cosine, self._alpha))
        fresnel = _schlick((wo * half).sum(dim=1).clamp(0.0, 1.0)[:, None], self._head_on)
        gloss = facets * shadow / (4.0 * wo[:, 2])
        value = value + torch.where(self._glossy, gloss, 0.0)[:, None] * fresnel
        of_gloss = facets / (1.0 + seen) / (4.0 * wo[:, 2])
        density = (1.0 - self._chance) * cosine / math.pi + self._chance * of_gloss
        return torch.where(above[:, None], value, 0.0), torch.where(above, density, 0.0)

    def _local(self, directions: Tensor) -> Tensor:
        axes = (*self._axes, self._normal)
        return torch.stack([(directions * axis).sum(dim=1) for axis in axes], dim=1)

    def _world(self, local: Tensor) -> Tensor:
        first, second = self._axes
        return local[:, :1] * first + local[:, 1:2] * second + local[:, 2:] * self._normal


def _schlick(cosine: Tensor, head_on: Tensor | float) -> Tensor:
    return head_on + (1.0 - head_on) * (1.0 - cosine) ** 5


def _distribution(cosine: Tensor, alpha: Tensor) -> Tensor:
    """GGX of the facets' normals, per steradian."""
    square = alpha.square()
    return square / (math.pi * (cosine.square() * (square - 1.0) + 1.0).square().clamp_min(1e-12))


def _lambda(cosine: Tensor, alpha: Tensor) -> Tensor:
    """Smith's Lambda of GGX (Heitz, JCGT 3(2), 2014, eq. 72)."""
    tangent2 = (1.0 / cosine.square().clamp_min(1e-10) - 1.0).clamp_min(0.0)
    return 0.5 * ((1.0 + alpha.square() * tangent2).sqrt() - 1.0)


def _seen_normal(wo: Tensor, alpha: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Normals [N, 3] of facets, as often as they are seen from wo (Dupuy and Benyoub 2023, listing 1)."""
    scale = torch.stack([alpha, alpha, torch.ones_like(alpha)], dim=1)
    standard = torch.nn.functional.normalize(wo * scale, dim=1)
    turn = 2.0 * math.pi * v
    z = (1.0 - u) * (1.0 + standard[:, 2]) - standard[:, 2]
    sine = (1.0 - z.square()).clamp(0.0, 1.0).sqrt()
    cap = torch.stack([sine * turn.cos(), sine * turn.sin(), z], dim=1)
    return torch.nn.functional.normalize((cap + standard) * scale, dim=1)


@lru_cache(maxsize=1)
def _gloss_table() -> tuple[Tensor, Tensor]:
    """Scale and bias [roughness, cosine] of head-on reflectance: what gloss returns of even light."""
    steps = (torch.arange(_POINTS, dtype=torch.float64) + 0.5) / _POINTS
    u, v = (part.reshape(-1) for part in torch.meshgrid(steps, steps, indexing="ij"))
    scale, bias = torch.zeros(_TABLE, _TABLE, dtype=torch.float64), torch.zeros(_TABLE, _TABLE).double()
    for row, rough in enumerate(torch.linspace(SMOOTHEST, 1.0, _TABLE).double()):
        alpha = (rough**2).expand(len(u))
        for column, cosine in enumerate(torch.linspace(0.0, 1.0, _TABLE).double().clamp_min(1e-3)):
            wo = torch.stack([(1.0 - cosine**2).sqrt(), cosine * 0.0, cosine]).expand(len(u), 3)
            half = _seen_normal(wo, alpha, u, v)
            facing = (wo * half).sum(dim=1)
            wi = 2.0 * facing[:, None] * half - wo
            seen = _lambda(wo[:, 2], alpha)
            weight = (1.0 + seen) / (1.0 + seen + _lambda(wi[:, 2].clamp_min(1e-6), alpha))
            weight = torch.where(wi[:, 2] > 0.0, weight, 0.0)
            part = (1.0 - facing.clamp(0.0, 1.0)) ** 5
            scale[row, column], bias[row, column] = (weight * (1.0 - part)).mean(), (weight * part).mean()
    return scale.float(), bias.float()


def returned(cosine: Tensor, roughness: Tensor, head_on: Tensor | float) -> Tensor:
    """What gloss returns of light from everywhere, by where it is looked at from; tabulated once."""
    scale, bias = (_looked_up(table, cosine, roughness) for table in _gloss_table())
    return scale * head_on + bias


def mean_returned(roughness: Tensor) -> Tensor:
    """The cosine-weighted mean of `returned` of dielectrics over all directions."""
    cosines = torch.linspace(0.0, 1.0, 65)
    middles = 0.5 * (cosines[1:] + cosines[:-1])
    rough = torch.linspace(SMOOTHEST, 1.0, _TABLE)
    each = returned(middles[None].expand(_TABLE, -1), rough[:, None].expand(-1, 64), HEAD_ON)
    means = (each * 2.0 * middles).mean(dim=1)
    place = (roughness - SMOOTHEST) / (1.0 - SMOOTHEST) * (_TABLE - 1)
    low = place.long().clamp(0, _TABLE - 2)
    share = (place - low).clamp(0.0, 1.0)
    return means[low] * (1.0 - share) + means[low + 1] * share


def _looked_up(table: Tensor, cosine: Tensor, roughness: Tensor) -> Tensor:
    """Bilinear between the table's places."""
    cosine, roughness = torch.broadcast_tensors(cosine, roughness)
    x = (cosine.clamp(0.0, 1.0) * (_TABLE - 1)).clamp(0.0, _TABLE - 1)
    y = ((roughness - SMOOTHEST) / (1.0 - SMOOTHEST) * (_TABLE - 1)).clamp(0.0, _TABLE - 1)
    i, j = x.long().clamp_max(_TABLE - 2), y.long().clamp_max(_TABLE - 2)
    a, b = x - i, y - j
    return (
        table[j, i] * (1 - a) * (1 - b) + table[j, i + 1] * a * (1 - b)
        + table[j + 1, i] * (1 - a) * b + table[j + 1, i + 1] * a * b
    )  # fmt: skip
