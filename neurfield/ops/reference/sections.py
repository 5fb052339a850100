"""Ray sections in plain torch: any device, any dtype, differentiable to any order."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from neurfield.ops.reference import compositing
from neurfield.ops.reference.opacity import alpha


def midpoints(
    origins: Tensor, directions: Tensor, ray_indices: Tensor, t_starts: Tensor, t_ends: Tensor
) -> tuple[Tensor, Tensor]:
    """Points [S, 3] and their t [S]; see `neurfield.ops.sections.section_midpoints`."""
    t = 0.5 * (t_starts + t_ends)
    return origins[ray_indices] + t[:, None] * directions[ray_indices], t


def opacity(
    sdf: Tensor,
    gradient: Tensor,
    t_starts: Tensor,
    t_ends: Tensor,
    directions: Tensor,
    ray_indices: Tensor,
    kind: str,
    width: Tensor | float,
    anneal: float,
) -> tuple[Tensor, Tensor]:
    """Alpha [S] and unit normal [S, 3]; see `neurfield.ops.sections.section_opacity`."""
    normal = normalize(gradient, dim=1, eps=1e-6)
    slope = (gradient * directions[ray_indices]).sum(dim=1)
    return alpha(kind, sdf, slope, t_ends - t_starts, width, anneal), normal


def composite_surface(
    alpha: Tensor, rgb: Tensor, normal: Tensor, t: Tensor, packed_info: Tensor
) -> tuple[Tensor, Tensor]:
    """Rays [R, 8] and weights [S]; see `neurfield.ops.sections.composite_surface`."""
    values = torch.cat([rgb, normal, t[:, None]], dim=1)
    out, opacity_, weights = compositing.composite(alpha, values, packed_info)
    return torch.cat([out, opacity_[:, None]], dim=1), weights.detach()
