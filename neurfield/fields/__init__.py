"""What a point of space is: distance, colour."""

from neurfield.fields.image import ImageField
from neurfield.fields.radiance import Radiance
from neurfield.fields.sdf import FieldSample, SDFField

__all__ = ["FieldSample", "ImageField", "Radiance", "SDFField"]
