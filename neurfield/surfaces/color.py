"""Colours and normals for the vertices of a mesh, asked of the field that the mesh came from."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from neurfield.fields import Color, SDFField, Shaded
from neurfield.surfaces.lattice_field import Tell


@torch.no_grad()
def vertex_colors(
    field: SDFField,
    radiance: Color,
    points_in_unit: np.ndarray,
    chunk: int = 1 << 16,
    outwards: np.ndarray | None = None,
) -> np.ndarray:
    """uint8 RGB [v, 3] of points [v, 3] in unit coordinates, those of the field.

    Each is seen head-on (view = -normal), the usual stand-in for albedo.

    Args:
        field: asked for its gradients and features.
        radiance: its colour.
        points_in_unit: [v, 3].
        chunk: points per call.
        outwards: [v, 3], from which side each is seen, where gradients do not tell: those of a distance
            without a sign point away from its surface on both sides. None: from where distances increase.
    """
    colors, _ = colors_and_normals(field, radiance, points_in_unit, chunk, outwards)
    assert colors is not None
    return colors


@torch.no_grad()
def colors_and_normals(
    field: SDFField,
    radiance: Color | None,
    points_in_unit: np.ndarray,
    chunk: int = 1 << 16,
    outwards: np.ndarray | None = None,
    tell: Tell = lambda stage, fraction: None,
) -> tuple[np.ndarray | None, np.ndarray]:
    """As `vertex_colors`, None without a colour, and the field's unit normals float32 [v, 3]: its gradient.

    A normal is 0 where the field has no gradient.
    """
    device = next(field.parameters()).device
    colors = None if radiance is None else np.empty((len(points_in_unit), 3), dtype=np.uint8)
    normals = np.empty((len(points_in_unit), 3), dtype=np.float32)
    for start in range(0, len(points_in_unit), chunk):
        tell("colours and normals", start / len(points_in_unit))
        part = slice(start, start + chunk)
        points = torch.as_tensor(points_in_unit[part], dtype=torch.float32, device=device)
        side = None if outwards is None else torch.as_tensor(outwards[part]).to(points)
        rgb, normal = seen_along(field, radiance, points, outwards=side)
        normals[part] = normal.cpu().numpy()
        if rgb is not None and colors is not None:
            colors[part] = (rgb * 255.0 + 0.5).to(torch.uint8).cpu().numpy()
    return colors, normals


@torch.no_grad()
def seen_along(
    field: SDFField,
    radiance: Color | None,
    points: Tensor,
    directions: Tensor | None = None,
    outwards: Tensor | None = None,
) -> tuple[Tensor | None, Tensor]:
    """Colours [N, 3] in 0..1 of points of the surface, None without a colour, and unit normals [N, 3].

    Args:
        field: asked for its gradients and features.
        radiance: its colour.
        points: [N, 3], unit coordinates.
        directions: [N, 3] unit, along which each is looked at; None: head-on.
        outwards: as of `vertex_colors`.
    """
    sample = field.query(points, gradient=True)
    assert sample.gradient is not None
    normal = normalize(sample.gradient, dim=1, eps=1e-6)
    if outwards is not None:
        normal = torch.where((normal * outwards).sum(dim=1, keepdim=True) < 0.0, -normal, normal)
    if radiance is None:
        return None, normal
    views = radiance.encode_views(-normal if directions is None else directions)
    shaded = radiance(points, sample.feature, normal, views)
    rgb = shaded.rgb if isinstance(shaded, Shaded) else shaded
    return rgb.clamp(0.0, 1.0), normal


@torch.no_grad()
def onto_surface(
    field: SDFField, points_in_unit: np.ndarray, farthest: float = 0.02, chunk: int = 1 << 16
) -> np.ndarray:
    """Points [v, 3] of unit coordinates moved onto the field's surface, by two Newton steps: float64.

    Args:
        field: of signed or unsigned distances.
        points_in_unit: beside the surface.
        farthest: a step's length at most, unit lengths.
        chunk: points per call of the field.
    """
    device = next(field.parameters()).device
    moved = np.array(points_in_unit, dtype=np.float64)
    for start in range(0, len(moved), chunk):
        points = torch.as_tensor(moved[start : start + chunk], dtype=torch.float32, device=device)
        for _ in range(2):
            sample = field.query(points, gradient=True)
            assert sample.gradient is not None
            slope = sample.gradient.square().sum(dim=1, keepdim=True).clamp_min(1e-3)
            step = -sample.sdf[:, None] * sample.gradient / slope
            points = points + step * (farthest / step.norm(dim=1, keepdim=True).clamp_min(farthest))
        moved[start : start + chunk] = points.double().cpu().numpy()
    return moved
