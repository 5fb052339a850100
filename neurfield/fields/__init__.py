"""What a point of space is: distance, colour."""

from neurfield.fields.image import ImageField
from neurfield.fields.make import make_radiance, make_sdf
from neurfield.fields.radiance import Radiance
from neurfield.fields.scene_encodings import EncodingSizes, make_encoding
from neurfield.fields.sdf import FieldSample, SDFField

__all__ = [
    "EncodingSizes", "FieldSample", "ImageField", "Radiance", "SDFField", "make_encoding", "make_radiance",
    "make_sdf",
]  # fmt: skip
