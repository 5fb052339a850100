"""What a mask asks of the pixels of a step.

Cameras around an object: the mask is the object's outline, and beyond it there is nothing. Cameras in a room,
or masks that came as what to leave out: beyond the mask the picture says nothing (a visitor, a reflection).
Which of the two is `Scene.mask_says`. A frame without a mask where others have one is whole in the second
case. In the first nobody knows where the object ends there: its colours are asked of what is opaque, and
nothing of what is not.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from neurfield.fitting.pixels import Pixels
from neurfield.rendering.volume import Rendered, before


def before_background(
    pixels: Pixels, seen: Rendered, ended: Tensor | None, generator: torch.Generator, says: str
) -> tuple[Pixels, Rendered]:
    """The true and the rendered colours as they are to be compared; ended: [R], see `before`.

    Behind an object stands a random colour, in front of which opacity errs as dearly outside the mask as
    inside: colour asked for inside the mask alone would reward a surface that stands out by the width of its
    opacity. Where the outline is unknown, what stands behind is the true colour itself.
    """
    mask = pixels.mask
    if mask is None or says == "valid":
        rendered = replace(seen, rgb=before(seen.rgb, seen.opacity, None, ended))
        if mask is None:
            return pixels, rendered
        return replace(
            pixels, rgb=torch.where(mask[:, None] > 0.5, pixels.rgb, rendered.rgb.detach())
        ), rendered
    random = torch.rand(len(pixels.rays), 3, generator=generator, device=mask.device)
    behind = torch.where(mask[:, None] < 1.5, random, pixels.rgb)
    rendered = replace(seen, rgb=before(seen.rgb, seen.opacity, behind, ended))
    return replace(pixels, rgb=torch.lerp(behind, pixels.rgb, mask.clamp_max(1.0)[:, None])), rendered


def counted(mask: Tensor | None, like: Tensor) -> Tensor:
    """1 for the pixels [R] that a mask shows, 0 for the others and for those of unknown outline."""
    return torch.ones_like(like) if mask is None else ((mask > 0.5) & (mask < 1.5)).to(like.dtype)
