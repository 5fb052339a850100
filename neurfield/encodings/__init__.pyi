"""What `neurfield.encodings` shows; `neurfield.lazy` reads it too."""

from neurfield.encodings.closed_forms import Frequency as Frequency
from neurfield.encodings.closed_forms import Identity as Identity
from neurfield.encodings.closed_forms import OneBlob as OneBlob
from neurfield.encodings.concatenation import Concatenation as Concatenation
from neurfield.encodings.encoding import Encoding as Encoding
from neurfield.encodings.grid_encoding import GridEncoding as GridEncoding
from neurfield.encodings.hash_grid import HashGrid as HashGrid
from neurfield.encodings.kernel_placement import distance_field_samples as distance_field_samples
from neurfield.encodings.kernel_placement import image_samples as image_samples
from neurfield.encodings.kernel_placement import isotropic_shapes as isotropic_shapes
from neurfield.encodings.kernel_placement import place_kernels as place_kernels
from neurfield.encodings.kernel_placement import radiance_samples as radiance_samples
from neurfield.encodings.kernel_placement import spread_kernels as spread_kernels
from neurfield.encodings.kernel_support import support_radii as support_radii
from neurfield.encodings.learnt_frequencies import LearntFrequencies as LearntFrequencies
from neurfield.encodings.radial_basis import RadialBasis as RadialBasis
from neurfield.encodings.simplex_grid import SimplexGrid as SimplexGrid
from neurfield.encodings.spherical_harmonics import SphericalHarmonics as SphericalHarmonics
from neurfield.encodings.tcnn import TcnnNetwork as TcnnNetwork
from neurfield.encodings.tcnn import hash_grid_from_tcnn as hash_grid_from_tcnn
from neurfield.encodings.tcnn import hash_grid_to_tcnn as hash_grid_to_tcnn
from neurfield.encodings.tcnn import network_from_tcnn as network_from_tcnn
from neurfield.encodings.tcnn import network_to_tcnn as network_to_tcnn
from neurfield.encodings.tcnn import require_tcnn as require_tcnn
from neurfield.encodings.triplane import TriPlane as TriPlane
from neurfield.ops.closed_forms import spherical_harmonics as spherical_harmonics
