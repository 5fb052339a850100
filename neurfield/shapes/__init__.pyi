"""What `neurfield.shapes` shows; `neurfield.lazy` reads it too."""

from neurfield.shapes.cloud_mesh import CloudMesh as CloudMesh
from neurfield.shapes.cloud_mesh import mesh_of_cloud as mesh_of_cloud
from neurfield.shapes.estimate import CloudScale as CloudScale
from neurfield.shapes.estimate import cloud_scale as cloud_scale
from neurfield.shapes.estimate import local_planes as local_planes
from neurfield.shapes.mend import mend as mend
from neurfield.shapes.mst import mst_orientation as mst_orientation
from neurfield.shapes.orient import Orientation as Orientation
from neurfield.shapes.orient import orient_normals as orient_normals
from neurfield.shapes.outliers import outliers as outliers
from neurfield.shapes.poisson import PoissonSurface as PoissonSurface
from neurfield.shapes.poisson import poisson_surface as poisson_surface
from neurfield.shapes.read import read_shape as read_shape
from neurfield.shapes.shape import Shape as Shape
from neurfield.shapes.sheets import Sided as Sided
from neurfield.shapes.sheets import sided as sided
from neurfield.shapes.sides import Sides as Sides
from neurfield.shapes.sides import sides_of as sides_of
from neurfield.shapes.unit_shape import UnitShape as UnitShape
from neurfield.shapes.wnnc import wnnc_elements as wnnc_elements
