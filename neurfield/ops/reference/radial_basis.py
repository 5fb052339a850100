"""Radial bases in plain torch: any device and dtype, differentiable as often as wanted.

NeuRBF (Chen et al., ICCV 2023), Sec. 3; the blended support is ours. See `neurfield.ops.radial_basis_encode`.
"""

from __future__ import annotations

import torch
from torch import Tensor

MARKOV_FLOOR = 1e-12  # of q: below it exp(-sqrt q) counts as constant, for its slope has no direction at 0
SUM_FLOOR = 1e-8  # added to the sum that responses are divided by, as published
BLENDED_SUM_FLOOR = (
    1e-2  # the same with blended support, where the sum may be 0 and must not be felt abruptly
)
_BRUTE_FORCE = 1 << 24  # distances held at once


def nearest(points: Tensor, centres: Tensor, count: int) -> Tensor:
    """Indices int32 [N, count] of the centres [M, d] nearest to points [N, d], the nearest first."""
    points, centres = points.detach(), centres.detach()
    found = [
        (some[:, None] - centres).square().sum(2).topk(count, dim=1, largest=False).indices.int()
        for some in points.split(max(1, _BRUTE_FORCE // len(centres)))
    ]
    return torch.cat(found) if found else torch.empty(0, count, dtype=torch.int32, device=points.device)


def responses(points: Tensor, centres: Tensor, shapes: Tensor, kernel: str) -> Tensor:
    """phi [N, K] of points [N, d] to their own kernels: centres [N, K, d], shapes [N, K, d (d + 1) / 2]."""
    u = _factored(points[:, None] - centres, shapes)
    if kernel == "tent":
        return (1.0 - u.abs()).clamp(min=0.0).prod(2)
    q = u.square().sum(2)
    if kernel == "inverse_quadratic":
        return 1.0 / (1.0 + q)
    if kernel == "gaussian":
        return torch.exp(-0.5 * q)
    if kernel == "inverse_multiquadric":
        return torch.rsqrt(1.0 + q)
    assert kernel == "markov"
    return torch.exp(-q.clamp(min=MARKOV_FLOOR).sqrt())


def activations(
    points: Tensor,
    centres: Tensor,
    shapes: Tensor,
    support: Tensor | None,
    neighbours: Tensor,
    kernel: str,
    normalise: bool,
) -> Tensor:
    """How much the kernels `neighbours` [N, K] respond at points [N, d], normalised if wanted: [N, K].

    `support` [M] are radii, beyond which a kernel's window (1 - distance^2 / radius^2)^3 is 0. With them the
    normalising sum has a gradient; without it counts as constant, as published.
    """
    rows = neighbours.long()
    near = centres[rows]
    values = responses(points, near, shapes[rows], kernel)
    if support is not None:
        inside = 1.0 - (points[:, None] - near).square().sum(2) / support[rows].square()
        values = values * inside.clamp(min=0.0) ** 3
    if not normalise:
        return values
    total = values.sum(1, keepdim=True)
    return values / (total.detach() + SUM_FLOOR if support is None else total + BLENDED_SUM_FLOOR)


def compose(
    activation: Tensor,
    neighbours: Tensor,
    features: Tensor,
    bias: Tensor | None,
    frequencies: Tensor | None,
    active: int | None = None,
) -> Tensor:
    """bias_c + sum_k features[k, c] sin(frequencies_c a_k), [N, F], for activations a [N, K]; or a_k itself.

    Channels from `active` on are zeros.
    """
    waves = activation[:, :, None]
    if frequencies is not None:
        waves = torch.sin(waves * frequencies)
    values = (features[neighbours.long()] * waves).sum(1)
    if bias is not None:
        values = values + bias
    if active is None or active >= features.shape[1]:
        return values
    return torch.cat([values[:, :active], torch.zeros_like(values[:, active:])], dim=1)


def _factored(delta: Tensor, shapes: Tensor) -> Tensor:
    """U delta, for upper triangular U given row after row."""
    d, rows, at = delta.shape[2], [], 0
    for i in range(d):
        rows.append((shapes[..., at : at + d - i] * delta[..., i:]).sum(2))
        at += d - i
    return torch.stack(rows, dim=2)
