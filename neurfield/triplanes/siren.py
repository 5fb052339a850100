"""Many fields at once: each a tri-plane and a small network of sines."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn

from neurfield.ops.plane_layout import PlaneLayout
from neurfield.ops.triplane import triplane_encode
from neurfield.triplanes.recipe import Recipe

OMEGA = 30.0  # Sitzmann et al., SIREN (2020), section 3.2


class Fields(nn.Module):
    """S fields over [-1, 1]^3, one output each.

    A point's features are the sum of three planes' (x, y), (x, z), (y, z), beside them its coordinates with
    their sines and cosines (Cardace et al. 2024). Planes begin normal, deviation 0.001; networks as SIREN.

    Args:
        count: S.
        recipe: sizes.
        seed: of all first numbers.
        shared: one network for all S.
    """

    def __init__(self, count: int, recipe: Recipe, seed: int = 0, shared: bool = False) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.layout = PlaneLayout(3, (recipe.resolution,), recipe.channels, "sum", False)
        self.octaves = recipe.octaves
        texels = torch.empty(count, self.layout.n_parameters).normal_(0.0, 0.001, generator=generator)
        self.texels = nn.Parameter(texels)
        networks = 1 if shared else count
        widths = [recipe.channels + 3 + 6 * recipe.octaves, *[recipe.hidden] * recipe.layers, 1]
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for k, (into, out) in enumerate(itertools.pairwise(widths)):
            bound = 1.0 / into if k == 0 else math.sqrt(6.0 / into) / OMEGA
            weight = torch.empty(networks, into, out).uniform_(-bound, bound, generator=generator)
            bias = torch.empty(networks, 1, out)
            bias.uniform_(-1.0 / math.sqrt(into), 1.0 / math.sqrt(into), generator=generator)
            self.weights.append(nn.Parameter(weight))
            self.biases.append(nn.Parameter(bias))

    def __len__(self) -> int:
        return len(self.texels)

    @property
    def planes(self) -> Tensor:
        """[S, 3, channels, resolution, resolution], as `grid_sample` takes each."""
        size, channels = self.layout.resolutions[0], self.layout.features
        return self.texels.detach().view(len(self), 3, size, size, channels).permute(0, 1, 4, 2, 3)

    def forward(self, points: Tensor) -> Tensor:
        """What the networks say [S, N] at points [S, N, 3] of [-1, 1]^3, before any sigmoid."""
        unit = 0.5 * points + 0.5
        planes = [triplane_encode(at, texels, self.layout) for at, texels in zip(unit, self.texels)]
        known, split = sinusoids(points, self.octaves), self.layout.features
        first = torch.matmul(torch.stack(planes), self.weights[0][:, :split])
        hidden = first + torch.matmul(known, self.weights[0][:, split:]) + self.biases[0]
        for weight, bias in zip(self.weights[1:], self.biases[1:]):
            hidden = torch.matmul(torch.sin(OMEGA * hidden), weight) + bias
        return hidden[..., 0]


def sinusoids(points: Tensor, octaves: int) -> Tensor:
    """Coordinates [..., 3] with their sines and cosines of 2^0 .. 2^(octaves - 1): [..., 3 + 6 octaves]."""
    parts = [points]
    sine, cosine = torch.sin(points), torch.cos(points)
    for _ in range(octaves):
        parts += [sine, cosine]
        sine, cosine = 2.0 * sine * cosine, 1.0 - 2.0 * sine * sine  # of twice the angle
    return torch.cat(parts, dim=-1)
