"""From signed distance to the opacity of a ray section.

Legend: sdf, slope (d sdf / d t along the ray, negative when the ray approaches the surface), length (of the
section), width (1/inv_s of NeuS, beta of VolSDF: how far from the surface, in the points' unit, the opacity
reaches).
"""

from __future__ import annotations

import torch
from torch import Tensor


def neus_alpha(
    sdf: Tensor, slope: Tensor, length: Tensor, width: Tensor | float, anneal: float = 1.0
) -> Tensor:
    """Opacity [S] of sections known at their midpoints (NeuS, Wang et al. 2021, Eq.
    13 and the authors' renderer).

    Args:
        sdf, slope, length: [S] at the midpoints.
        anneal: 0 lets sections that leave the surface be half opaque too, which keeps gradients alive early;
        1 is the paper's Eq.
    """
    approach = -(torch.relu(0.5 - 0.5 * slope) * (1.0 - anneal) + torch.relu(-slope) * anneal)
    half_step = 0.5 * approach * length
    inverse = 1.0 / width
    entry = (sdf - half_step) * inverse
    exit_ = (sdf + half_step) * inverse
    # 1 - Phi(exit)/Phi(entry) through log-sigmoids: no 0/0 deep inside matter, no floor that fogs free space.
    return -torch.expm1(
        torch.clamp(torch.nn.functional.logsigmoid(exit_) - torch.nn.functional.logsigmoid(entry), max=0.0)
    )


def volsdf_density(sdf: Tensor, width: Tensor | float) -> Tensor:
    """Density [S] = Laplace CDF of the negated SDF over width (VolSDF, Yariv et al. 2021, Eq.
    2-3 with alpha = 1/beta)."""
    inverse = 1.0 / width
    return inverse * (0.5 - 0.5 * torch.sign(sdf) * -torch.expm1(-sdf.abs() * inverse))


def volsdf_alpha(sdf: Tensor, length: Tensor, width: Tensor | float) -> Tensor:
    """Opacity [S] of sections of VolSDF's density, taken constant along the section."""
    return -torch.expm1(-volsdf_density(sdf, width) * length)
