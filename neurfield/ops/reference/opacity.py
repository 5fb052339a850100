"""From signed distance to the opacity of a ray section.

Legend:

- sdf: the signed distance, positive in free space;
- slope: d sdf / d t along the ray, negative when the ray approaches the surface;
- length: of the section;
- width: how far from the surface, in the points' unit, the opacity reaches; 1/inv_s of NeuS, beta of VolSDF.
"""

from __future__ import annotations

import torch
from torch import Tensor

from neurfield.wording import suggest

KINDS = ("neus", "volsdf")


def check(kind: str, width: Tensor | float) -> None:
    """Raise ValueError unless `kind` is a known opacity and the width one number, positive and finite.

    What a tensor holds is not looked at: a GPU would have to be waited for.
    """
    if kind not in KINDS:
        near = suggest(str(kind).lower(), KINDS)
        raise ValueError(f"opacity: kind must be one of {', '.join(KINDS)}, got {kind!r}{near}")
    if isinstance(width, Tensor):
        if width.numel() != 1:
            raise ValueError(f"opacity: width must be one number, got {list(width.shape)}")
    elif not 0.0 < width < float("inf"):
        raise ValueError(f"opacity: width must be positive and finite, got {width}")


def alpha(
    kind: str, sdf: Tensor, slope: Tensor, length: Tensor, width: Tensor | float, anneal: float = 1.0
) -> Tensor:
    """Opacity [S] of a kind, of sdf, slope and length [S] as for `neus_alpha`.

    Raises:
        ValueError: as `check`, and for what a width on the CPU holds.
    """
    check(kind, width)
    if isinstance(width, Tensor) and width.device.type == "cpu":
        check(kind, float(width.detach()))
    if kind == "neus":
        return neus_alpha(sdf, slope, length, width, anneal)
    return volsdf_alpha(sdf, length, width)


def neus_alpha(
    sdf: Tensor, slope: Tensor, length: Tensor, width: Tensor | float, anneal: float = 1.0
) -> Tensor:
    """Opacity [S] of sections known at their midpoints (NeuS, Wang et al. 2021).

    It is Eq. 13 of the paper, evaluated as the authors' renderer does.

    Args:
        sdf, slope, length: [S] at the midpoints.
        width: one number.
        anneal: 1 is the paper's equation; 0 lets sections that leave the surface be half opaque too, which
            keeps gradients alive early.
    """
    approach = -(torch.relu(0.5 - 0.5 * slope) * (1.0 - anneal) + torch.relu(-slope) * anneal)
    half_step = 0.5 * approach * length
    inverse = 1.0 / width
    entry = (sdf - half_step) * inverse
    exit_ = (sdf + half_step) * inverse
    # 1 - Phi(exit)/Phi(entry) through log-sigmoids: no 0/0 deep inside matter, no floor that fogs free space.
    return -torch.expm1(
        torch.clamp(torch.nn.functional.logsigmoid(exit_) - torch.nn.functional.logsigmoid(entry), max=0.0)
    )


def volsdf_density(sdf: Tensor, width: Tensor | float) -> Tensor:
    """Density [S] of VolSDF: the Laplace distribution of the negated SDF, over the width.

    Yariv et al. 2021, Eq. 2 and 3, with alpha = 1/beta.
    """
    inverse = 1.0 / width
    return inverse * (0.5 - 0.5 * torch.sign(sdf) * -torch.expm1(-sdf.abs() * inverse))


def volsdf_alpha(sdf: Tensor, length: Tensor, width: Tensor | float) -> Tensor:
    """Opacity [S] of sections of VolSDF's density, taken constant along the section."""
    return -torch.expm1(-volsdf_density(sdf, width) * length)
