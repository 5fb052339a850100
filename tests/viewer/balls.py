"""A field that is known everywhere, for what asks fields: a ball's distance, with a sign or without."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
import trimesh
from torch import Tensor, nn

from neurfield.far import local_origin
from neurfield.rays import UnitFrame
from neurfield.viewer.content import Content, box_edges
from neurfield.viewer.layers import Layer, Lines, triangles_of
from neurfield.viewer.truth import NearestTruth

RADIUS = 1.0  # world lengths; the box is twice as wide
ORIGIN = np.zeros(3)
UP = np.array([0.0, 0.0, 1.0])


class Ball(nn.Module):
    """The distance to a ball around the box's middle, in unit coordinates."""

    def __init__(self, radius: float, unsigned: bool) -> None:
        super().__init__()
        self.radius = nn.Parameter(torch.tensor(radius))
        self.sign = "unsigned" if unsigned else "signed"

    def sdf(self, points: Tensor) -> Tensor:
        distance = points.norm(dim=1) - self.radius
        return distance.abs() if self.sign == "unsigned" else distance

    def query(self, points: Tensor, gradient: bool = False) -> Any:
        outwards = nn.functional.normalize(points, dim=1)
        if self.sign == "unsigned":
            outwards = outwards * torch.sign(points.norm(dim=1) - self.radius)[:, None]
        return SimpleNamespace(value=self.sdf(points), gradient=outwards, feature=points)


def fitted_ball(center: np.ndarray = ORIGIN, unsigned: bool = False) -> Any:
    """What `Session` asks of a fitted surface."""
    box = np.stack([center - 2.0 * RADIUS, center + 2.0 * RADIUS])
    field = Ball(RADIUS / UnitFrame.around(box).half, unsigned)
    return SimpleNamespace(box=box, field=field, radiance=None, device=torch.device("cpu"))


def ball_content(center: np.ndarray = ORIGIN, inside_out: bool = False, truth: float = RADIUS) -> Content:
    """A ball of RADIUS as a surface in a box, with a truth of another radius."""
    mesh = trimesh.creation.icosphere(subdivisions=4, radius=RADIUS)
    if inside_out:
        mesh.invert()
    box = np.stack([center - 2.0 * RADIUS, center + 2.0 * RADIUS])
    origin = local_origin(box)
    true = trimesh.creation.icosphere(subdivisions=4, radius=truth)
    true.apply_translation(center)
    mesh.apply_translation(center)
    shown = triangles_of(mesh, origin)
    edges = Lines(box_edges(box - origin), (0.0, 0.8, 0.0))
    layers = (Layer("surface", lambda: shown, on=True), Layer("box", lambda: edges, on=True))
    kind = "inside" if inside_out else "outside"
    nearest = NearestTruth(lambda: true, origin)
    return Content("ball", layers, box - origin, kind, UP, origin, "m", nearest=nearest)
