"""Clouds of points as files: those that verbs take, and what they write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from neurfield.errors import UserError
from neurfield.far import local_origin
from neurfield.files import atomic_write
from neurfield.shapes.read import read_shape
from neurfield.shapes.shape import Shape

SUFFIXES = (".ply", ".xyz", ".npz")


def read_cloud(path: Path, keep_outliers: bool = False) -> Shape:
    """The points of a file, mended, as `read_shape` reads them.

    Args:
        path: of the file.
        keep_outliers: as there.

    Raises:
        UserError: as there; or the file holds triangles.
    """
    shape = read_shape(path, keep_outliers)
    if shape.is_mesh:
        raise UserError(f"{path}: holds triangles, so it is a mesh already: points alone are wanted")
    return shape


def write_cloud(path: Path, cloud: Shape) -> None:
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
            columns = {"points": cloud.vertices, "normals": cloud.normals, "colors": cloud.colors}
            there: dict[str, Any] = {name: value for name, value in columns.items() if value is not None}
            np.savez(temporary, **there)
        elif suffix == ".xyz":
            parts = [part for part in (cloud.vertices, cloud.normals) if part is not None]
            digits = ["%.12g"] * 3 + ["%.7g"] * 3  # places may be far from zero
            np.savetxt(temporary, np.concatenate(parts, axis=1), fmt=digits[: 3 * len(parts)])
        else:
            temporary.write_bytes(_ply_bytes(cloud))


def _ply_bytes(cloud: Shape) -> bytes:
    wide = local_origin(cloud.vertices).any()
    kind = ("<f8", "double") if wide else ("<f4", "float")
    columns = [(name, *kind, cloud.vertices[:, axis]) for axis, name in enumerate("xyz")]
    if cloud.normals is not None:
        columns += [(f"n{name}", "<f4", "float", cloud.normals[:, axis]) for axis, name in enumerate("xyz")]
    if cloud.colors is not None:
        names = ("red", "green", "blue")
        columns += [(name, "u1", "uchar", cloud.colors[:, axis]) for axis, name in enumerate(names)]
    rows = np.empty(len(cloud.vertices), dtype=[(name, code) for name, code, _, _ in columns])
    for name, _, _, values in columns:
        rows[name] = values
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(rows)}"]
    header += [f"property {word} {name}" for name, _, word, _ in columns]
    return ("\n".join([*header, "end_header"]) + "\n").encode() + rows.tobytes()
