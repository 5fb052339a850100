"""One step of robust Gauss-Newton over all images: pairs of views, and points that images agree on."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neurfield.fusion.image_points import ImagePoints
from neurfield.fusion.prior_model import PARAMETERS, Meaning
from neurfield.fusion.prior_pairs import PARTNERS, PIXELS, Pairs, smooth
from neurfield.fusion.prior_views import PriorViews

WARP_DEVIATION = 0.05  # of a prior's slow errors, in log depth
LARGEST_STEP = 0.3
POINT_WEIGHT = 10.0  # pixels of a pair: a point is right to 1 %, a pixel of a pair to what two priors err by


@dataclass(frozen=True)
class Normal:
    """Normal equations of n images: matrix [n * used, n * used], pull [n, used]."""

    matrix: Tensor
    pull: Tensor

    def step(self) -> Tensor:
        """The change [n, PARAMETERS] that they ask for."""
        n, used = self.pull.shape
        solved = torch.cholesky_solve(self.pull.view(-1, 1), torch.linalg.cholesky(self.matrix))
        step = torch.zeros(n, PARAMETERS)
        step[:, :used] = -solved.view(n, used)
        step[:, :2] = step[:, :2].clamp(-LARGEST_STEP, LARGEST_STEP)
        return step


def point_residuals(
    views: PriorViews, meaning: Meaning, points: ImagePoints
) -> tuple[Tensor, Tensor, Tensor]:
    """log (prior's / point's) depth [P], its derivatives, and where the prior has no jump [P].

    The derivatives are [P, PARAMETERS].
    """
    x, x_by_place = views.look_up(points.image, points.uv)
    log_z, slope, by_x = meaning.log_depth(points.image, x, points.uv)
    return log_z - points.depth.log(), slope, smooth(views, x_by_place, by_x)


def normal_equations(
    views: PriorViews, meaning: Meaning, pairs: Pairs, points: ImagePoints | None, width: float, warped: bool
) -> Normal:
    """Robust squares of the residuals, of which `width` (log depth) is the scale.

    Without `warped` they are those of the ends alone.
    """
    n = len(views)
    used = PARAMETERS if warped else 2
    a, b = (t[..., :used].flatten(0, 1) for t in (pairs.by_first, pairs.by_second))  # [pairs, k, used]
    weight = (pairs.valid * _trust(pairs.residual, width)).flatten(0, 1)[..., None]
    residual = pairs.residual.flatten(0, 1)[..., None]
    i, j = pairs.first[:, :, 0].reshape(-1), pairs.second[:, :, 0].reshape(-1)
    blocks = torch.zeros(n * n, used, used)
    across = (a * weight).transpose(1, 2) @ b
    blocks.index_add_(0, i * n + i, (a * weight).transpose(1, 2) @ a)
    blocks.index_add_(0, j * n + j, (b * weight).transpose(1, 2) @ b)
    blocks.index_add_(0, i * n + j, across)
    blocks.index_add_(0, j * n + i, across.transpose(1, 2))
    pull = torch.zeros(n, used).index_add_(0, i, (a * weight * residual).sum(dim=1))
    pull.index_add_(0, j, (b * weight * residual).sum(dim=1))
    if points is not None:
        off, slope, even = point_residuals(views, meaning, points)
        slope, share = slope[:, :used], POINT_WEIGHT * even * _trust(off, width)
        mine = (slope * share[:, None])[:, :, None] * slope[:, None]
        blocks.index_add_(0, points.image * (n + 1), mine)
        pull.index_add_(0, points.image, slope * (share * off)[:, None])
    # The warp is a small thing of its own in every image: its deviation is known, and keeps the common part
    # out.
    stiff = torch.full((n, used), 1e-3)
    stiff[:, 2:] = 0.001 * PARTNERS * PIXELS * (width / WARP_DEVIATION) ** 2
    pull[:, 2:] += stiff[:, 2:] * meaning.values[:, 2:used]
    matrix = blocks.view(n, n, used, used).transpose(1, 2).reshape(n * used, n * used)
    matrix.diagonal().add_(stiff.view(-1) + 1e-3 * matrix.diagonal() + 1e-3)
    return Normal(matrix, pull)


def _trust(residual: Tensor, width: float) -> Tensor:
    """Geman and McClure's weight."""
    return (width**2 / (residual.square() + width**2)).square()
