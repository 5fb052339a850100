"""A picture as input, of any size."""

from __future__ import annotations

from neurfield.inputs.image.input import ImageInput
from neurfield.inputs.image.opened import OpenedImage

__all__ = ["ImageInput", "OpenedImage"]
