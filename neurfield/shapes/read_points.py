"""Clouds of points from files that hold nothing else: text, npz, LiDAR."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.optional import require
from neurfield.shapes.shape import Shape

_POINTS = ("points", "xyz", "vertices", "positions")
_NOT_UNIT = 0.1  # by which lengths of normals may miss one, for columns of text to be taken for them


def read_text(path: Path) -> Shape:
    """Rows of x y z, then a normal, or a colour in 0..255, or both in either order; # begins a comment.

    Raises:
        UserError: rows of other lengths, or of something else.
    """
    try:
        rows = np.loadtxt(path, np.float64, comments=("#", "//"), ndmin=2, delimiter=_delimiter(path))
    except (ValueError, UnicodeDecodeError) as reason:
        raise UserError(
            f"{path}: expected rows of numbers, x y z and normals or colours behind them ({reason})"
        ) from reason
    if rows.shape[1] not in (3, 6, 9):
        raise UserError(
            f"{path}: rows of {rows.shape[1]} numbers: expected 3 (x y z), 6 (with a normal or a colour) or 9"
        )
    normals = colors = None
    for columns in (rows[:, k : k + 3] for k in range(3, rows.shape[1], 3)):
        if normals is None and _are_normals(columns):
            normals = columns
        elif colors is None and _are_colors(columns):
            colors = columns.astype(np.uint8)
        else:
            raise UserError(
                f"{path}: the numbers behind x y z are neither unit normals nor colours of 0 to 255: "
                "leave them out, or write the points as a ply with named columns"
            )
    return Shape(path.stem, rows[:, :3].copy(), normals=normals, colors=colors, path=path)


def read_npz(path: Path) -> Shape:
    """Arrays points [N, 3] and, if there are any, normals [N, 3], colors [N, 3] and faces [F, 3].

    Raises:
        UserError: no such archive, or arrays of other shapes.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            held = {name: archive[name] for name in archive.files}
    except (ValueError, OSError, zipfile.BadZipFile) as reason:
        raise UserError(f"{path}: not a readable npz ({type(reason).__name__}): write it again") from reason
    name = next((name for name in _POINTS if name in held), None)
    if name is None:
        raise UserError(
            f"{path}: holds {', '.join(held) or 'nothing'}, and no points: name their array 'points' [N, 3]"
        )
    points = _array(path, name, held[name], None).astype(np.float64)
    normals, colors = (
        _array(path, key, held[key], len(points)) if key in held else None for key in ("normals", "colors")
    )
    faces = _array(path, "faces", held["faces"], None) if "faces" in held else np.zeros((0, 3))
    if not np.array_equal(faces, np.floor(faces)):
        raise UserError(f"{path}: 'faces' are no whole numbers: expected rows of three vertices' numbers")
    if colors is not None:
        colors = _as_bytes(path, colors)
    return Shape(
        path.stem, points, faces.astype(np.int64), None if normals is None else normals.astype(np.float64),
        colors, path,
    )  # fmt: skip


def read_las(path: Path) -> Shape:
    """A LiDAR file, its scale and offset applied in float64; colours of 16 bits become 8.

    Raises:
        UserError: laspy is not installed, or nothing that decompresses; the file is no such file, or cut off.
    """
    laspy = require("laspy", "shapes")
    if path.suffix.lower() == ".laz" and not laspy.LazBackend.detect_available():
        require("lazrs", "shapes")
    try:
        las = laspy.read(path)
    except Exception as reason:  # laspy and its decompressors raise what they meet
        raise UserError(
            f"{path}: not a readable {path.suffix[1:].lower()} ({reason}): copy it again"
        ) from reason
    if len(las.points) < las.header.point_count:
        raise UserError(
            f"{path}: cut off after {len(las.points):,} of {las.header.point_count:,} points: copy it again"
        )
    points = np.stack([np.asarray(axis, np.float64) for axis in (las.x, las.y, las.z)], axis=1)
    colors = None
    if {"red", "green", "blue"} <= set(las.point_format.dimension_names):
        raw = np.stack([np.asarray(las[band]) for band in ("red", "green", "blue")], axis=1)
        if raw.any():
            colors = (raw >> 8 if raw.max() > 255 else raw).astype(np.uint8)
    return Shape(path.stem, points, colors=colors, path=path)


POINT_READERS: dict[str, Callable[[Path], Shape]] = {
    ".xyz": read_text, ".txt": read_text, ".pwn": read_text, ".npz": read_npz, ".las": read_las,
    ".laz": read_las,
}  # fmt: skip


def _delimiter(path: Path) -> str | None:
    with path.open(errors="replace") as file:
        rows = (line for line in file if line.strip() and not line.lstrip().startswith(("#", "//")))
        return "," if "," in next(rows, "") else None


def _are_normals(columns: np.ndarray) -> bool:
    """Most of those that are not zero are units; zero says that there is none, black points are as rare."""
    length = np.linalg.norm(columns, axis=1)
    return bool((np.abs(length - 1.0) < _NOT_UNIT).sum() >= 0.5 * (length > 0.0).sum())


def _are_colors(columns: np.ndarray) -> bool:
    return bool((columns >= 0.0).all() and (columns <= 255.0).all() and (columns == columns.round()).all())


def _array(path: Path, name: str, array: np.ndarray, rows: int | None) -> np.ndarray:
    numbers = np.issubdtype(array.dtype, np.number)
    if not numbers or array.ndim != 2 or array.shape[1] != 3 or rows not in (None, len(array)):
        want = f"[{'N' if rows is None else rows}, 3]"
        raise UserError(f"{path}: '{name}' is {array.dtype} {list(array.shape)}: expected numbers {want}")
    return array


def _as_bytes(path: Path, colors: np.ndarray) -> np.ndarray:
    if np.issubdtype(colors.dtype, np.floating) and colors.max(initial=0.0) <= 1.0:
        colors = colors * 255.0 + 0.5
    if not ((colors >= 0) & (colors < 256)).all():
        raise UserError(f"{path}: 'colors' are neither 0 to 255 nor 0 to 1")
    return colors.astype(np.uint8)
