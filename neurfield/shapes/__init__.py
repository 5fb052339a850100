"""Shapes that are given and not photographed: clouds of points, their normals, and meshes of them."""

from __future__ import annotations

from neurfield.lazy import export

__all__ = export(__name__)
