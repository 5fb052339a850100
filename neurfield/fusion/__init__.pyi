"""What `neurfield.fusion` shows; `neurfield.lazy` reads it too."""

from neurfield.fusion.align import AlignedPriors as AlignedPriors
from neurfield.fusion.align import align_priors as align_priors
from neurfield.fusion.fuse import fuse_depth as fuse_depth
from neurfield.fusion.hull import HullPoints as HullPoints
from neurfield.fusion.image_points import ImagePoints as ImagePoints
from neurfield.fusion.image_points import ImageSearch as ImageSearch
from neurfield.fusion.prior_model import Meaning as Meaning
from neurfield.fusion.prior_views import PriorViews as PriorViews
from neurfield.fusion.volume import FusedVolume as FusedVolume
from neurfield.fusion.volume import SurfacePoints as SurfacePoints
