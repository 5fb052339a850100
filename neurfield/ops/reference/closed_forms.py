"""Encodings without parameters in plain torch: any device and dtype, differentiable as often as wanted."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def frequency(points: Tensor, bands: int, active_bands: int, order: int = 0) -> Tensor:
    """The `order`-th derivative of sin and cos of 2^k pi x, [N, bands * 2 * D].

    See `neurfield.ops.frequency`.
    """
    columns = []
    for band in range(active_bands):
        rate = math.pi * 2.0**band
        for phase in (0, 1):
            turn = (order + phase) % 4
            angle = points * rate
            wave = (torch.sin(angle), torch.cos(angle))[turn % 2]
            columns.append(wave * ((-1.0 if turn > 1 else 1.0) * rate**order))
    silent = points.new_zeros(len(points), (bands - active_bands) * 2 * points.shape[1])
    return torch.cat([*columns, silent], dim=1)


def one_blob(points: Tensor, bins: int, order: int = 0) -> Tensor:
    """The `order`-th derivative, 0 to 2, of each bin's share of a blob around x, [N, D * bins].

    See `neurfield.ops.one_blob`.
    """
    within = points - points.detach().floor()
    edges = torch.arange(bins + 1, dtype=points.dtype, device=points.device) / bins
    shifts = torch.tensor([-1.0, 0.0, 1.0], dtype=points.dtype, device=points.device)  # it wraps around
    u = (edges + shifts.unsqueeze(1) - within[..., None, None]) * bins  # [N, D, 3, bins + 1]
    below = _quartic_step(u.clamp(-1.0, 1.0), order).sum(2)
    shares = (below[..., 1:] - below[..., :-1]) * (-float(bins)) ** order
    return shares.reshape(len(points), points.shape[1] * bins)


def _quartic_step(u: Tensor, order: int) -> Tensor:
    """Derivatives of the integral of the quartic kernel 15/16 (1 - u^2)^2, for |u| <= 1."""
    if order == 0:
        return 15.0 / 16.0 * u * (1.0 - u**2 * (2.0 / 3.0 - u**2 / 5.0)) + 0.5
    rest = 1.0 - u**2
    return 15.0 / 16.0 * rest**2 if order == 1 else -15.0 / 4.0 * u * rest


def spherical_harmonics(directions: Tensor, degree: int) -> Tensor:
    """[N, degree**2] of [N, 3]; see `neurfield.ops.closed_forms.spherical_harmonics`."""
    x, y, z = directions.unbind(-1)
    values = [0.0 * x + 0.28209479177387814]  # a constant, but of the directions
    if degree > 1:
        first = 0.48860251190291987
        values += [-first * y, first * z, -first * x]
    if degree > 2:
        second = 1.0925484305920792
        values += [
            second * x * y,
            -second * y * z,
            0.94617469575755997 * z * z - 0.31539156525251999,
            -second * x * z,
            0.54627421529603959 * (x * x - y * y),
        ]
    if degree > 3:
        third = 0.59004358992664352
        inner = 0.45704579946446572
        values += [
            third * y * (y * y - 3.0 * x * x),
            2.8906114426405538 * x * y * z,
            inner * y * (1.0 - 5.0 * z * z),
            0.3731763325901154 * z * (5.0 * z * z - 3.0),
            inner * x * (1.0 - 5.0 * z * z),
            1.4453057213202769 * z * (x * x - y * y),
            third * x * (3.0 * y * y - x * x),
        ]
    return torch.stack(values, dim=-1)
