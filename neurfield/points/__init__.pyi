"""What `neurfield.points` shows; `neurfield.lazy` reads it too."""

from neurfield.points.cloud import Cloud as Cloud
from neurfield.points.fuse_scene import VolumePoints as VolumePoints
from neurfield.points.fuse_scene import aligned_priors as aligned_priors
from neurfield.points.fuse_scene import fuse_scene as fuse_scene
from neurfield.points.fuse_stereo import StereoDepth as StereoDepth
from neurfield.points.fused_depth import FusedDepth as FusedDepth
from neurfield.points.label_samples import LabelSamples as LabelSamples
from neurfield.points.mesh_samples import MeshSamples as MeshSamples
from neurfield.points.object_places import ObjectPlaces as ObjectPlaces
from neurfield.points.object_places import object_places as object_places
from neurfield.points.object_votes import voted_objects as voted_objects
from neurfield.points.picture import Picture as Picture
from neurfield.points.point_set import AskedPoints as AskedPoints
from neurfield.points.point_set import Beside as Beside
from neurfield.points.point_set import PointSet as PointSet
from neurfield.points.point_set import PointSource as PointSource
from neurfield.points.point_set import Source as Source
from neurfield.points.pulled import Pulled as Pulled
from neurfield.points.refined_slices import RefinedSlices as RefinedSlices
from neurfield.points.seen import Seen as Seen
from neurfield.points.slice_samples import SliceSamples as SliceSamples
from neurfield.points.stencils import Stencils as Stencils
from neurfield.points.stereo import StereoPoints as StereoPoints
from neurfield.points.stereo import confident_points as confident_points
from neurfield.points.uniform import Uniform as Uniform
