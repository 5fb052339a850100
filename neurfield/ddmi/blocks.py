"""What the autoencoder and the diffusion are put together from."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, scaled_dot_product_attention, silu


def groups_of(channels: int) -> int:
    """How many groups a group norm has: of 4 channels or more, at most 32."""
    return math.gcd(channels, max(1, min(32, channels // 4)))


class Residual(nn.Module):
    """Two convolutions beside a shortcut; told a code of the time where it has a size (He et al. 2016).

    Args:
        into: channels of what it is given.
        out: channels of what it gives.
        told: size of the code; 0: there is none.
    """

    def __init__(self, into: int, out: int, told: int = 0) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.GroupNorm(groups_of(into), into), nn.GroupNorm(groups_of(out), out)])
        self.first, self.second = nn.Conv2d(into, out, 3, padding=1), nn.Conv2d(out, out, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        self.shortcut = nn.Conv2d(into, out, 1) if into != out else nn.Identity()
        self.told = nn.Linear(told, 2 * out) if told else None

    def forward(self, maps: Tensor, code: Tensor | None = None) -> Tensor:
        """[B, into, h, w] and [B, told] to [B, out, h, w]."""
        inner = self.norms[1](self.first(silu(self.norms[0](maps))))
        if self.told is not None and code is not None:
            scale, shift = self.told(silu(code))[:, :, None, None].chunk(2, dim=1)
            inner = inner * (1.0 + scale) + shift
        return self.shortcut(maps) + self.second(silu(inner))


class Attention(nn.Module):
    """All texels of the planes of a shape look at each other, beside a shortcut.

    Args:
        channels: of the maps.
        planes: how many maps in a row of the batch belong to one shape.
        width: channels of a head, where that many divide them.
    """

    def __init__(self, channels: int, planes: int = 1, width: int = 32) -> None:
        super().__init__()
        self.planes = planes
        self.heads = channels // width if channels % width == 0 else 1
        self.norm = nn.GroupNorm(groups_of(channels), channels)
        self.asked, self.last = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        nn.init.zeros_(self.last.weight)

    def forward(self, maps: Tensor) -> Tensor:
        """[B x planes, C, h, w] to the same shape."""
        _, channels, high, wide = maps.shape
        tokens = self.norm(maps).unflatten(0, (-1, self.planes)).permute(0, 1, 3, 4, 2).flatten(1, 3)
        asked = self.asked(tokens).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        seen = scaled_dot_product_attention(asked[0], asked[1], asked[2])
        said = self.last(seen.transpose(1, 2).flatten(2))
        return maps + said.view(-1, self.planes, high, wide, channels).permute(0, 1, 4, 2, 3).flatten(0, 1)


class ResidualRows(nn.Module):
    """Two linear layers beside a shortcut, of rows (ConvONet's ResnetBlockFC, Peng et al. 2020).

    Args:
        into: width of a row that it is given.
        out: width of a row that it gives.
    """

    def __init__(self, into: int, out: int) -> None:
        super().__init__()
        inner = min(into, out)
        self.first, self.second = nn.Linear(into, inner), nn.Linear(inner, out)
        nn.init.zeros_(self.second.weight)
        self.shortcut = nn.Linear(into, out, bias=False) if into != out else nn.Identity()

    def forward(self, rows: Tensor) -> Tensor:
        """[..., into] to [..., out]."""
        return self.shortcut(rows) + self.second(torch.relu(self.first(torch.relu(rows))))


def halved(channels: int) -> nn.Module:
    """A convolution that leaves every second texel out."""
    return nn.Conv2d(channels, channels, 3, stride=2, padding=1)


class Doubled(nn.Module):
    """Each texel four times, then a convolution.

    Args:
        channels: of the maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.after = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        """[B, C, h, w] to [B, C, 2 h, 2 w]."""
        return self.after(interpolate(maps, scale_factor=2.0, mode="nearest"))
