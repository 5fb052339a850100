"""Which pixels a fit looks at, and what its scene says there."""

from neurfield.pixels.columns import Pixels
from neurfield.pixels.frames import fitted_and_held_out, thinned, used_sources
from neurfield.pixels.reader import Chooser, PixelReader
from neurfield.pixels.uniform import Chosen, Uniform

__all__ = [
    "Chooser", "Chosen", "PixelReader", "Pixels", "Uniform", "fitted_and_held_out", "thinned", "used_sources",
]  # fmt: skip
