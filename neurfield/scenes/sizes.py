"""Files whose size is not their camera's: turned by EXIF, smaller than the picture, or of another camera."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.images import orientation

Size = tuple[int, int]  # width, height

# From upright back to how the file stores it, for the EXIF orientations that swap the sides.
_AS_STORED: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    5: lambda a: np.swapaxes(a, 0, 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: np.rot90(np.swapaxes(a, 0, 1), 2),
    8: lambda a: np.rot90(a, -1),
}


def fitted(array: np.ndarray, source: str, path: Path | None, camera: Size) -> np.ndarray:
    """A decoded (upright) file [H,W] or [H,W,k] of a source in the pixels of its camera.

    A file that EXIF turns but that has its camera's size as it is stored is turned back: its camera knows
    nothing of EXIF. Anything but pictures that shows the same field of view in other pixels is resized, each
    pixel taking the nearest.

    Raises:
        UserError: neither applies.
    """
    size = (array.shape[1], array.shape[0])
    if size == camera:
        return array
    check_size(source, path, size, camera)
    if size[::-1] == camera and _turned(path):
        return np.ascontiguousarray(_AS_STORED[orientation(path)](array))  # type: ignore[arg-type]
    rows, columns = ((np.arange(camera[k]) + 0.5) * size[k] / camera[k] for k in (1, 0))
    return np.asarray(array[rows.astype(int)][:, columns.astype(int)])


def check_size(source: str, path: Path | None, size: Size, camera: Size) -> None:
    """Raise UserError if `fitted` could do nothing with a file of this (upright) size for its camera."""
    if size == camera or (size[::-1] == camera and _turned(path)):
        return
    if source != "image" and same_field(size, camera):
        return
    remedy = "resample it to that size"
    if source in ("prior_depth", "prior_normal"):  # many networks see the square in the middle alone
        remedy = "it must be of the whole picture, as `neurfield scene priors` makes it"
    if source == "image":
        remedy = "correct the intrinsics"
        if same_field(size, camera):
            factor = f"{size[0] / camera[0]:.4g}"
            remedy = f"scale fl_x, fl_y, cx, cy, w and h by {factor}, or name the pictures of that size"
    turned = f" (upright, by its EXIF orientation {orientation(path)})" if path and _turned(path) else ""
    raise UserError(
        f"{path}: {source} of {size[0]}x{size[1]} pixels{turned}, its camera has "
        f"{camera[0]}x{camera[1]}: {remedy}"
    )


def same_field(size: Size, camera: Size) -> bool:
    """Whether two sizes can show the same field of view in other pixels: one shape, but for rounding."""
    return (
        abs(size[1] - size[0] * camera[1] / camera[0]) <= 1.0
        or abs(size[0] - size[1] * camera[0] / camera[1]) <= 1.0
    )


def _turned(path: Path | None) -> bool:
    return path is not None and orientation(path) in _AS_STORED
