"""Meshes and clouds of points: read, mended, asked; normals and meshes of clouds."""

from __future__ import annotations

from neurfield.lazy import export

__all__ = export(__name__)
