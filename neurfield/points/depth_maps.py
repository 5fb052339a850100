"""Depth maps of some views, ready to be fused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class DepthMaps:
    """Depth maps of n pinhole views of one size.

    Attributes:
        depth: [n, h, w], z-depth in world lengths, 0 = nothing known.
        normal: [n, h, w, 3], camera axes; 0 where unknown.
        weight: [n, h, w], how much depth counts where it is fused.
        sigma: [n, h, w], standard deviation of depth, world lengths.
        trust: [n, h, w] in 0..1, how much a pixel's vote for free space counts.
        world_from_cam: [n, 4, 4].
        lens: [n, 4], fx, fy, cx, cy in pixels.
    """

    depth: Tensor
    normal: Tensor
    weight: Tensor
    sigma: Tensor
    trust: Tensor
    world_from_cam: np.ndarray
    lens: np.ndarray

    def only(self, k: int) -> DepthMaps:
        """The map of one view."""
        return DepthMaps(**{field.name: getattr(self, field.name)[k : k + 1] for field in fields(self)})

    def with_others(self, chosen: Tensor, others: DepthMaps) -> DepthMaps:
        """These with the chosen pixels, bool [n, h, w], of other maps of the same views."""

        def of(name: str) -> Any:
            own, other = getattr(self, name), getattr(others, name)
            return torch.where(chosen[..., None] if own.ndim == 4 else chosen, other, own)

        return replace(self, **{name: of(name) for name in ("depth", "normal", "weight", "sigma", "trust")})

    def typical_error(self) -> float:
        """The median deviation of what is known, 0 where nothing is."""
        some = self.sigma[self.depth > 0][::97]
        return float(some.median()) if len(some) else 0.0


def joined(parts: Sequence[DepthMaps]) -> DepthMaps:
    """Maps of one size after each other; at least one."""

    def of(name: str) -> Any:
        arrays = [getattr(part, name) for part in parts]
        return torch.cat(arrays) if isinstance(arrays[0], Tensor) else np.concatenate(arrays)

    return DepthMaps(**{field.name: of(field.name) for field in fields(DepthMaps)})
