"""What monocular networks believe of pixels."""

from __future__ import annotations

from torch import Tensor

from neurfield.losses import priors
from neurfield.losses.seen import Seen
from neurfield.parts import needs
from neurfield.rendering import Rendered


@needs("passes.{at}", optional=("pixels.prior_depth",))
def prior_depth(seen: Seen, *, at: str = "surface") -> Tensor:
    """Rendered depth against ambiguous prior depth, with scale and shift per image.

    As in MonoSDF (Yu et al. 2022, Eq. 10-11), but relative to depth: see `priors.ambiguous_depth`.

    Args:
        at: the pass that is compared.
    """
    pixels, rendered = seen.pixels, seen.rendered(at)
    prior = pixels.columns["prior_depth"]
    z = rendered.distance * pixels.rays.z_per_t
    return priors.ambiguous_depth(prior, z, _hit(rendered) * (prior > 0), pixels.group, pixels.groups)


@needs("passes.{at}", optional=("pixels.prior_normal",))
def prior_normal(seen: Seen, *, at: str = "surface") -> Tensor:
    """Rendered normals against prior ones (MonoSDF, Yu et al. 2022, Eq. 12).

    Args:
        at: the pass that is compared.
    """
    rendered, prior = seen.rendered(at), seen.pixels.columns["prior_normal"]
    trust = _hit(rendered) * (prior.square().sum(dim=1) > 0.5)
    return priors.prior_normals(rendered.normal, prior, trust)


def _hit(rendered: Rendered) -> Tensor:
    """1 for rays [R] that end at a surface, else 0."""
    return (rendered.opacity.detach() > 0.5).float()
