"""OFF files with polygons of any number of sides, comments and colours, which trimesh does not take."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.shapes.shape import Shape


def read_off(path: Path) -> Shape:
    """A text OFF: polygons are cut into triangles around their first corner; COFF's colours are kept.

    Raises:
        UserError: it is no such file.
    """
    text = path.read_text(encoding="utf-8", errors="replace").splitlines()
    lines = [line for line in (line.partition("#")[0].strip() for line in text) if line]
    try:
        head = lines[0].split()
        if not head[0].endswith("OFF") or "BINARY" in head:
            raise ValueError
        counts, first = (head[1:], 1) if len(head) > 1 else (lines[1].split(), 2)
        vertices, polygons = int(counts[0]), int(counts[1])
        rows = np.array([line.split() for line in lines[first : first + vertices]], np.float64)
        rows = rows.reshape(vertices, -1)
        faces = _triangles([line.split() for line in lines[first + vertices :][:polygons]])
        if rows.shape[1] < 3 or len(lines) < first + vertices + polygons:
            raise ValueError
    except (ValueError, IndexError) as reason:
        raise UserError(
            f"{path}: not a readable off: expected OFF, counts of vertices and faces, then a line for each: "
            "copy it again, or export it as another kind"
        ) from reason
    colors = None
    if head[0].startswith("C") and rows.shape[1] >= 6:
        colors = rows[:, 3:6] * (255.0 if rows[:, 3:6].max(initial=0.0) <= 1.0 else 1.0)
        colors = (colors + 0.5).clip(0, 255).astype(np.uint8)
    return Shape(path.stem, rows[:, :3].copy(), faces, None, colors, path)


def _triangles(polygons: list[list[str]]) -> np.ndarray:
    """[F, 3] of lines "count corner corner ...", colours behind them; those of one count together."""
    sides = np.array([int(line[0]) for line in polygons], np.int64)
    parts, order = [np.zeros((0, 3), np.int64)], [np.zeros(0, np.int64)]
    for count in np.unique(sides[sides >= 3]):
        which = np.flatnonzero(sides == count)
        corners = np.array([polygons[k][1 : count + 1] for k in which], np.int64)
        for k in range(1, count - 1):
            parts.append(corners[:, [0, k, k + 1]])
            order.append(which)
    return np.concatenate(parts)[np.argsort(np.concatenate(order), kind="stable")]
