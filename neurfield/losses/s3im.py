"""Structural similarity of pixels that stand beside each other by chance alone."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from neurfield.losses.seen import Seen
from neurfield.parts import Number, needs

C1, C2, SIGMA = 0.01**2, 0.03**2, 1.5  # as in SSIM (Wang et al. 2004)


@needs("pixels.rgb", "passes.surface")
def s3im(
    seen: Seen,
    *,
    kernel: Annotated[int, Number(least=2)] = 4,
    repeats: Annotated[int, Number(least=1)] = 10,
) -> Tensor:
    """One minus the SSIM of random patches (S3IM, Xie et al. 2023, Eq. 5-7).

    Args:
        kernel: pixels along each side of a patch.
        repeats: patches that a pixel has a place in; the first is in the order of the step's pixels.
    """
    target, rgb = seen.pixels.rgb, seen.rendered("surface").rgb
    if seen.rays.compared is not None:  # a pixel that is not compared agrees
        rgb = torch.where(seen.rays.compared[:, None], rgb, target)
    count, device = len(rgb), rgb.device
    if count < kernel**2:
        return 0.0 * rgb.sum()
    generator = seen.moment.generator
    orders = [torch.arange(count, device=device)]
    orders += [torch.randperm(count, generator=generator, device=device) for _ in range(repeats - 1)]
    whole = count - count % kernel**2
    order = torch.cat([order[:whole] for order in orders])
    return 1.0 - patch_ssim(rgb[order].view(-1, kernel**2, 3), target[order].view(-1, kernel**2, 3))


def patch_ssim(a: Tensor, b: Tensor) -> Tensor:
    """Mean SSIM of patches under a Gaussian window of 1.5 pixels, each patch one window.

    Args:
        a: [N, k * k, C] in 0..1.
        b: [N, k * k, C] in 0..1.
    """
    side = torch.arange(round(a.shape[1] ** 0.5), dtype=a.dtype, device=a.device)
    bell = torch.exp(-0.5 * ((side - 0.5 * (len(side) - 1)) / SIGMA).square())
    window = torch.outer(bell, bell).view(1, -1, 1) / bell.sum().square()
    mean_a, mean_b = (window * a).sum(dim=1), (window * b).sum(dim=1)
    var_a = (window * a.square()).sum(dim=1) - mean_a.square()
    var_b = (window * b.square()).sum(dim=1) - mean_b.square()
    covariance = (window * a * b).sum(dim=1) - mean_a * mean_b
    luminance = (2.0 * mean_a * mean_b + C1) / (mean_a.square() + mean_b.square() + C1)
    return (luminance * (2.0 * covariance + C2) / (var_a + var_b + C2)).mean()
