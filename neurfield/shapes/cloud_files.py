"""Clouds of points as files: what is read, and what is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from neurfield.errors import UserError
from neurfield.far import local_origin, read_shift
from neurfield.files import atomic_write

SUFFIXES = (".ply", ".xyz", ".npz")
_NAMES = {
    "points": ("points", "xyz", "vertices", "positions"),
    "normals": ("normals", "normal"),
    "colors": ("colors", "color", "rgb"),
}


@dataclass(frozen=True)
class CloudFile:
    """Points with what a file knows of them.

    Attributes:
        points: [N, 3] float64.
        normals: [N, 3] float64, units; None where there are none.
        colors: [N, 3] uint8 sRGB; None where there are none.
    """

    points: np.ndarray
    normals: np.ndarray | None = None
    colors: np.ndarray | None = None


def read_cloud(path: Path) -> CloudFile:
    """The points of a file: .ply, .xyz (x y z, then normal or colour), .npz, or what trimesh reads as points.

    They are moved by the shift that is written beside the file, if one is (`neurfield.far`).

    Raises:
        UserError: it is missing, unreadable, holds no points, or holds triangles.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such file")
    suffix = path.suffix.lower()
    try:
        read = {".npz": _read_npz, ".xyz": _read_text, ".txt": _read_text}.get(suffix, _read_by_trimesh)
        cloud = read(path)
    except UserError:
        raise
    except Exception as reason:  # readers raise whatever their parsers meet
        raise UserError(
            f"{path}: not readable as points ({type(reason).__name__}: {reason}): give .ply, .xyz or .npz"
        ) from reason
    if not len(cloud.points):
        raise UserError(f"{path}: holds no points")
    return CloudFile(cloud.points + read_shift(path), _units(cloud.normals), cloud.colors)


def write_cloud(path: Path, cloud: CloudFile) -> None:
    """Write points with normals and colours where there are any; the suffix decides, of `SUFFIXES`.

    A .ply holds doubles where floats would move the points.

    Raises:
        UserError: another suffix.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UserError(
            f"{path}: cannot write points as {suffix or 'a file without suffix'}: use {', '.join(SUFFIXES)}"
        )
    with atomic_write(path) as temporary:
        if suffix == ".npz":
            columns = {"points": cloud.points, "normals": cloud.normals, "colors": cloud.colors}
            there: dict[str, Any] = {name: value for name, value in columns.items() if value is not None}
            np.savez(temporary, **there)
        elif suffix == ".xyz":
            parts = [part for part in (cloud.points, cloud.normals) if part is not None]
            np.savetxt(temporary, np.concatenate(parts, axis=1), fmt="%.9g")
        else:
            temporary.write_bytes(_ply_bytes(cloud))


def _ply_bytes(cloud: CloudFile) -> bytes:
    wide = local_origin(cloud.points).any()
    kind = ("<f8", "double") if wide else ("<f4", "float")
    columns = [(name, *kind, cloud.points[:, axis]) for axis, name in enumerate("xyz")]
    if cloud.normals is not None:
        columns += [(f"n{name}", "<f4", "float", cloud.normals[:, axis]) for axis, name in enumerate("xyz")]
    if cloud.colors is not None:
        names = ("red", "green", "blue")
        columns += [(name, "u1", "uchar", cloud.colors[:, axis]) for axis, name in enumerate(names)]
    rows = np.empty(len(cloud.points), dtype=[(name, code) for name, code, _, _ in columns])
    for name, _, _, values in columns:
        rows[name] = values
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(rows)}"]
    header += [f"property {word} {name}" for name, _, word, _ in columns]
    return ("\n".join([*header, "end_header"]) + "\n").encode() + rows.tobytes()


def _read_npz(path: Path) -> CloudFile:
    with np.load(path, allow_pickle=False) as file:
        there = {
            what: next((file[name] for name in names if name in file.files), None)
            for what, names in _NAMES.items()
        }
        if there["points"] is None:
            raise UserError(f"{path}: has no array called points; it has: {', '.join(file.files)}")
    return _checked(path, there["points"], there["normals"], there["colors"])


def _read_text(path: Path) -> CloudFile:
    text = path.read_text()
    if not text.strip():
        return CloudFile(np.zeros((0, 3)))
    rows = np.loadtxt(text.replace(",", " ").replace(";", " ").splitlines(), ndmin=2)
    if rows.shape[1] < 3:
        raise UserError(f"{path}: has {rows.shape[1]} numbers a line, x y z are needed")
    normals = colors = None
    for begin in range(3, rows.shape[1] - 2, 3):
        three = rows[:, begin : begin + 3]
        if np.allclose(np.linalg.norm(three, axis=1), 1.0, atol=0.05):
            normals = three
        elif ((three >= 0) & (three <= 255) & (three == np.round(three))).all():
            colors = three
    return _checked(path, rows[:, :3], normals, colors)


def _read_by_trimesh(path: Path) -> CloudFile:
    loaded = trimesh.load(path, process=False)
    if isinstance(loaded, trimesh.Scene):
        parts = list(loaded.geometry.values())
        if len(parts) != 1:
            raise UserError(f"{path}: holds {len(parts)} things, points alone are wanted")
        loaded = parts[0]
    if len(getattr(loaded, "faces", ())):
        raise UserError(f"{path}: holds triangles, so it is a mesh already: points alone are wanted")
    points = np.asarray(getattr(loaded, "vertices", np.zeros((0, 3))))
    raw = loaded.metadata.get("_ply_raw", {}).get("vertex", {}).get("data")
    normals = None
    if isinstance(raw, np.ndarray) and raw.dtype.names and {"nx", "ny", "nz"} <= set(raw.dtype.names):
        normals = np.stack([raw[name].reshape(-1) for name in ("nx", "ny", "nz")], axis=1)
    elif isinstance(raw, dict) and {"nx", "ny", "nz"} <= set(raw):
        normals = np.stack([np.asarray(raw[name]).reshape(-1) for name in ("nx", "ny", "nz")], axis=1)
    colors = np.asarray(getattr(loaded, "colors", ()))
    return _checked(path, points, normals, colors[:, :3] if colors.shape == (len(points), 4) else None)


def _checked(
    path: Path, points: np.ndarray, normals: np.ndarray | None, colors: np.ndarray | None
) -> CloudFile:
    for name, array in (("points", points), ("normals", normals), ("colors", colors)):
        if array is not None and (array.ndim != 2 or array.shape != (len(points), 3)):
            raise UserError(f"{path}: {name} must be [{len(points)}, 3], got {list(array.shape)}")
    if colors is not None and colors.dtype.kind == "f" and colors.size and colors.max() <= 1.0:
        colors = np.rint(255.0 * colors)
    return CloudFile(
        np.asarray(points, dtype=np.float64),
        None if normals is None else np.asarray(normals, dtype=np.float64),
        None if colors is None else np.clip(colors, 0, 255).astype(np.uint8),
    )


def _units(normals: np.ndarray | None) -> np.ndarray | None:
    """Normals of length one; None where some are no directions, so that they are estimated."""
    if normals is None:
        return None
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return normals / length if (np.isfinite(length) & (length > 0)).all() else None
