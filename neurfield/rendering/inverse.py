"""Places along rays by weight: inverse transform sampling."""

from __future__ import annotations

import torch
from torch import Tensor


def places_by_weight(edges: Tensor, weights: Tensor, wanted: Tensor) -> Tensor:
    """Places [R, K] before which the wanted shares of each ray's weight lie.

    NeRF, Mildenhall et al. 2020, Sec. 5.2.

    Args:
        edges: [R, N + 1] of sections, ascending.
        weights: [R, N] of these, not negative; even over a section. A ray without any weight has it evenly
            over its sections.
        wanted: [R, K] in 0..1.
    """
    total = weights.sum(dim=1, keepdim=True)
    weights = torch.where(total > 0, weights, torch.ones_like(weights))
    below = torch.nn.functional.pad(weights.cumsum(dim=1), (1, 0))
    below = below / below[:, -1:]
    section = torch.searchsorted(below, wanted.contiguous(), right=True) - 1
    section = section.clamp(0, weights.shape[1] - 1)
    low, high = below.gather(1, section), below.gather(1, section + 1)
    part = (wanted - low) / (high - low).clamp_min(1e-9)
    return torch.lerp(edges.gather(1, section), edges.gather(1, section + 1), part.clamp(0.0, 1.0))
