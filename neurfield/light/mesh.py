"""Rays against a mesh, through Embree: the same answers as those of a field."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.light.sphere import linear_from_srgb
from neurfield.scenes.synthesis.raycast import RayCaster
from neurfield.traced import SurfaceHits

_MARGIN = 1e-4  # of the longest side of the box
_SMOOTH = math.cos(math.radians(40.0))  # normals that are farther from their face's are not those of a curve


class MeshTraced:
    """A mesh as a surface that answers rays (`neurfield.traced.TracedSurface`); on the host.

    Args:
        vertices: [v, 3], world.
        faces: [f, 3] int; by the right-hand rule their normals point into free space.
        normals: [v, 3] of the vertices, of any length; they are blended where they are within 40 degrees of
            their face's.
        colors: [v, 3] in 0..1, sRGB; None: it has none.

    Raises:
        UserError: it has no faces.
    """

    def __init__(
        self, vertices: np.ndarray, faces: np.ndarray, normals: np.ndarray, colors: np.ndarray | None = None
    ) -> None:
        vertices, faces = np.asarray(vertices, np.float64), np.asarray(faces, np.int64)
        if not len(faces):
            raise UserError("the mesh that is to be lit has no faces")
        self.box = np.stack([vertices.min(axis=0), vertices.max(axis=0)])
        self.origin = self.box.mean(axis=0)
        self.margin = float(_MARGIN * np.ptp(self.box, axis=0).max())
        self.has_color, self.device = colors is not None, torch.device("cpu")
        self._caster = RayCaster(vertices - self.origin, faces)
        corners = vertices[faces]
        flat = _unit(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
        smooth = _unit(np.asarray(normals, np.float64))[faces]
        curved = np.einsum("fci,fi->fc", smooth, flat) > _SMOOTH
        self._normals = np.where(curved[..., None], smooth, flat[:, None]).astype(np.float32)  # [f, 3, 3]
        self._faces = faces
        self._colors = None if colors is None else np.asarray(colors, np.float32)

    def first_hits(self, origins: Tensor, directions: Tensor, t_max: Tensor | None = None) -> SurfaceHits:
        """See `neurfield.traced.TracedSurface`."""
        hits = self._caster.first_hits(origins.numpy(), directions.numpy())
        t = hits.distance.astype(np.float32)
        if t_max is not None:
            t = np.where(t <= t_max.numpy(), t, np.float32(np.inf))
        hit = np.isfinite(t)
        face = hits.face[hit]
        weights = np.stack([1.0 - hits.u - hits.v, hits.u, hits.v], axis=1)[hit].astype(np.float32)
        normal, albedo = np.zeros((len(t), 3), np.float32), np.ones((len(t), 3), np.float32)
        normal[hit] = _unit(np.einsum("kc,kci->ki", weights, self._normals[face]))
        if self._colors is not None:
            albedo[hit] = np.einsum("kc,kci->ki", weights, self._colors[self._faces[face]])
        there = torch.from_numpy(hit)
        far = torch.from_numpy(t)
        position = torch.where(
            there[:, None], origins + far.nan_to_num(posinf=0.0)[:, None] * directions, 0.0
        )
        linear = linear_from_srgb(torch.from_numpy(albedo))
        return SurfaceHits(far, position, torch.from_numpy(normal), linear, there)

    def occluded(self, origins: Tensor, directions: Tensor, t_max: Tensor) -> Tensor:
        """See `neurfield.traced.TracedSurface`."""
        return torch.from_numpy(self._caster.occluded(origins.numpy(), (directions * t_max[:, None]).numpy()))

    def seen(self, hits: SurfaceHits, directions: Tensor) -> Tensor:
        """See `neurfield.traced.TracedSurface`: whichever way it is looked at, a vertex has one colour."""
        return torch.where(hits.hit[:, None], srgb_from_linear(hits.albedo), 0.0)

    def pictured(self, origins: Tensor, directions: Tensor) -> tuple[SurfaceHits, Tensor]:
        """See `neurfield.traced.TracedSurface`."""
        hits = self.first_hits(origins, directions)
        return hits, self.seen(hits, directions)


def srgb_from_linear(color: Tensor) -> Tensor:
    """sRGB values of linear ones in 0..1 (IEC 61966-2-1)."""
    color = color.clamp(0.0, 1.0)
    return torch.where(color <= 0.0031308, 12.92 * color, 1.055 * color.clamp_min(1e-9) ** (1 / 2.4) - 0.055)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-30)
