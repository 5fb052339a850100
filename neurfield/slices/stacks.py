"""Stacks of pictures or drawings, one a plane, above each other along Z."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from neurfield.errors import UserError
from neurfield.optional import require
from neurfield.slices.contours import Contour, Plane, Slice, Slices
from neurfield.slices.label_volumes import contours_of_labels, whole_labels

PICTURES = (".png", ".tif", ".tiff", ".bmp")
_FLAT = np.eye(3)[:2]
_PIECES = 16  # straight pieces for a curved part of a drawing


def read_stack(folder: Path, spacing: Sequence[float]) -> Slices:
    """The pictures or SVG files of a folder, in the order of the numbers in their names.

    Of pictures, values are labels, 0 is nothing (one value beside 0 is label 1, whatever it is); X runs along
    their rows and Y down their columns. Of SVG files, all closed shapes are lines of label 1 in the drawing's
    own units.

    Args:
        folder: with the files; those of other kinds are left alone.
        spacing: (x, y, z): of pixels, or of a drawing's units, and of planes.

    Raises:
        UserError: there are none, they are of different sizes, hold nothing, or svgelements is missing.
    """
    files = sorted(
        (path for path in folder.iterdir() if path.suffix.lower() in (*PICTURES, ".svg")), key=_in_order
    )
    if not files:
        raise UserError(f"{folder}: no pictures ({', '.join(PICTURES)}) or .svg files in it")
    kinds = {path.suffix.lower() == ".svg" for path in files}
    if len(kinds) > 1:
        raise UserError(f"{folder}: both pictures and SVG files in it: keep one kind")
    read = _drawings if kinds == {True} else _pictures
    each = read(files, np.asarray(spacing[:2], np.float64))
    if not any(each):
        raise UserError(f"{folder}: nothing is drawn in any of its {len(files)} files")
    slices = tuple(
        Slice(Plane(np.array([0.0, 0.0, k * float(spacing[2])]), _FLAT), tuple(contours), k + 1)
        for k, contours in enumerate(each)
    )
    return Slices(folder.name, slices, path=folder)


def _in_order(path: Path) -> tuple[Any, ...]:
    """Numbers in a name count as numbers: 2.png comes before 10.png."""
    return tuple(
        (1, int(word), "") if word.isdigit() else (0, 0, word) for word in re.split(r"(\d+)", path.stem)
    )


def _pictures(files: Sequence[Path], spacing: np.ndarray) -> list[list[Contour]]:
    stack: list[np.ndarray] = []
    for path in files:
        try:
            with Image.open(path) as image:
                values = np.asarray(
                    image if image.mode in ("L", "I;16", "I", "P", "1") else image.convert("L")
                )
        except OSError as reason:
            raise UserError(f"{path}: not a readable picture: copy it again") from reason
        if stack and values.shape != stack[0].shape:
            was, now = (f"{shape[1]}x{shape[0]}" for shape in (stack[0].shape, values.shape))
            raise UserError(f"{path}: {now} pixels, where {files[0].name} has {was}: give masks of one size")
        stack.append(values.astype(np.int64))
    labels = whole_labels(np.stack(stack), files[0].parent)
    there = np.unique(labels)
    if len(there) == 2 and there[0] == 0:
        labels = (labels > 0).astype(np.int64)
    # Rows of an array go down, so the first axis of a transposed picture is X.
    return [contours_of_labels(picture.T, np.diag(spacing)) for picture in labels]


def _drawings(files: Sequence[Path], spacing: np.ndarray) -> list[list[Contour]]:
    svgelements: Any = require("svgelements", extra="slices")
    result = []
    for path in files:
        try:
            drawing = svgelements.SVG.parse(str(path))
        except Exception as reason:  # its parser raises whatever it meets
            raise UserError(f"{path}: not a readable SVG ({type(reason).__name__})") from reason
        lines = []
        for element in drawing.elements():
            if isinstance(element, svgelements.Shape):
                lines += [
                    _corners(svgelements.Path(part)) for part in svgelements.Path(element).as_subpaths()
                ]
        result.append([Contour(line * spacing) for line in lines if len(line) > 2])
    return result


def _corners(path: Any) -> np.ndarray:
    """Places [n, 2] along a path; curved pieces become straight ones."""
    places: list[tuple[float, float]] = []
    for piece in path:
        if piece.end is None or type(piece).__name__ == "Move":
            continue
        straight = type(piece).__name__ in ("Line", "Close")
        for t in [0.0] if straight else np.arange(_PIECES) / _PIECES:
            place = piece.point(float(t))
            places.append((float(place.x), float(place.y)))
    line = np.array(places).reshape(-1, 2)
    return line[np.r_[True, (np.diff(line, axis=0) != 0.0).any(axis=1)]] if len(line) else line
