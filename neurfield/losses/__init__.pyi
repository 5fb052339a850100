"""What `neurfield.losses` shows; `neurfield.lazy` reads it too."""

from neurfield.losses.compared_views import ComparedViews as ComparedViews
from neurfield.losses.crossings import Crossings as Crossings
from neurfield.losses.crossings import first_crossings as first_crossings
from neurfield.losses.depth import free_space_sdf as free_space_sdf
from neurfield.losses.depth import near_surface_sdf as near_surface_sdf
from neurfield.losses.depth import rendered_depth_l1 as rendered_depth_l1
from neurfield.losses.fused import fused_normals as fused_normals
from neurfield.losses.fused import fused_sdf as fused_sdf
from neurfield.losses.fused import on_surface as on_surface
from neurfield.losses.fused import seen_through as seen_through
from neurfield.losses.geometric import eikonal as eikonal
from neurfield.losses.geometric import normal_differences as normal_differences
from neurfield.losses.geometric import normal_smoothness as normal_smoothness
from neurfield.losses.patch_warp import PatchWarp as PatchWarp
from neurfield.losses.photometric import color_l1 as color_l1
from neurfield.losses.photometric import mask_entropy as mask_entropy
from neurfield.losses.priors import aligned_depth as aligned_depth
from neurfield.losses.priors import ambiguous_depth as ambiguous_depth
from neurfield.losses.priors import prior_normals as prior_normals
from neurfield.losses.priors import solve_scale_shift as solve_scale_shift
from neurfield.losses.s3im import patch_ssim as patch_ssim
from neurfield.losses.seen import RaysSeen as RaysSeen
from neurfield.losses.seen import Seen as Seen
from neurfield.losses.weighted import WeightedLoss as WeightedLoss
from neurfield.losses.weighted import losses_of as losses_of
