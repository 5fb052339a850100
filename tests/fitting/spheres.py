"""A teacher that is known exactly: a sphere whose colour is its normal, as a field and a colour."""

from __future__ import annotations

import torch
from torch import Tensor

from neurfield.fields import FieldSample

RADIUS = 0.6


class Sphere(torch.nn.Module):
    """Distances to a sphere around a place; `steep` times those, where it is a bad field."""

    sign = "signed"

    def __init__(self, centre: tuple[float, float, float] = (0.07, -0.03, 0.02), steep: float = 1.0) -> None:
        super().__init__()
        self.centre, self.steep = torch.nn.Parameter(torch.tensor(centre)), steep

    def query(self, points: Tensor, gradient: bool = False, row: Tensor | None = None) -> FieldSample:
        off = points - self.centre
        far = off.norm(dim=1, keepdim=True)
        slope = self.steep * off / far.clamp_min(1e-6) if gradient else None
        return FieldSample(self.steep * (far[:, 0] - RADIUS), slope, points[:, :0])

    def sdf(self, points: Tensor) -> Tensor:
        return self.query(points).sdf


class Wrinkled(Sphere):
    """A sphere with waves that are too fine for a few steps of tiny networks."""

    def query(self, points: Tensor, gradient: bool = False, row: Tensor | None = None) -> FieldSample:
        plain, rate, high = super().query(points, True), 60.0, 0.008
        assert plain.gradient is not None
        waves = (rate * points).sin().sum(dim=1)
        slope = plain.gradient + high * rate * (rate * points).cos()
        return FieldSample(plain.sdf + high * waves, slope if gradient else None, points[:, :0])


class Normals:
    """Half the normal and a half."""

    def encode_views(self, directions: Tensor) -> Tensor:
        return directions

    def __call__(self, points: Tensor, feature: Tensor, normal: Tensor, views: Tensor) -> Tensor:
        return 0.5 + 0.5 * normal
