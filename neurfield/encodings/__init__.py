"""What a network sees of a point or a direction."""

from __future__ import annotations

from neurfield.encodings.encoding import Encoding
from neurfield.encodings.hash_grid import HashGrid
from neurfield.encodings.simplex_grid import SimplexGrid
from neurfield.encodings.spherical_harmonics import SphericalHarmonics, spherical_harmonics

__all__ = ["Encoding", "HashGrid", "SimplexGrid", "SphericalHarmonics", "spherical_harmonics"]
