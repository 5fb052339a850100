"""Maps of what a field says, as a fit's cameras see it: for choices of pixels that follow it."""

from __future__ import annotations

import numpy as np
import torch

from neurfield.fields import DistanceField
from neurfield.pixels.looking import Values
from neurfield.rays import UnitFrame, make_rays
from neurfield.rendering import OpacityNow, Sampler, render_heads
from neurfield.scenes import Cameras

CHUNK = 16384  # rays at a time


class FieldMaps:
    """Renders a field's heads for a camera, smaller than its pictures.

    Args:
        field: as it is now.
        cameras: of the fit.
        frame: the unit coordinates.
        unit_box: xmin ymin zmin xmax ymax zmax, unit coordinates.
        sampler: where along rays the field is asked.
        opacity: the leading pass now, with a width that is a number.
        device: of the field.
    """

    def __init__(
        self,
        field: DistanceField,
        cameras: Cameras,
        frame: UnitFrame,
        unit_box: list[float],
        sampler: Sampler,
        opacity: OpacityNow,
        device: torch.device,
    ) -> None:
        self.field, self.cameras, self.frame, self.unit_box = field, cameras, frame, unit_box
        self.sampler, self.opacity, self.device = sampler, opacity, device

    @torch.no_grad()
    def of(self, camera: int, longest: int, values: Values) -> np.ndarray:
        """As `Maps.of`."""
        full_w, full_h = int(self.cameras.width[camera]), int(self.cameras.height[camera])
        scale = min(1.0, longest / max(full_w, full_h))
        w, h = max(1, round(full_w * scale)), max(1, round(full_h * scale))
        v, u = np.meshgrid(
            (np.arange(h) + 0.5) * full_h / h, (np.arange(w) + 0.5) * full_w / w, indexing="ij"
        )
        pixels = np.stack([u.reshape(-1), v.reshape(-1)], axis=1)
        origins, directions, z_per_t = self.cameras.rays(np.full(h * w, camera), pixels)
        parts = []
        for start in range(0, h * w, CHUNK):
            part = slice(start, start + CHUNK)
            rays = make_rays(
                origins[part], directions[part], z_per_t[part], self.frame, self.unit_box, self.device
            )
            samples = self.sampler.for_picture(rays, self.field, self.opacity)
            parts.append(render_heads(self.field, rays, samples, self.opacity, values))
        return torch.cat(parts).cpu().numpy().reshape(h, w, -1)
