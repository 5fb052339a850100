"""What `neurfield.pixels` shows; `neurfield.lazy` reads it too."""

from neurfield.pixels.columns import Pixels as Pixels
from neurfield.pixels.flat_images import FlatImages as FlatImages
from neurfield.pixels.frames import fitted_and_held_out as fitted_and_held_out
from neurfield.pixels.frames import thinned as thinned
from neurfield.pixels.frames import used_sources as used_sources
from neurfield.pixels.instances import Instances as Instances
from neurfield.pixels.looking import Looking as Looking
from neurfield.pixels.looking import Maps as Maps
from neurfield.pixels.patches import Patches as Patches
from neurfield.pixels.reader import Chooser as Chooser
from neurfield.pixels.reader import PixelReader as PixelReader
from neurfield.pixels.uniform import Chosen as Chosen
from neurfield.pixels.uniform import Uniform as Uniform
