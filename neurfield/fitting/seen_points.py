"""Points of the surface that several images show, which a fit holds on to from the first ray to the last."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neurfield.config import Config
from neurfield.fields import SDFField
from neurfield.fusion import AlignedPriors
from neurfield.losses import fused as fused_losses
from neurfield.rendering.rays import UnitFrame

POINTS = 2048  # per step
BAND = 0.03  # of the typical depth: points farther than that from the field's surface are taken for mistakes


@dataclass(frozen=True)
class SeenPoints:
    """P points of the unit frame, [P, 3], and the distance at which one stops to count, unit lengths."""

    points: Tensor
    band: float

    @staticmethod
    def of(
        aligned: AlignedPriors | None, frame: UnitFrame, unit_box: list[float], device: torch.device
    ) -> SeenPoints | None:
        """The points by which priors were aligned, those inside the box; None if there are none."""
        if aligned is None or not len(aligned.points):
            return None
        world, depth = aligned.seen_points()
        points = torch.from_numpy(frame.unit_from_world(world)).float()
        low, high = torch.tensor(unit_box).view(2, 3)
        points = points[((points > low) & (points < high)).all(dim=1)]
        if not len(points):
            return None
        return SeenPoints(points.to(device), BAND * float(depth.median()) / frame.half)

    def losses(self, field: SDFField, config: Config, generator: torch.Generator) -> dict[str, Tensor]:
        """What the field costs at some of the points, drawn on the generator's device."""
        if config.loss.seen_points <= 0:
            return {}
        chosen = torch.randint(len(self.points), (POINTS,), generator=generator, device=self.points.device)
        sdf = field.query(self.points[chosen], gradient=True).sdf
        return {"seen_points": config.loss.seen_points * fused_losses.on_surface(sdf, self.band)}
