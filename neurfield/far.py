"""Coordinates far from zero (UTM, ECEF), where float32 is too coarse.

World coordinates are float64; what has to be float32 counts from a point nearby.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.files import atomic_write

COARSE = 1e-5  # a step of float32 larger than this part of what lies there shows in its shape
_STEP = 2.0**-23  # of float32, relative


def local_origin(points: np.ndarray) -> np.ndarray:
    """The point [3] float64 from which points [k,3] may be counted in float32.

    Zero, unless they lie so far out that float32 would move them by more than 1e-5 of their extent; then a
    round number in their midst.
    """
    low, high = np.min(points, axis=0), np.max(points, axis=0)
    extent = float((high - low).max())
    if not extent > 0 or np.abs([low, high]).max() * _STEP <= COARSE * extent:
        return np.zeros(3)
    unit = 10.0 ** np.floor(np.log10(extent))
    return np.asarray(np.round((low + high) / 2 / unit) * unit)


def shift_file(path: Path) -> Path:
    """What has to be added to a file that cannot hold its place in the world: mesh.stl.shift.txt."""
    return path.with_name(f"{path.name}.shift.txt")


def write_shift(path: Path, shift: np.ndarray) -> None:
    """Write the shift [3] of a file beside it; where there is none, an earlier one goes."""
    if not shift.any():
        shift_file(path).unlink(missing_ok=True)
        return
    with atomic_write(shift_file(path)) as temporary:
        temporary.write_text(" ".join(repr(float(v)) for v in shift) + "\n")


def read_shift(path: Path) -> np.ndarray:
    """The shift [3] written beside a file; zero where there is none.

    Raises:
        UserError: it is not three numbers.
    """
    beside = shift_file(path)
    if not beside.is_file():
        return np.zeros(3)
    try:
        shift = np.array([float(v) for v in beside.read_text().split()])
    except ValueError:
        shift = np.zeros(0)
    if shift.shape != (3,) or not np.isfinite(shift).all():
        raise UserError(f"{beside}: expected three numbers: write what is to be added to {path.name}")
    return shift
