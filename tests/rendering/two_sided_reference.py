"""The opacities of distances without a sign as the papers and their code have them: loops over samples."""

from __future__ import annotations

import torch
from torch import Tensor


def neus(f: Tensor, steep: Tensor, length: Tensor, s: Tensor | float) -> Tensor:
    """NeuS's opacity of one section whose slope is -steep."""
    before, after = (torch.sigmoid(s * (f + part * steep * length)) for part in (0.5, -0.5))
    return ((before - after) / before).clamp(0.0, 1.0)


def neuraludf(
    u: Tensor,
    slope: Tensor,
    length: Tensor,
    s: Tensor | float,
    beta: Tensor | float,
    gain: float,
    saturation: float,
) -> Tensor:
    """Opacities [n] of one ray: Eq. 5-9, and which meetings count as in the code."""
    visible, found = torch.ones((), dtype=u.dtype), []
    for i in range(len(u)):
        before, behind = (neus(f, slope[i].abs(), length[i], s) for f in (u[i], -u[i]))
        found.append(visible * before + (1.0 - visible) * behind)
        e = torch.exp(-beta * u[i])
        h = 1.0 - torch.exp(-gain * beta * e / (1.0 + e) ** 2 * length[i])
        nearer = float(slope[i + 1] < 0.01) if i + 1 < len(u) else 1.0
        visible = visible * (1.0 - h + saturation * nearer).clamp(0.0, 1.0)
    return torch.stack(found) if found else u.clone()


def neudf(u: Tensor, slope: Tensor, length: Tensor, r: Tensor | float) -> Tensor:
    """Opacities [n] of one ray."""
    found = []
    for i in range(len(u)):
        ends = [(u[i] + part * slope[i] * length[i]).clamp_min(0.0) for part in (-0.5, 0.5)]
        one, other = (r * end / (1.0 + r * end) for end in ends)
        found.append((one - other).abs() / torch.maximum(one, other))
    return torch.stack(found) if found else u.clone()


def weights(alpha: Tensor) -> Tensor:
    """Weights [n] of one ray's samples."""
    light, found = torch.ones((), dtype=alpha.dtype), []
    for one in alpha:
        found.append(light * one)
        light = light * (1.0 - one)
    return torch.stack(found)
