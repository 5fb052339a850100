"""What is known of points off the rays."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import mse_loss

from neurfield.losses import fused, geometric
from neurfield.losses.seen import Seen
from neurfield.parts import needs


@needs(optional=("points.fused_depth",))
def fused_sdf(seen: Seen) -> Tensor:
    """SDF at points of fused depth."""
    points = seen.points["fused_depth"]
    return fused.fused_sdf(points.sdf, points.columns["sdf"], points.columns["weight"], points.sizes["band"])


@needs(optional=("points.fused_depth.normal",))
def fused_normal(seen: Seen) -> Tensor:
    """Direction of the field at points of fused normals."""
    points = seen.points["fused_depth"]
    return fused.fused_normals(points.slope, points.columns["normal"], points.columns["normal_weight"])


@needs(optional=("points.free_space",))
def fused_free(seen: Seen) -> Tensor:
    """No surface in space that views look through."""
    points = seen.points["free_space"]
    return fused.seen_through(points.sdf, points.sizes["least"])


@needs(optional=("points.{of}",))
def seen_points(seen: Seen, *, of: str = "seen") -> Tensor:
    """SDF at points that several images show (Geo-NeuS, Fu et al. 2022, Eq. 9, cut off).

    Args:
        of: the set of points: seen, or stereo.
    """
    points = seen.points[of]
    return fused.on_surface(points.sdf, points.sizes["band"])


@needs("points.stencils")
def stochastic_eikonal(seen: Seen) -> Tensor:
    """Mean (|g| - 1)^2 of differences over crosses of many sizes (NeuRodin, Wang et al. 2024)."""
    points = seen.points["stencils"]
    ends, arm = points.sdf.view(-1, 3, 2), points.columns["arm"].view(-1, 6)[:, :1]
    return geometric.eikonal((ends[..., 0] - ends[..., 1]) / (2.0 * arm))


@needs("points.picture")
def picture(seen: Seen) -> Tensor:
    """Mean squared error of a picture's pixels."""
    points = seen.points["picture"]
    return mse_loss(points.value, points.columns["color"])
