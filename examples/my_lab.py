"""Parts of your own, a loss and an opacity, beside a preset that uses them:

neurfield fit --scene room0 --plugin examples/my_lab.py --method examples/my_method.yaml
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
from torch import Tensor

from neurfield.losses.seen import Seen
from neurfield.parts import Number, needs
from neurfield.rendering.opacity import Opacity


@needs("pixels.rgb", "passes.surface")
def bent_color(seen: Seen, *, bend: Annotated[float, Number(above=0.0)] = 0.01) -> Tensor:
    """Difference of colours, squared where it is small, absolute where it is large (Charbonnier et al. 1994).

    Args:
        bend: where it turns from one to the other; colours are 0 to 1.
    """
    difference = seen.rendered("surface").rgb - seen.pixels.rgb
    return ((difference / bend).square() + 1.0).sqrt().sub(1.0).mean() * bend


class Cauchy(Opacity):
    """Density that is the Cauchy distribution of the negated SDF: it fades more slowly than VolSDF's."""

    slope_matters = False

    def alpha(
        self, sdf: Tensor, slope: Tensor, length: Tensor, width: Tensor | float, progress: float
    ) -> Tensor:
        """As `Opacity.alpha`."""
        density = (0.5 - torch.atan(sdf / width) / math.pi) / width
        return -torch.expm1(-density * length)


PARTS = {"losses.bent_color": bent_color, "passes.cauchy": Cauchy}
