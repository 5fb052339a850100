"""Fields to meshes: extraction, cleaning, files."""

from __future__ import annotations

from neurfield.surfaces.clean import keep_components, remove_degenerate_faces
from neurfield.surfaces.export import place_in_words, save_mesh
from neurfield.surfaces.level_set import extract_level_set

__all__ = ["extract_level_set", "keep_components", "place_in_words", "remove_degenerate_faces", "save_mesh"]
