"""What a step's pixels ask of what was rendered."""

from __future__ import annotations

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


@needs("passes.surface", optional=("pixels.outline",))
def mask(seen: Seen) -> Tensor:
    """Binary cross entropy of the rays' opacity against an object's mask."""
    return mask_entropy(seen.rendered("surface").opacity, seen.pixels.columns["mask"])
