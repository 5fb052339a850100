"""Points of structure from motion as a ply, float64, and where frames see them as an npz."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.tracks import Tracks
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


def write_tracks(path: Path, tracks: Tracks, names: Sequence[str]) -> None:
    """Write tracks, whose frames are known by their names, so that frames may be taken out or reordered.

    Args:
        path: of an npz with names [n], frame and point [M] int32, pixel [M,2] float64.
        tracks: of the frames.
        names: of all frames.
    """
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            names=np.array(names, dtype=str),
            frame=tracks.frame.astype(np.int32),
            point=tracks.point.astype(np.int32),
            pixel=tracks.pixel,
        )


def read_tracks(path: Path, names: Sequence[str], points: int) -> Tracks:
    """The tracks of the frames of these names, in their order, of so many points.

    Raises:
        UserError: it cannot be read, or is of other points.
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            known, frame, point, pixel = (data[key] for key in ("names", "frame", "point", "pixel"))
            row = {str(name): i for i, name in enumerate(known)}
            tracks = Tracks(frame.astype(np.int64), point.astype(np.int64), pixel.astype(np.float64))
            fits = tracks.frame.shape == tracks.point.shape == tracks.pixel[:, 0].shape
    except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile) as reason:
        raise UserError(
            f"{path}: not readable as tracks ({reason}): write it again, or take it out"
        ) from reason
    if not fits or (len(tracks) and not (tracks.point.min() >= 0 and tracks.point.max() < points)):
        raise UserError(
            f"{path}: its tracks are not of the {points} points: write both again, or take it out"
        )
    there = [i for i, name in enumerate(names) if name in row]
    some = tracks.select(np.array([row[names[i]] for i in there], dtype=np.int64))
    return Tracks(np.array(there, dtype=np.int64)[some.frame], some.point, some.pixel)
