"""What a photo's EXIF says of its lens: which one it was, and how long in pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

_EXIF, _MAKE, _MODEL = 0x8769, 0x010F, 0x0110
_FOCAL, _FOCAL_35, _WIDTH = 0x920A, 0xA405, 0xA002
_PLANE_X, _PLANE_UNIT = 0xA20E, 0xA210
_MILLIMETRES = {2: 25.4, 3: 10.0, 4: 1.0}  # of a unit of the focal plane's resolution
_DIAGONAL_35 = 43.2666  # millimetres, of a 36 x 24 picture
_PLAUSIBLE = (0.35, 4.0)  # focal length by the picture's longer side: views of 110 to 14 degrees


@dataclass(frozen=True)
class LensTags:
    """What was found.

    Attributes:
        camera: maker and model, or nothing.
        millimetres: the focal length, 0 where it is not said.
        millimetres_35: that of a 35 mm camera with the same view, also zoomed by cropping; 0 likewise.
        pixels: the same at the picture's size; None where it is not said, or cannot be.
        doubted: what was said and cannot be, in words, or nothing.
    """

    camera: str = ""
    millimetres: float = 0.0
    millimetres_35: float = 0.0
    pixels: float | None = None
    doubted: str = ""

    @property
    def words(self) -> str:
        """For people, and the same for photos through one lens: iPhone 12, 4.2 mm, 26 mm equivalent."""
        focal = f"{self.millimetres:.3g} mm" if self.millimetres else ""
        equivalent = f"{self.millimetres_35:.3g} mm equivalent" if self.millimetres_35 else ""
        return ", ".join(part for part in (self.camera, focal, equivalent) if part)


def lens_tags(image: Image.Image) -> LensTags:
    """The tags of an opened image; empty ones where it has no EXIF, or none that can be read."""
    try:
        exif = image.getexif()
        more = exif.get_ifd(_EXIF)
    except (OSError, SyntaxError, ValueError, KeyError):
        return LensTags()
    make, model = _text(exif.get(_MAKE)), _text(exif.get(_MODEL))
    camera = model if model.lower().startswith(make.lower().split(" ")[0]) else f"{make} {model}".strip()
    focal, focal_35 = _number(more.get(_FOCAL)), _number(more.get(_FOCAL_35))
    pixels = _focal_in_pixels(more, focal, focal_35, image.size)
    if pixels is None:
        return LensTags(camera, focal, focal_35)
    share = pixels / max(image.size)
    if not _PLAUSIBLE[0] <= share <= _PLAUSIBLE[1]:
        view = 2.0 * np.degrees(np.arctan(0.5 / share))
        doubted = f"EXIF means a view of {view:.0f} degrees, as of a resized photo"
        return LensTags(camera, focal, focal_35, None, doubted)
    return LensTags(camera, focal, focal_35, pixels)


def _focal_in_pixels(
    more: dict[int, Any], focal: float, focal_35: float, size: tuple[int, int]
) -> float | None:
    """By the focal length of a 35 mm camera with the same view, else by the size of the sensor's pixels."""
    if focal_35 > 0:
        return focal_35 / _DIAGONAL_35 * float(np.hypot(*size))
    a_unit, unit = _number(more.get(_PLANE_X)), _MILLIMETRES.get(int(_number(more.get(_PLANE_UNIT))), 25.4)
    width = _number(more.get(_WIDTH)) or size[0]  # of the photo as it was taken
    if focal > 0 and a_unit > 0:
        return focal / (width / a_unit * unit) * size[0]
    return None


def _text(value: Any) -> str:
    return str(value).strip(" \0") if isinstance(value, str) else ""


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return 0.0
    return number if np.isfinite(number) else 0.0
