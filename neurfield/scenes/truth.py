"""The true surface of a scene: a mesh, or the points that a scanner left."""

from __future__ import annotations

from neurfield.surface_file import Surface as Truth
from neurfield.surface_file import read_surface as read_truth

__all__ = ["Truth", "read_truth"]
