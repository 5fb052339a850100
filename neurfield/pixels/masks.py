"""What a mask asks of the pixels of a step.

Cameras around an object: the mask is the object's outline, and beyond it there is nothing. Cameras in a room,
or masks that came as what to leave out: beyond the mask the picture says nothing (a visitor, a reflection).
Which of the two is `Scene.mask_says`. A frame without a mask where others have one is whole in the second
case. In the first nobody knows where the object ends there: its colours are asked of what is opaque, and
nothing of what is not.
"""

from __future__ import annotations

import torch
from torch import Tensor

from neurfield.pixels.columns import Pixels


def asked_for(
    pixels: Pixels, behind: Tensor | None, says: str
) -> tuple[Pixels, Tensor | None, Tensor | None]:
    """The pixels with the colours that are asked for, what stands behind them, and which are compared.

    A background of another colour every time makes opacity err as dearly outside the mask as inside: colour
    asked for inside the mask alone would reward a surface that stands out by the width of its opacity. Where
    the outline is unknown, what stands behind is the true colour itself.

    Args:
        pixels: R of them.
        behind: colours [R, 3] behind an object, None for none.
        says: "object" or "valid", `Scene.mask_says`.

    Returns:
        The pixels; what stands behind the field [R, 3], or None: black; and bool [R], or None: all.
    """
    mask = pixels.get("mask")
    if mask is None:
        return pixels, behind, None
    if says == "valid":
        return pixels, behind, mask > 0.5
    if behind is None:
        behind = torch.zeros_like(pixels.rgb)
    behind = torch.where(mask[:, None] < 1.5, behind, pixels.rgb)
    return pixels.having(rgb=torch.lerp(behind, pixels.rgb, mask.clamp_max(1.0)[:, None])), behind, None


def counted(mask: Tensor | None, like: Tensor) -> Tensor:
    """1 for the pixels [R] that a mask shows, 0 for the others and for those of unknown outline."""
    return torch.ones_like(like) if mask is None else ((mask > 0.5) & (mask < 1.5)).to(like.dtype)
