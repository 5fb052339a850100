"""Colours for the vertices of a mesh, asked of the field that the mesh came from."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import normalize

from neurfield.fields import Color, SDFField, Shaded


@torch.no_grad()
def vertex_colors(
    field: SDFField, radiance: Color, points_in_unit: np.ndarray, chunk: int = 1 << 16
) -> np.ndarray:
    """uint8 RGB [v, 3] of points [v, 3] in unit coordinates, those of the field.

    Each is seen head-on (view = -normal), the usual stand-in for albedo.
    """
    device = next(field.parameters()).device
    colors = np.empty((len(points_in_unit), 3), dtype=np.uint8)
    for start in range(0, len(points_in_unit), chunk):
        points = torch.as_tensor(points_in_unit[start : start + chunk], dtype=torch.float32, device=device)
        sample = field.query(points, gradient=True)
        assert sample.gradient is not None
        normal = normalize(sample.gradient, dim=1, eps=1e-6)
        shaded = radiance(points, sample.feature, normal, radiance.encode_views(-normal))
        rgb = shaded.rgb if isinstance(shaded, Shaded) else shaded
        colors[start : start + chunk] = (rgb.clamp(0, 1) * 255.0 + 0.5).to(torch.uint8).cpu().numpy()
    return colors
