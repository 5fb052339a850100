"""How stereo reads pictures and compares windows, in plain torch: what `csrc/stereo/pictures.h` does."""

from __future__ import annotations

import torch
from torch import Tensor

MOST_DIFFERENCE = 20.0  # grey levels: a difference beyond it says no more
NOISE = 3.0  # grey levels: a window that deviates so much from a ramp is half compared by correlation
LEAST_VARIANCE = 0.25  # grey levels squared: of a window that is plainer than its 8 bits can tell
OUTSIDE = 0.6  # the cost of a window that leaves the source
BEST_SOURCES = 2  # whose mean is what a place costs, at most: who looks into a hollow is seldom in company


def best_of(count: int) -> int:
    """How many of `count` sources make the cost of a place.

    Half of them, since it may be hidden from the others, and two at most.
    """
    return min((count + 1) // 2, BEST_SOURCES)


def sampled(quads: Tensor, picture: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Bilinear grey values of `StereoPictures.quads` at (u, v), which broadcast with `picture` (int64).

    Pixels of the background have no say; a place is background where they have more than half the weight.

    Returns:
        value, float (0 in the background); background, bool; leaves, bool: (u, v) lies outside the picture.
    """
    h, w = quads.shape[1:]
    leaves = ~((u >= 0) & (u <= w) & (v >= 0) & (v <= h))  # NaN leaves too
    x = torch.where(leaves, torch.zeros_like(u), (u - 0.5).clamp(0, w - 1))
    y = torch.where(leaves, torch.zeros_like(v), (v - 0.5).clamp(0, h - 1))
    column, row = x.floor(), y.floor()
    a, b = x - column, y - row
    quad = quads[picture, row.long(), column.long()]
    four = torch.stack([(quad >> shift & 255).to(u.dtype) for shift in (0, 8, 16, 24)], dim=-1)
    share = torch.stack([(1 - a) * (1 - b), a * (1 - b), (1 - a) * b, a * b], dim=-1)
    value = torch.lerp(
        torch.lerp(four[..., 0], four[..., 1], a), torch.lerp(four[..., 2], four[..., 3], a), b
    )
    some = (four == 0).any(dim=-1)
    foreground = torch.where(some, (share * (four != 0)).sum(dim=-1), torch.ones_like(u))
    background = some & ~(foreground >= 0.5)
    value = torch.where(background, torch.zeros_like(value), value / foreground.clamp_min(0.5))
    return value, background, leaves


def texture(grey: Tensor, weight: Tensor, dx: Tensor, dy: Tensor) -> Tensor:
    """kappa: how far windows are to be compared by correlation, 0 (a ramp, which it cannot place) to 1.

    kappa = V / (V + NOISE^2) with V the weighted variance about the best ramp c + g . (dx, dy).

    Args:
        grey: [..., T] of the taps of each window.
        weight: [..., T], 0 for taps that do not count.
        dx: [T], the taps' columns from the middle, pixels.
        dy: [T], their rows.
    """
    grey, weight = grey.double(), weight.double()
    share = weight / weight.sum(dim=-1, keepdim=True).clamp_min(1e-30)

    def mean(of: Tensor) -> Tensor:
        return (share * of).sum(dim=-1, keepdim=True)

    x, y, a = dx.double() - mean(dx.double()), dy.double() - mean(dy.double()), grey - mean(grey)
    xx, xy, yy = mean(x * x) + 1e-4, mean(x * y), mean(y * y) + 1e-4  # taps on one line have a ramp too
    xa, ya = mean(x * a), mean(y * a)
    inverse = 1 / (xx * yy - xy * xy)
    along_x, along_y = (yy * xa - xy * ya) * inverse, (xx * ya - xy * xa) * inverse
    variance = mean((a - along_x * x - along_y * y).square())[..., 0]
    return variance / (variance + NOISE**2)


def matching_cost(
    mine: Tensor,
    theirs: Tensor,
    weight: Tensor,
    background: Tensor,
    gain: Tensor | float,
    kappa: Tensor,
    tolerance: float = 0.0,
) -> Tensor:
    """Cost [...] of windows of taps [..., T], 0 (alike) to 1.

    kappa (1 - rho) / 2 + (1 - kappa) A over the taps that are no background in the source, with rho the
    weighted normalised cross-correlation and A the mean of (|mine - gain theirs| - tolerance) /
    MOST_DIFFERENCE, 0 to 1 each. Taps of the background cost 1.

    Args:
        gain: of the source over that of the reference.
        kappa: [...], of `texture`.
        tolerance: grey levels.
    """
    whole = weight.sum(dim=-1).clamp_min(1e-20)
    weight = torch.where(background, torch.zeros_like(weight), weight)
    left = weight.sum(dim=-1)
    share = weight / left.clamp_min(1e-20)[..., None]
    a = mine - (share * mine).sum(dim=-1, keepdim=True)
    b = theirs - (share * theirs).sum(dim=-1, keepdim=True)
    variances = [(share * t * t).sum(dim=-1).clamp_min(LEAST_VARIANCE) for t in (a, b)]
    rho = (share * a * b).sum(dim=-1) / (variances[0] * variances[1]).sqrt()
    beyond = (mine - gain * theirs).abs() - tolerance
    apart = (share * (beyond / MOST_DIFFERENCE).clamp(0, 1)).sum(dim=-1)
    foreground = left / whole
    return 1 - foreground + foreground * (kappa * (1 - rho) / 2 + (1 - kappa) * apart)
