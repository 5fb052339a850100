"""What `neurfield.shapes` shows; `neurfield.lazy` reads it too."""

from neurfield.shapes.mend import mend as mend
from neurfield.shapes.read import read_shape as read_shape
from neurfield.shapes.shape import Shape as Shape
from neurfield.shapes.sides import Sides as Sides
from neurfield.shapes.sides import sides_of as sides_of
from neurfield.shapes.unit_shape import UnitShape as UnitShape
