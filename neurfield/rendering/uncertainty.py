"""How little a monocular network's depth and normals are to be believed, as a head of the field.

DebSDF (Xu et al. 2024, section 3.2). There these are numbers of the colour network, which depend on the view.
Here they are heads of the field, which do not, so that the density may ask for them before there are colours.
"""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from neurfield.fields import Head
from neurfield.parts import Number

SCALE = 4.0  # the paper's, of the network's output
BLEND = 0.9  # the paper's power of the normal's uncertainty in a blend of both


def make_uncertainty(*, start: Annotated[float, Number(above=0.0)] = 0.2) -> Head:
    """Uncertainty of prior depth and of prior normals, a number for the former and one for each axis.

    Args:
        start: all of them at the first step. Numbers drawn at random would take longer to become as small as
            the priors' errors than short fits have.
    """
    return Head(4, start=start / SCALE)


def uncertainties(head: Tensor) -> Tensor:
    """Uncertainties [N, 4], not negative, of what the head says [N, 4]: depth, and normals by axis.

    Depth's is in MonoSDF's unit of depth, a share of it: see `losses.uncertain`.
    """
    return SCALE * head.abs()


def blended(uncertainty: Tensor, depth_factor: float = 1.0) -> Tensor:
    """One number [N] of uncertainties [N, 4]: (depth_factor u_d)^0.1 (mean u_n)^0.9; without gradient.

    The factor is sqrt(2) for pixels, whose depth error is Laplacian, and one for samples, as the authors have
    it.
    """
    of = uncertainty.detach()
    return (depth_factor * of[:, 0]) ** (1.0 - BLEND) * of[:, 1:].mean(dim=1) ** BLEND
