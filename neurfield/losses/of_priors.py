"""What monocular networks believe of pixels."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from neurfield.losses import priors
from neurfield.losses.seen import Seen
from neurfield.parts import Number, needs

Share = Annotated[float, Number(least=0.0, most=1.0)]


@needs("passes.{at}", optional=("pixels.prior_depth",))
def prior_depth(seen: Seen, *, at: str = "surface", until: Share = 1.0) -> Tensor:
    """Rendered depth against ambiguous prior depth, with scale and shift per image.

    As in MonoSDF (Yu et al. 2022, Eq. 10-11), but relative to depth: see `priors.ambiguous_depth`.

    Args:
        at: the pass that is compared.
        until: share of the steps after which it is 0.
    """
    pixels, rendered = seen.pixels, seen.rendered(at)
    if until <= seen.moment.progress and until < 1.0:
        return torch.zeros_like(rendered.distance.sum())
    prior = pixels.columns["prior_depth"]
    z = rendered.distance * pixels.rays.z_per_t
    return priors.ambiguous_depth(prior, z, hit(seen) * (prior > 0), pixels.group, pixels.groups)


@needs("passes.{at}", optional=("pixels.prior_normal",))
def prior_normal(seen: Seen, *, at: str = "surface", until: Share = 1.0) -> Tensor:
    """Rendered normals against prior ones (MonoSDF, Yu et al. 2022, Eq. 12).

    Args:
        at: the pass that is compared.
        until: share of the steps after which it is 0.
    """
    rendered, prior = seen.rendered(at), seen.pixels.columns["prior_normal"]
    if until <= seen.moment.progress and until < 1.0:
        return torch.zeros_like(rendered.distance.sum())
    trust = hit(seen) * (prior.square().sum(dim=1) > 0.5)
    return priors.prior_normals(rendered.normal, prior, trust)


def hit(seen: Seen) -> Tensor:
    """1 for rays [R] that end at a surface, else 0.

    That is said by the pass that leads, of which the mesh is made, whichever pass is compared: an opacity
    that may be transparent would be, and had nothing to be compared any more.
    """
    leading = next(iter(seen.rays.passes.values()))
    return (leading.opacity.detach() > 0.5).float()
