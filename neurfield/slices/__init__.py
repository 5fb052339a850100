"""Planar cross-sections: read, checked, mended, cut from meshes, and their distances in their planes."""

from __future__ import annotations

from neurfield.lazy import export

__all__ = export(__name__)
