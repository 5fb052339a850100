"""What a network sees of a point or a direction."""

from __future__ import annotations

from neurfield.encodings.closed_forms import Frequency, Identity, OneBlob
from neurfield.encodings.concatenation import Concatenation
from neurfield.encodings.encoding import Encoding
from neurfield.encodings.grid_encoding import GridEncoding
from neurfield.encodings.hash_grid import HashGrid
from neurfield.encodings.kernel_placement import place_kernels
from neurfield.encodings.radial_basis import RadialBasis
from neurfield.encodings.simplex_grid import SimplexGrid
from neurfield.encodings.spherical_harmonics import SphericalHarmonics, spherical_harmonics
from neurfield.encodings.triplane import TriPlane

__all__ = [
    "Concatenation",
    "Encoding",
    "Frequency",
    "GridEncoding",
    "HashGrid",
    "Identity",
    "OneBlob",
    "RadialBasis",
    "SimplexGrid",
    "SphericalHarmonics",
    "TriPlane",
    "place_kernels",
    "spherical_harmonics",
]
