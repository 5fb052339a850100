"""`.contour` files: networks of edges in planes, with a material on either side of each."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.slices.chains import chained
from neurfield.slices.contours import Contour, Plane, Slice, Slices
from neurfield.slices.csl import Words, text_of


def read_contour(path: Path) -> Slices:
    """Contours of a .contour file: of each material but 0, the edges that have it on one side, joined.

    The file has the number of planes, and for each plane a b c d of a x + b y + c z + d = 0, its vertices and
    edges, the vertices x y z, and the edges v1 v2 left right.

    Raises:
        UserError: it is none, is cut short, or edges of a material do not close, by plane.
    """
    words = Words(path, text_of(path, ".contour"))
    planes = words.whole("the number of planes", 1)
    found, open_ends = [], 0
    for k in range(planes):
        words.where = f"plane {k + 1} of {planes}"
        a, b, c, d = words.numbers(4, "a b c d of its plane")
        length = float(np.linalg.norm([a, b, c]))
        if length == 0.0:
            raise UserError(f"{path}: plane {k + 1}: a b c are all zero, so it has no direction")
        plane = Plane.of([a, b, c], -d / length)
        count, lines = words.whole("the number of its vertices"), words.whole("the number of its edges")
        vertices = words.numbers(3 * count, "x y z of a vertex").reshape(count, 3)
        edges = words.numbers(4 * lines, "v1 v2 left right of an edge").astype(np.int64).reshape(lines, 4)
        if lines and (edges[:, :2].min() < 0 or edges[:, :2].max() >= count):
            raise UserError(
                f"{path}: plane {k + 1}: an edge names a vertex that is not there: it has {count}"
            )
        flat, contours = plane.flat(vertices), []
        for label in np.unique(edges[:, 2:]):
            if label == 0:
                continue
            border = edges[(edges[:, 2] == label) != (edges[:, 3] == label)]
            loops, ends = chained(border[:, :2])
            open_ends += ends
            contours += [Contour(flat[loop], int(label)) for loop in loops]
        found.append(Slice(plane, tuple(contours), k + 1))
    notes = (f"{open_ends} lines of materials do not close: closed by a straight edge",) if open_ends else ()
    return Slices(path.stem, tuple(found), path=path, notes=notes)
