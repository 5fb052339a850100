"""Light along paths: from the eye from surface to surface, at each of which a light is asked as well.

Unidirectional path tracing with next-event estimation; both ways to find a light are weighed by the power
heuristic (Veach, Robust Monte Carlo Methods for Light Transport Simulation, 1997, section 9.2.4). All paths
of a batch take a step together, and those that have ended are left out.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.quasirandom import SobolEngine

from neurfield.light.lit import LitScene
from neurfield.light.materials import Bsdf

DEPTH = 8  # surfaces along a path at most
_EACH = 6  # random numbers of a bounce
_SPREAD_BOUNCES = 3  # whose numbers are spread evenly; those of later ones are drawn
_ROULETTE = 3  # bounces after which a path may end by chance
_LONGEST_CHANCE = 0.95

Draw = Callable[[int, Tensor], Tensor]


class Draws:
    """Random numbers of a picture: spread evenly over a pixel's samples, and differently from pixel to pixel.

    Scrambled Sobol' points, moved for each pixel (Cranley and Patterson, SIAM J. Numer. Anal. 13, 1976).

    Args:
        pixels: K.
        samples: of each.
        seed: the same one draws the same numbers.
    """

    def __init__(self, pixels: int, samples: int, seed: int) -> None:
        dimensions = 2 + _EACH * _SPREAD_BOUNCES
        self._generator = torch.Generator().manual_seed(seed)
        self._points = SobolEngine(dimensions, scramble=True, seed=seed).draw(samples)
        self._shift = torch.rand(pixels, dimensions, generator=self._generator)

    def of(self, sample: int) -> Draw:
        """The numbers of one sample: by dimension and pixels [n], in 0..1."""

        def draw(dimension: int, pixels: Tensor) -> Tensor:
            if dimension >= self._points.shape[1]:
                return torch.rand(len(pixels), generator=self._generator)
            return (self._points[sample, dimension] + self._shift[pixels, dimension]) % 1.0

        return draw


@torch.no_grad()
def radiance_along(
    scene: LitScene,
    origins: Tensor,
    directions: Tensor,
    draw: Draw,
    depth: int = DEPTH,
    clamp: float | None = None,
    lights: bool = True,
    surfaces: bool = True,
) -> Tensor:
    """Radiance [N, 3] that comes back along rays, one path each; linear.

    Args:
        scene: what they meet.
        origins: [N, 3], counted from the scene's origin.
        directions: [N, 3] unit, world axes.
        draw: random numbers, of which a bounce takes those from 2 + 6 k on.
        depth: surfaces along a path at most; what would come after is lost.
        clamp: brightest that a path may bring from its second surface on, in a channel: sparks become dim,
            and a picture a little too dark; None: as it comes.
        lights: whether lights are found by asking them.
        surfaces: whether lights are found by rays that leave surfaces. Either alone comes to the same, with
            more noise.
    """
    count = len(origins)
    light = torch.zeros(count, 3)
    alive, weight = torch.arange(count), torch.ones(count, 3)
    o, d, density = (
        origins,
        directions,
        torch.full((count,), torch.inf),
    )  # of the first ray: no light is asked

    def add(rows: Tensor, amount: Tensor, bounce: int) -> None:
        if clamp is not None and bounce > 1:
            amount = amount * (clamp / amount.amax(dim=1, keepdim=True).clamp_min(clamp))
        light.index_add_(0, rows, amount)

    for bounce in range(depth + 1):
        if not len(alive):
            break
        hits, lamps = scene.first_hits(o, d), scene.meet_lamps(o, d)
        come, asked = scene.come(o, d)
        lamp = lamps.t < hits.t
        come = torch.where(lamp[:, None], lamps.radiance, torch.where(hits.hit[:, None], 0.0, come))
        asked = torch.where(lamp, lamps.density, asked)
        share = _share(density, asked) if lights else torch.ones_like(asked)
        if bounce and not surfaces:
            share = torch.zeros_like(share)
        add(alive, weight * share[:, None] * come, bounce)
        on = (hits.hit & ~lamp).nonzero()[:, 0]
        alive, weight, d = alive[on], weight[on], d[on]
        shading = hits.shading.rows(on)
        add(alive, weight * shading.emission, bounce)
        if bounce == depth or not len(on):
            break
        normal, margin = hits.normal[on], hits.margin[on, None]
        facing = (normal * d).sum(dim=1, keepdim=True)
        normal = torch.where(facing > 0.0, -normal, normal)  # from behind it is as from the front
        bsdf = Bsdf(shading, normal, -d)
        start = hits.position[on] + margin * normal
        first = 2 + _EACH * bounce
        numbers = [draw(first + k, alive) for k in range(_EACH)]
        if lights:
            drawn = scene.sample_light(start, *numbers[:3])
            value, chance = bsdf.at(drawn.direction)
            share = _share(drawn.density, chance) if surfaces else torch.ones_like(chance)
            factor = torch.where(drawn.density > 0.0, share / drawn.density.clamp_min(1e-20), 0.0)
            amount = weight * value * drawn.radiance * factor[:, None]
            some = (amount > 0.0).any(dim=1).nonzero()[:, 0]
            dark = scene.occluded(start[some], drawn.direction[some], drawn.distance[some])
            lit = some[~dark]
            add(alive[lit], amount[lit], bounce + 1)
        d, change, density = bsdf.sample(*numbers[3:])
        weight = weight * change
        goes = (density > 0.0) & (weight > 0.0).any(dim=1)
        if bounce >= _ROULETTE:
            chance = weight.amax(dim=1).clamp(0.0, _LONGEST_CHANCE)
            goes &= draw(1 << 30, alive) < chance
            weight = weight / chance.clamp_min(1e-6)[:, None]
        alive, weight, d, density, o = alive[goes], weight[goes], d[goes], density[goes], start[goes]
    return light


def _share(one: Tensor, other: Tensor) -> Tensor:
    """Weight of what was drawn with a density, beside another way to draw it: the power heuristic."""
    ratio = torch.where(torch.isinf(one), 0.0, other / one.clamp_min(1e-20))
    return 1.0 / (1.0 + ratio.square())
