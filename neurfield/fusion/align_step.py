"""One update of robust Gauss-Newton over all images: pairs of views, and points that images agree on."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neurfield.fusion.coupled_blocks import CoupledBlocks
from neurfield.fusion.image_points import ImagePoints
from neurfield.fusion.prior_model import PARAMETERS, Meaning
from neurfield.fusion.prior_pairs import PARTNERS, PIXELS, Pairs, smooth
from neurfield.fusion.prior_views import PriorViews

WARP_DEVIATION = 0.05  # of a prior's slow errors, in log depth
LARGEST_UPDATE = 0.3
POINT_WEIGHT = 10.0  # pixels of a pair: a point is right to 1 %, a pixel of a pair to what two priors err by


@dataclass(frozen=True)
class Normal:
    """Normal equations of n images for the `used` first parameters of each.

    Attributes:
        blocks: of [n * used] unknowns: images that share a pair hang together, no others.
        pull: [n, used], the gradient of half the squares.
    """

    blocks: CoupledBlocks
    pull: Tensor

    def update(self) -> Tensor:
        """The change of the parameters [n, PARAMETERS] that they ask for, zero for those not used."""
        n, used = self.pull.shape
        update = torch.zeros(n, PARAMETERS)
        update[:, :used] = self.blocks.solve(-self.pull)
        update[:, :2] = update[:, :2].clamp(-LARGEST_UPDATE, LARGEST_UPDATE)
        return update


def point_residuals(
    views: PriorViews, meaning: Meaning, points: ImagePoints
) -> tuple[Tensor, Tensor, Tensor]:
    """How far the priors are from the points.

    Returns:
        log (prior's / point's) depth [P], its derivatives [P, PARAMETERS], and where the prior has no jump,
        bool [P].
    """
    x, x_by_place = views.look_up(points.image, points.uv)
    log_z, slope, by_x = meaning.log_depth(points.image, x, points.uv)
    return log_z - points.depth.log(), slope, smooth(views, x_by_place, by_x)


def normal_equations(
    views: PriorViews, meaning: Meaning, pairs: Pairs, points: ImagePoints | None, width: float, warped: bool
) -> Normal:
    """Robust squares of the residuals of pairs and points.

    Args:
        width: the scale of the robust weight, log depth.
        warped: of all parameters; otherwise of the ends alone.
    """
    n = len(views)
    used = PARAMETERS if warped else 2
    a, b = (t[..., :used].flatten(0, 1) for t in (pairs.by_first, pairs.by_second))  # [pairs, k, used]
    weight = (pairs.valid * _trust(pairs.residual, width)).flatten(0, 1)[..., None]
    residual = pairs.residual.flatten(0, 1)[..., None]
    i, j = pairs.first[:, :, 0].reshape(-1), pairs.second[:, :, 0].reshape(-1)
    own = torch.zeros(n, used, used)
    own.index_add_(0, i, (a * weight).transpose(1, 2) @ a)
    own.index_add_(0, j, (b * weight).transpose(1, 2) @ b)
    across = (a * weight).transpose(1, 2) @ b
    pull = torch.zeros(n, used).index_add_(0, i, (a * weight * residual).sum(dim=1))
    pull.index_add_(0, j, (b * weight * residual).sum(dim=1))
    if points is not None:
        off, slope, flat = point_residuals(views, meaning, points)
        slope, share = slope[:, :used], POINT_WEIGHT * flat * _trust(off, width)
        squares = (slope * share[:, None])[:, :, None] * slope[:, None]
        own.index_add_(0, points.image, squares)
        pull.index_add_(0, points.image, slope * (share * off)[:, None])
    # The warp is a small thing of its own in every image: its deviation is known, and keeps the common part
    # out.
    stiff = torch.full((n, used), 1e-3)
    stiff[:, 2:] = 0.001 * PARTNERS * PIXELS * (width / WARP_DEVIATION) ** 2
    pull[:, 2:] += stiff[:, 2:] * meaning.values[:, 2:used]
    diagonal = own.diagonal(dim1=1, dim2=2)
    diagonal += stiff + 1e-3 * diagonal + 1e-3
    return Normal(CoupledBlocks(own, i, j, across), pull)


def _trust(residual: Tensor, width: float) -> Tensor:
    """The weight of Geman and McClure (1987): 1 for residuals far below the width, 0 far above it."""
    return (width**2 / (residual.square() + width**2)).square()
