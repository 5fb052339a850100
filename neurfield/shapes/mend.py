"""What is wrong with a shape, mended where that is possible, and said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from neurfield.errors import UserError
from neurfield.shapes.contradictions import contradiction
from neurfield.shapes.outliers import outliers
from neurfield.shapes.shape import Shape

LEAST_POINTS = 16  # of a cloud: fewer tell no surface
_FLAT = 1e-15  # a triangle's area, of the longest side squared, below which it has none
_LARGEST = 1e30  # lengths whose squares, and whose parts, single precision still holds
_NEARLY_ALL = 0.9  # of the vertices
_SPECK = 1e-5  # of the whole: what nearly all lie in, beside which nothing of them could be told
_LINE = 1e-9  # of the length of a cloud, its breadth: a line
_SHOWS = 1e-4  # of the longest side: steps of coordinates that show


def mend(shape: Shape) -> Shape:
    """The shape without what has no meaning; what was left out is in its notes.

    Vertices that are no numbers, that nothing refers to, or that repeat others exactly; triangles without
    area, and exact copies of others; points without a normal where others have one; points off any surface
    (`outliers`), unless the shape keeps them; all normals, where they contradict the points.

    Raises:
        UserError: nothing is left, or it has no extent, or refers to vertices that it has not.
    """
    where, notes = _place(shape), list(shape.notes)
    if not len(shape.vertices):
        raise UserError(f"{where}: holds neither triangles nor points: export it again")
    faces = shape.faces
    if len(faces) and (faces.min() < 0 or faces.max() >= len(shape.vertices)):
        raise UserError(
            f"{where}: triangles name vertices {faces.min()} to {faces.max()}, and there are "
            f"{len(shape.vertices)}: the file is damaged, export it again"
        )
    finite = np.isfinite(shape.vertices).all(axis=1)
    if not finite.any():
        raise UserError(f"{where}: no vertex is finite (NaN or infinite): export it again")
    if not finite.all():
        notes.append(f"{_count(~finite)} vertices that are no numbers left out")
    kept = shape.faces[finite[faces].all(axis=1)] if len(faces) else faces
    if len(faces) and not len(kept):
        raise UserError(f"{where}: every triangle has a vertex that is NaN or infinite: export it again")
    counted = shape.vertices[np.unique(kept)] if len(faces) else shape.vertices[finite]
    extent = _extent(counted, where)
    mended = replace(shape, faces=kept)
    if len(faces):
        mended = _mesh(mended, extent, notes, where)
        _check_spread(mended, where)
    else:
        mended = _without_outliers(_cloud(mended, finite, notes, where), notes)
        _check_spread(mended, where)
        mended = _consistent(mended, notes)
    coarse = _step_of_floats(mended.vertices)
    if coarse:
        notes.append(
            f"its coordinates are single precision far from zero, {coarse:.2g} apart: what is smaller is "
            "lost; shift it towards zero before it is saved, or save it in double precision"
        )
    return replace(mended, notes=tuple(notes))


def _mesh(shape: Shape, extent: float, notes: list[str], where: str) -> Shape:
    first, back = _alike(shape.vertices)
    faces = back[shape.faces]
    corners = shape.vertices[first][faces] / extent
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    flat = ~(area > _FLAT)
    if flat.all():
        raise UserError(f"{where}: all triangles are degenerate (no area): export it again")
    if flat.any():
        notes.append(f"{_count(flat)} triangles without area left out")
    faces = faces[~flat]
    turned = np.take_along_axis(faces, (faces.argmin(axis=1)[:, None] + np.arange(3)) % 3, axis=1)
    _, once = np.unique(turned, axis=0, return_index=True)
    if len(once) < len(faces):
        notes.append(f"{len(faces) - len(once):,} copies of other triangles left out")
        faces = faces[np.sort(once)]
    used = np.unique(faces)
    spare = len(first) - len(used)
    if spare and not flat.any():
        notes.append(f"{spare:,} vertices of no triangle left out")
    place = np.zeros(len(first), np.int64)
    place[used] = np.arange(len(used))
    rows = first[used]
    colors = None if shape.colors is None else shape.colors[rows]
    return replace(shape, vertices=shape.vertices[rows], faces=place[faces], colors=colors, normals=None)


def _cloud(shape: Shape, finite: np.ndarray, notes: list[str], where: str) -> Shape:
    normals = shape.normals
    if normals is not None:
        with np.errstate(invalid="ignore", over="ignore"):
            length = np.linalg.norm(normals, axis=1)
        good = np.isfinite(length) & (length > 0.0)
        if good[finite].mean() < 0.5:
            all_of_them = "all" if not good[finite].any() else "most of them"
            notes.append(f"its normals are {all_of_them} zero or no numbers: they are not used")
            normals = None
        else:
            if not good[finite].all():
                notes.append(f"{_count(finite & ~good)} points whose normal is zero or no number left out")
            finite = finite & good
            normals = normals / np.where(good, length, 1.0)[:, None]
    rows = np.flatnonzero(finite)
    first, _ = _alike(shape.vertices[rows])
    if len(first) < len(rows):
        notes.append(f"{len(rows) - len(first):,} points that repeat others left out")
    rows = rows[np.sort(first)]
    if len(rows) < LEAST_POINTS:
        raise UserError(
            f"{where}: a cloud of {len(rows)} point{'s' if len(rows) != 1 else ''} tells no surface: "
            f"at least {LEAST_POINTS} are needed"
        )
    return _points(replace(shape, normals=normals), rows)


def _without_outliers(shape: Shape, notes: list[str]) -> Shape:
    if shape.keep_outliers or not (off := outliers(shape.vertices)).any():
        return shape
    notes.append(
        f"{_count(off)} outliers left out, points off any surface, {off.mean():.2%} of all (to keep them: "
        "--keep-outliers of `neurfield mesh` and `neurfield shape orient`)"
    )
    return _points(shape, np.flatnonzero(~off))


def _consistent(shape: Shape, notes: list[str]) -> Shape:
    wrong = "" if shape.normals is None else contradiction(shape.vertices, shape.normals)
    if not wrong:
        return shape
    notes.append(f"{wrong}: they are not used")
    return replace(shape, normals=None)


def _points(shape: Shape, rows: np.ndarray) -> Shape:
    colors = None if shape.colors is None else shape.colors[rows]
    normals = None if shape.normals is None else shape.normals[rows]
    return replace(shape, vertices=shape.vertices[rows], normals=normals, colors=colors)


def _extent(vertices: np.ndarray, where: str) -> float:
    """The longest side, one that numbers can be worked out of."""
    with np.errstate(over="ignore"):
        extent = float(np.ptp(vertices, axis=0).max())
    if extent == 0.0:
        raise UserError(f"{where}: all vertices lie in one point: there is no surface to fit")
    if not 1.0 / _LARGEST < extent < _LARGEST:
        size = "large" if extent > 1.0 else "small"
        raise UserError(
            f"{where}: it is too {size} for numbers ({extent:.2g} long): give it another unit, or leave out "
            "what lies far off"
        )
    return extent


def _check_spread(shape: Shape, where: str) -> None:
    """Whether a surface can be told beside the size of the whole.

    Raises:
        UserError: nearly all vertices lie in a speck of it, or all on a line.
    """
    points = shape.vertices - np.median(shape.vertices, axis=0)
    extent = float(np.ptp(points, axis=0).max())
    away = np.abs(points).max(axis=1)
    speck = float(np.quantile(away, _NEARLY_ALL))
    if speck < _SPECK * extent:
        far = away > 10.0 * speck
        raise UserError(
            f"{where}: {_count(far)} of {len(far):,} vertices lie so far off that the others are a speck "
            f"({2.0 * speck:.2g} of {extent:.2g}), the first is number {int(far.argmax())}: leave them out"
        )
    if shape.is_mesh:
        return  # whose triangles have areas
    breadth = np.linalg.svd(points / extent, full_matrices=False, compute_uv=False)
    if breadth[1] <= _LINE * breadth[0]:
        raise UserError(f"{where}: all points lie on a line: there is no surface to fit")


def _step_of_floats(vertices: np.ndarray) -> float:
    """The step between numbers of single precision, where these are such and it shows; else 0."""
    most, extent = float(np.abs(vertices).max()), float(np.ptp(vertices, axis=0).max())
    step = most * 2.0**-23
    if step < _SHOWS * extent or (vertices.astype(np.float32) != vertices).any():
        return 0.0
    return step


def _alike(vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of rows [V, 3] the first of each that are equal, in their order, and for each row its place there."""
    plain = np.ascontiguousarray(vertices + 0.0)  # -0 is 0
    _, first, back = np.unique(plain, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(first), np.int64)
    place[order] = np.arange(len(first))
    return first[order], place[back.reshape(-1)]


def _place(shape: Shape) -> str:
    return str(shape.path or shape.name)


def _count(which: np.ndarray) -> str:
    return f"{int(which.sum()):,}"
