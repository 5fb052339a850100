"""Colour seen at a surface point: a tiny network of the field's feature, the normal and the view direction."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from neurfield.encodings import spherical_harmonics
from neurfield.ops.fused_mlp import mlp


class Radiance(nn.Module):
    """RGB in [0, 1] from (feature, unit normal, view direction), after IDR (Yariv et al. 2020) without the position."""

    def __init__(self, feature_dim: int = 15, hidden: tuple[int, ...] = (64, 64), view_degree: int = 3) -> None:
        super().__init__()
        self.view_degree = view_degree
        sizes = [feature_dim + 3 + view_degree**2, *hidden, 3]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes[:-1], sizes[1:]))

    def encode_views(self, directions: Tensor) -> Tensor:
        """Spherical harmonics [R, degree^2] of unit directions [R, 3] (world axes, from the camera into the scene)."""
        return spherical_harmonics(directions, self.view_degree)

    def forward(self, feature: Tensor, normal: Tensor, views: Tensor) -> Tensor:
        """Colours [N, 3] of points with feature [N, F], unit normal [N, 3] and encoded view [N, degree^2]."""
        inputs = torch.cat([feature, normal, views], dim=1)
        weights, biases = [layer.weight for layer in self.layers], [layer.bias for layer in self.layers]
        return mlp(inputs, weights, biases, activation="relu", output_activation="sigmoid")
