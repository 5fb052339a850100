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
    """S fields over [-1, 1]^3.

    A point's features are the sum of three planes' (x, y), (x, z), (y, z), beside them its coordinates with
    their sines and cosines (Cardace et al. 2024). Planes begin normal, deviation 0.001; networks as SIREN.

    Args:
        count: S.
        recipe: sizes.
        seed: of all first numbers.
        shared: one network for all S.
        answers: K, numbers that are said at a point.
    """

    def __init__(
        self, count: int, recipe: Recipe, seed: int = 0, shared: bool = False, answers: int = 1
    ) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.layout = PlaneLayout(3, (recipe.resolution,), recipe.channels, "sum", False)
        self.octaves = recipe.octaves
        texels = torch.empty(count, self.layout.n_parameters).normal_(0.0, 0.001, generator=generator)
        self.texels = nn.Parameter(texels)
        networks = 1 if shared else count
        widths = [recipe.channels + 3 + 6 * recipe.octaves, *[recipe.hidden] * recipe.layers, answers]
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

    @property
    def answers(self) -> int:
        """Numbers that are said at a point."""
        return self.weights[-1].shape[2]

    def forward(self, points: Tensor) -> Tensor:
        """What the networks say [S, N, K] at points [S, N, 3] of [-1, 1]^3, before any sigmoid."""
        unit = 0.5 * points + 0.5
        planes = [triplane_encode(at, texels, self.layout) for at, texels in zip(unit, self.texels)]
        known, split = sinusoids(points, self.octaves), self.layout.features
        # Weights are multiplied by OMEGA, not what comes out of them, and biases are added by the products:
        # that saves two passes over all points a layer.
        *inner, last = zip(self.weights, self.biases)
        scaled = [tuple((OMEGA * one).expand(len(points), -1, -1) for one in layer) for layer in inner]
        weight, bias = scaled[0]
        hidden = torch.baddbmm(bias, known, weight[:, split:])
        hidden = torch.baddbmm(hidden, torch.stack(planes), weight[:, :split])
        for weight, bias in scaled[1:]:
            hidden = torch.baddbmm(bias, torch.sin(hidden), weight)
        weight, bias = (one.expand(len(points), -1, -1) for one in last)
        return torch.baddbmm(bias, torch.sin(hidden), weight)


def some_of(fields: Fields, rows: slice, recipe: Recipe) -> Fields:
    """A copy of some of the fields; a network that all share is theirs, too."""
    picked = {
        name: value[rows] if len(value) == len(fields) else value
        for name, value in fields.state_dict().items()
    }
    shared = len(fields.weights[0]) < len(fields)
    made = Fields(len(picked["texels"]), recipe, shared=shared, answers=fields.answers)
    made.load_state_dict(picked)
    return made


def sinusoids(points: Tensor, octaves: int) -> Tensor:
    """Coordinates [..., 3] with their sines and cosines of 2^0 .. 2^(octaves - 1): [..., 3 + 6 octaves]."""
    parts = [points]
    sine, cosine = torch.sin(points), torch.cos(points)
    for _ in range(octaves):
        parts += [sine, cosine]
        sine, cosine = 2.0 * sine * cosine, 1.0 - 2.0 * sine * sine  # of twice the angle
    return torch.cat(parts, dim=-1)
