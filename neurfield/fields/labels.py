"""Whose a place is: numbers of several objects, of a small network of their own."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from neurfield.encodings import HashGrid
from neurfield.ops.fused_mlp import mlp
from neurfield.ops.grid_features import grid_features
from neurfield.ops.points import flat_points

LENGTH = 0.005  # unit lengths, for each one by which labels differ
GAIN = 10.0  # of the network's outputs: labels differ by tens within the hundreds of steps of a fit


class Labels(nn.Module):
    """K numbers at each point, the largest of which says whose the place is.

    A hash grid and a network that share nothing with the distance: what pulls on them leaves it alone.

    Args:
        count: K.
        levels: of the grid.
        log2_table_size: of each level's table, at most.
        finest_resolution: cells of the finest level along the longest side of the box.
        hidden: units of the hidden layers (ReLU).
        seed: of the grid's and the network's numbers.

    Example:
        >>> labels = Labels(3)
        >>> labels(torch.zeros(5, 3)).shape
        torch.Size([5, 3])
    """

    def __init__(
        self,
        count: int,
        levels: int = 8,
        log2_table_size: int = 17,
        finest_resolution: int = 256,
        hidden: tuple[int, ...] = (64, 64),
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.count = count
        self.encoding = HashGrid(
            levels=levels, log2_table_size=log2_table_size, finest_resolution=finest_resolution, seed=seed
        )
        sizes = [3 + self.encoding.output_dim, *hidden, count]
        with torch.random.fork_rng(devices=[]):  # what is drawn next is the same with and without labels
            torch.manual_seed(seed)
            self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))

    def forward(self, points: Tensor) -> Tensor:
        """Numbers [..., K] of points [..., 3], unit coordinates; differentiable in the parameters alone."""
        at = flat_points("Labels.forward", points.detach(), 3, self.encoding.table)
        grid = self.encoding
        features = grid_features(0.5 * at + 0.5, grid.table, grid.layout, interpolation=grid.interpolation)
        layers = [cast(nn.Linear, layer) for layer in self.layers]
        seen = torch.cat([at, features], dim=1)
        labels = GAIN * mlp(seen, [one.weight for one in layers], [one.bias for one in layers])
        return labels.reshape(*points.shape[:-1], self.count)

    def beyond(self, points: Tensor) -> Tensor:
        """How far [..., K] points [..., 3] are out of the place of each, unit lengths; negative within it.

        By the size of the labels: what that is in space is not known but where it is zero.
        """
        return _beyond(self(points))

    def distances(self, sdf: Tensor, points: Tensor) -> Tensor:
        """Distances [..., K] to what is both matter, of which that is `sdf` [...], and the place of each."""
        return distances_of(sdf, self(points))

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Its parameters by how they learn: "table" (sparse) and "network"."""
        return {"table": [self.encoding.table], "network": list(self.layers.parameters())}


def distances_of(sdf: Tensor, labels: Tensor) -> Tensor:
    """Distances [..., K], unit lengths, of the scene's [...] and labels [..., K]; differentiable in both."""
    return torch.maximum(sdf[..., None], _beyond(labels))


def _beyond(labels: Tensor) -> Tensor:
    two, who = labels.topk(2, dim=-1)
    others = two[..., :1].expand_as(labels).scatter(-1, who[..., :1], two[..., 1:])  # the others' largest
    return LENGTH * (others - labels)
