"""What a network sees of a point or a direction."""

from __future__ import annotations

from neurfield.encodings.hash_grid import HashGrid
from neurfield.encodings.kernel_placement import place_kernels
from neurfield.encodings.radial_basis import RadialBasis
from neurfield.encodings.spherical_harmonics import SphericalHarmonics, spherical_harmonics

__all__ = ["HashGrid", "RadialBasis", "SphericalHarmonics", "place_kernels", "spherical_harmonics"]
