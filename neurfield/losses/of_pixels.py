"""What a step's pixels ask of what was rendered."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from neurfield.losses.photometric import color_l1, mask_entropy
from neurfield.losses.seen import Seen
from neurfield.parts import needs


@needs("pixels.rgb", "passes.{at}")
def color(seen: Seen, *, at: str = "surface") -> Tensor:
    """Mean absolute colour difference.

    Args:
        at: the pass that is compared.
    """
    return color_l1(seen.rendered(at).rgb, seen.pixels.rgb, seen.rays.compared)


@needs("pixels.rgb", "passes.{at}.direct")
def direct_color(seen: Seen, *, at: str = "surface") -> Tensor:
    """As color, of the samples' own colours, where pixels are decoded of what their samples render to.

    Args:
        at: the pass that is compared.
    """
    direct = seen.rendered(at).channels["direct"]
    return color_l1(direct, seen.pixels.rgb, seen.rays.compared)


@needs("passes.{at}.{of}", optional=("pixels.{of}",))
def intrinsic(seen: Seen, *, of: Literal["reflectance", "shading"], at: str = "surface") -> Tensor:
    """Mean absolute difference of a factor of the colour and a picture of it, up to a scale of each image.

    Such pictures come from a decomposition of photographs into what surfaces reflect and how they are lit;
    the brightness that it gives to the one or to the other is not known. Pixels where it is black say
    nothing.

    Args:
        of: the factor.
        at: the pass that is compared.
    """
    pixels, rendered = seen.pixels, seen.rendered(at).channels[of]
    told = pixels.columns[of]
    counts = (told.amax(dim=1) > 0.0).to(told.dtype)[:, None]
    if rendered.shape[1] == 1:
        told = told.mean(dim=1, keepdim=True)
    with torch.no_grad():

        def total(values: Tensor) -> Tensor:
            one = (counts * values).sum(dim=1)
            return torch.zeros(pixels.groups, device=one.device).index_add_(0, pixels.group, one)

        scale = total(told * rendered) / total(told * told).clamp_min(1e-9)
    difference = (rendered - scale[pixels.group][:, None] * told).abs()
    return (counts * difference).sum() / (counts.sum() * rendered.shape[1]).clamp_min(1.0)


@needs("passes.surface", optional=("pixels.outline",))
def mask(seen: Seen) -> Tensor:
    """Binary cross entropy of the rays' opacity against an object's mask."""
    return mask_entropy(seen.rendered("surface").opacity, seen.pixels.columns["mask"])
