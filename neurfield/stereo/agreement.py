"""Where the maps of several frames agree with each other."""

from __future__ import annotations

import torch
from torch import Tensor

from neurfield.ops import StereoPictures, consistent_views


def agreement(
    pictures: StereoPictures, depth: Tensor, sources: Tensor, *, relative: float, pixels: float
) -> tuple[Tensor, Tensor]:
    """How many sources agree with each pixel, uint8 [n, h, w], and the mean angle to them, degrees [n, h, w].

    Args:
        depth: [n, h, w], 0 = nothing.
        sources: int64 [n, S], -1 = none.
        relative: difference of depth that is agreement.
        pixels: of reprojection that are.
    """
    return consistent_views(pictures, depth, sources, relative=relative, pixels=pixels)


def mapped_sources(sources: Tensor, references: Tensor, frames: int) -> Tensor:
    """Sources int64 [frames, S] of every frame that has a map, those without a map left out.

    Args:
        sources: int64 [R, S], of the references.
        references: int64 [R], the frames that have maps.
        frames: how many there are.
    """
    mapped = torch.zeros(frames + 1, dtype=torch.bool)
    mapped[references] = True
    kept = torch.where(mapped[sources], sources, torch.full_like(sources, -1))
    every = torch.full((frames, sources.shape[1]), -1, dtype=torch.int64)
    every[references] = kept
    return every
