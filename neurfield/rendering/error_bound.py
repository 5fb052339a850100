"""How far off the opacity of a ray can be when the field is known at some of its places only."""

from __future__ import annotations

import math

import torch
from torch import Tensor

MOST_EXPONENT = math.log(1e6)


def clearance(length: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """The least that the distance to a surface can be on sections; their shape.

    A distance says how large a ball around a place holds no surface; on the section between two places the
    least is that of the triangle over it with both distances as sides (VolSDF, Yariv et al. 2021, Sec. 3.3).

    Args:
        length: of the sections.
        before, after: signed distances where they begin and end.
    """
    b, c = before.abs(), after.abs()
    p = 0.5 * (length + b + c)
    squared = (p * (p - length) * (p - b) * (p - c)).clamp_min(
        0.0
    )  # of the triangle's area; 0: there is none
    height = 2.0 / length.clamp_min(1e-12) * squared.sqrt()
    least = torch.where(length**2 + b**2 <= c**2, b, torch.where(length**2 + c**2 <= b**2, c, height))
    return torch.where(before.sign() * after.sign() == 1, least, 0.0)


def laplace_density(sdf: Tensor, width: Tensor | float) -> Tensor:
    """VolSDF's density (Eq. 2-3) at signed distances: 1/width deep inside, half of it on the surface."""
    return (0.5 - 0.5 * sdf.sign() * (1.0 - torch.exp(-sdf.abs() / width))) / width


def error_bound(
    t: Tensor, sdf: Tensor, width: Tensor | float, clear: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Bounds of the opacity's error, and the light that is left.

    The opacity up to each place is taken to be that of densities that stay as they are until the next place
    (the left Riemann sum); its error is at most this where the distances are those of a surface (VolSDF,
    Yariv et al. 2021, Theorem 1 and Eq. 14-15).

    Args:
        t: [R, N] ascending, unit lengths.
        sdf: [R, N] there, unit lengths.
        width: beta of the density, unit lengths; a number, or [R, 1].
        clear: [R, N - 1], the `clearance` of the sections, if it is known.

    Returns:
        exp(E) - 1 [R, N - 1], E the bound of the density's integral up to the end of each section, and the
        transmittance [R, N - 1] at the start of each. Their product bounds the opacity's error there.
    """
    length = t[:, 1:] - t[:, :-1]
    integral = (length * laplace_density(sdf[:, :-1], width)).cumsum(dim=1)
    transmittance = torch.exp(-torch.nn.functional.pad(integral, (1, 0))[:, :-1])
    clear = clearance(length, sdf[:, :-1], sdf[:, 1:]) if clear is None else clear
    near = torch.exp(-clear / width)
    wrong = (length.square() / (4.0 * width**2) * near).cumsum(dim=1)
    return torch.expm1(wrong.clamp_max(MOST_EXPONENT)), transmittance


def greatest_error(t: Tensor, sdf: Tensor, width: Tensor | float, clear: Tensor | None = None) -> Tensor:
    """The most that the opacity up to any place of each ray can be off: [R]; arguments as `error_bound`."""
    grown, transmittance = error_bound(t, sdf, width, clear)
    return (grown * transmittance).amax(dim=1)


def safe_width(t: Tensor, error: float) -> Tensor:
    """The width [R, 1] from which places t [R, N] keep any field's error below a bound (VolSDF, Lemma 2)."""
    squares = (t[:, 1:] - t[:, :-1]).square().sum(dim=1, keepdim=True)
    return (squares / (4.0 * math.log1p(error))).sqrt()


def narrowed(t: Tensor, sdf: Tensor, least: float, wide: Tensor, error: float, halvings: int) -> Tensor:
    """The narrowest width [R, 1] found whose error stays within a bound, by bisection from `wide` to `least`.

    Args:
        t: [R, N].
        sdf: [R, N].
        least: width below which nothing is looked for.
        wide: [R, 1] widths whose error is within the bound.
        error: the bound.
        halvings: of the interval.
    """
    low, high = torch.full_like(wide, least), wide
    clear = clearance(t[:, 1:] - t[:, :-1], sdf[:, :-1], sdf[:, 1:])  # of any width
    enough = greatest_error(t, sdf, least, clear)[:, None] <= error
    for _ in range(halvings):
        middle = 0.5 * (low + high)
        good = greatest_error(t, sdf, middle, clear)[:, None] <= error
        low, high = torch.where(good, low, middle), torch.where(good, middle, high)
    return torch.where(enough, torch.full_like(wide, least), high)
