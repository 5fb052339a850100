"""Colours of a mesh are those that somebody sees who looks straight at it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from neurfield.surfaces.color import vertex_colors


class Ball(nn.Module):
    """A field of slope 3, so that its gradient is no unit normal."""

    def __init__(self) -> None:
        super().__init__()
        self.anything = nn.Parameter(torch.zeros(1))

    def query(self, points: Tensor, gradient: bool = False) -> Any:
        return SimpleNamespace(sdf=points.norm(dim=1), gradient=3.0 * points, feature=points.sum(1, True))


class Shown(nn.Module):
    """The colour is a number that it is asked with, from -1..1 to 0..1."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what

    def encode_views(self, directions: Tensor) -> Tensor:
        return directions

    def forward(self, points: Tensor, feature: Tensor, normal: Tensor, views: Tensor) -> Tensor:
        return 0.5 + 0.5 * {"normal": normal, "view": views, "point": points}[self.what]


def test_seen_head_on_and_rounded() -> None:
    random = np.random.default_rng(0)
    points = random.normal(size=(300, 3))
    points *= random.uniform(0.2, 0.9, (300, 1)) / np.linalg.norm(points, axis=1, keepdims=True)
    normal = points / np.linalg.norm(points, axis=1, keepdims=True)
    for what, shown in (("normal", normal), ("view", -normal), ("point", points)):
        colors = vertex_colors(Ball(), Shown(what), points, chunk=64)  # type: ignore[arg-type]
        assert colors.dtype == np.uint8 and colors.shape == (300, 3)
        off = colors - 255.0 * (0.5 + 0.5 * shown)
        assert np.abs(off).max() <= 0.51 and abs(off.mean()) < 0.05


def test_seen_from_outside_where_gradients_point_both_ways() -> None:
    points = np.array([[0.5, 0.0, 0.0], [0.0, -0.5, 0.0]])
    outwards = np.array([[-0.9, 0.1, 0.0], [0.2, -1.0, 0.0]])  # of the first point against its gradient
    for what, sign in (("normal", 1.0), ("view", -1.0)):
        colors = vertex_colors(Ball(), Shown(what), points, outwards=outwards)  # type: ignore[arg-type]
        shown = sign * np.array([[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
        assert np.abs(colors - 255.0 * (0.5 + 0.5 * shown)).max() <= 0.51
