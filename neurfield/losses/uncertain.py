"""Losses on priors that are believed as far as they are certain, and the certainty that is learnt with them.

DebSDF (Xu et al. 2024, section 3.2). Errors are those that the plain losses look at. That of depth is
relative (see `priors.ambiguous_depth`), and `DEPTH_UNIT` times it is the paper's: there rendered depth is
carried to 50 p + 0.5, and p, of the network that all of these methods use, is 0.01 to 0.04 in rooms, so that
the middle of what depth is compared with is 1.25 without its offset. The paper's thresholds then hold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import normalize

from neurfield.losses.geometric import normal_differences
from neurfield.losses.of_priors import hit
from neurfield.losses.priors import aligned_depth
from neurfield.losses.seen import Seen
from neurfield.moment import Moment
from neurfield.parts import Number, needs
from neurfield.rendering import blended, mean_along_rays, uncertainties

DEPTH_UNIT = 1.25
Share = Annotated[float, Number(least=0.0, most=1.0)]
Most = Annotated[float, Number(above=0.0)]


@needs("passes.{at}", "heads.uncertainty", optional=("pixels.prior_depth",))
def uncertain_depth(
    seen: Seen, *, at: str = "surface", after: Share = 0.025, masked: Share = 0.2, most: Most = 0.15
) -> Tensor:
    """Rendered depth against prior depth, as far as that is certain (DebSDF, Xu et al. 2024, Eq. 8, 10).

    Args:
        at: the pass that is compared.
        after: share of the steps before which certainty alone learns, while `prior_depth` holds the field.
        masked: share of the steps after which rays train the field no more where depth is uncertain.
        most: uncertainty of depth with which they still do, of the paper's unit.
    """
    pixels, rendered = seen.pixels, seen.rendered(at)
    prior, z = pixels.columns["prior_depth"], rendered.distance * pixels.rays.z_per_t
    trust = hit(seen) * (prior > 0)
    target, _, upright = aligned_depth(prior, z, trust, pixels.group, pixels.groups)
    error = DEPTH_UNIT * (z - target).abs() / z.detach().clamp_min(1e-3)
    uncertainty = of_rays(seen, at)[:, 0]
    sure = believed(seen.moment, uncertainty < most, after, masked)
    return mean_of_split(laplace, error, uncertainty, trust * upright, sure)


@needs("passes.{at}", "heads.uncertainty", optional=("pixels.prior_normal",))
def uncertain_normal(
    seen: Seen, *, at: str = "surface", after: Share = 0.025, masked: Share = 0.2, most: Most = 0.3
) -> Tensor:
    """Rendered normals against prior ones, as far as these are certain (DebSDF, Xu et al. 2024, Eq. 9, 11).

    Args:
        at: the pass that is compared.
        after: share of the steps before which certainty alone learns, while `prior_normal` holds the field.
        masked: share of the steps after which rays train the field no more where normals are uncertain.
        most: uncertainty of normals, the mean of the axes', with which they still do.
    """
    rendered = seen.rendered(at)
    prior = seen.pixels.columns["prior_normal"]
    trust = hit(seen) * (prior.square().sum(dim=1) > 0.5)
    uncertainty = of_rays(seen, at)[:, 1:]
    sure = believed(seen.moment, uncertainty.mean(dim=1) < most, after, masked)
    error = normalize(rendered.normal, dim=1, eps=1e-5) - prior
    return mean_of_split(gaussian, error, uncertainty, trust, sure)


@needs("pairs", "passes.{at}", "heads.uncertainty")
def smooth_where_sure(
    seen: Seen,
    *,
    at: str = "surface",
    pairs: Annotated[int, Number(least=0)] = 512,
    distance: Most = 0.005,
    after: Share = 0.2,
    most: Most = 0.3,
) -> Tensor:
    """`smooth`, and later on near the surface only where priors are certain (DebSDF, section 3.4).

    Where they are not there is detail, which is not to be smoothed away. The mean is over all pairs.

    Args:
        at: the pass whose pixels are uncertain.
        pairs: points a step that get a neighbour.
        distance: at most, along each axis, to that neighbour, unit lengths (MonoSDF's).
        after: share of the steps after which uncertain rays are left out.
        most: uncertainty, blended of depth's and the normals', of rays that are smoothed.
    """
    assert seen.pairs is not None
    difference = normal_differences(*seen.pairs)
    if seen.of_rays is not None and seen.of_rays.pairs is not None and seen.moment.progress >= after:
        sure = blended(of_rays(seen, at), 2.0**0.5) < most
        of_samples = sure[seen.rays.samples.ray_indices[seen.of_rays.pairs]]
        others = torch.ones(len(difference) - len(of_samples), dtype=torch.bool, device=difference.device)
        difference = difference * torch.cat([others, of_samples])
    return difference.mean()


def believed(moment: Moment, sure: Tensor, after: float, masked: float) -> Tensor:
    """Rays [R] bool by which the field learns: none at first, then all, then those that are sure [R]."""
    if moment.progress < after:
        return torch.zeros_like(sure)
    return sure if moment.progress >= masked else torch.ones_like(sure)


def of_rays(seen: Seen, at: str) -> Tensor:
    """Uncertainty [R, 4] of what pixels show, by the weights of a pass; it is the head that learns by it."""
    said = uncertainties(seen.rays.answers.heads["uncertainty"])
    return mean_along_rays(said, seen.rendered(at).weights, seen.rays.samples.packed_info)


def laplace(error: Tensor, uncertainty: Tensor) -> Tensor:
    """Negative logarithm [R] of a Laplace distribution's density, without its constant.

    Args:
        error: [R], not negative.
        uncertainty: [R], the distribution's width.
    """
    width = uncertainty + 1e-5
    return width.log() + error / width


def gaussian(error: Tensor, uncertainty: Tensor) -> Tensor:
    """Twice the negative logarithm [R] of a normal distribution's density, without its constant.

    Args:
        error: [R, 3].
        uncertainty: [R, 3], the deviations along the axes.
    """
    variance = uncertainty.square() + 1e-5
    return (variance.log() + error.square() / variance).sum(dim=1)


def mean_of_split(
    density: Callable[[Tensor, Tensor], Tensor],
    error: Tensor,
    uncertainty: Tensor,
    trust: Tensor,
    sure: Tensor,
) -> Tensor:
    """Mean over trusted rays of one part by which the field learns, and of one by which certainty does.

    Args:
        density: the negative logarithm of the error's density.
        error: [R] or [R, 3].
        uncertainty: likewise.
        trust: [R] in 0..1.
        sure: [R] bool, of rays by which the field learns.
    """
    of_field, of_certainty = density(error, uncertainty.detach()), density(error.detach(), uncertainty)
    return ((of_field * sure + of_certainty) * trust).sum() / trust.sum().clamp_min(1.0)
