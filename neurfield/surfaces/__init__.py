"""Fields to meshes: extraction, cleaning, files."""

from __future__ import annotations

from neurfield.lazy import export

__all__ = export(__name__)
