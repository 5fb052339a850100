"""Points of structure from motion as a ply, float64."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurfield.scenes.truth import read_truth

_HEADER = (
    "ply\nformat binary_little_endian 1.0\nelement vertex {}\n"
    "property double x\nproperty double y\nproperty double z\nend_header\n"
)


def write_points(path: Path, points: np.ndarray) -> None:
    """Write points [k,3]."""
    rows = np.ascontiguousarray(points, dtype="<f8")
    path.write_bytes(_HEADER.format(len(rows)).encode() + rows.tobytes())


def read_points(path: Path) -> np.ndarray:
    """The finite points [k,3] float64 of a ply, of whatever else it has.

    Raises:
        UserError: it cannot be read.
    """
    points = np.asarray(read_truth(path).vertices, dtype=np.float64)
    return points[np.isfinite(points).all(axis=1)]
