"""Points off the rays, with what is known of them."""

from neurfield.points.fused_depth import FusedDepth
from neurfield.points.picture import Picture
from neurfield.points.point_set import AskedPoints, Beside, PointSet, PointSource, Source
from neurfield.points.seen import Seen
from neurfield.points.uniform import Uniform

__all__ = [
    "AskedPoints", "Beside", "FusedDepth", "Picture", "PointSet", "PointSource", "Seen", "Source", "Uniform",
]  # fmt: skip
