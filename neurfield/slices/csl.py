"""CSL files: contours in planes as text, as OReX and the tools before it have them.

A file is one word after another, whatever its lines: `CSLC`, how many planes and labels, then for each plane
its number, how many vertices and components, and A B C D of A x + B y + C z + D = 0; the vertices; and for
each component how many corners it has (with `h` and the number of the component around it glued on, where it
is a hole), its label, and the rows of its corners.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.files import atomic_write
from neurfield.slices.contours import Contour, Plane, Slice, Slices
from neurfield.slices.nesting import parents_of, turned

HEAD = "CSLC"
_MOST = 10_000_000  # corners of a plane: more is a file of something else


class Words:
    """The words of a file one after another, each asked for by what it should be."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self.where = path, "its first line"
        self._words: Iterator[str] = iter(text.split())

    def word(self, what: str) -> str:
        word = next(self._words, None)
        if word is None:
            raise UserError(f"{self.path}: ends in {self.where}, where {what} should be: copy it again")
        return word

    def whole(self, what: str, least: int = 0, word: str | None = None) -> int:
        word = self.word(what) if word is None else word
        try:
            value = int(word)
        except ValueError:
            value = None
        if value is None or not least <= value <= _MOST:
            raise UserError(
                f"{self.path}: {self.where}: '{word}' where {what} should be (a whole number >= {least})"
            )
        return value

    def numbers(self, count: int, what: str) -> np.ndarray:
        words = [self.word(what) for _ in range(count)]
        try:
            values = np.array(words, np.float64)
        except ValueError:
            values = np.full(count, np.nan)
        if not np.isfinite(values).all():
            raise UserError(f"{self.path}: {self.where}: '{' '.join(words)}' where {what} should be")
        return values

    @property
    def left(self) -> bool:
        """Whether there are more words; takes one."""
        return next(self._words, None) is not None


def read_csl(path: Path) -> Slices:
    """Contours of a .csl file, as they are there; planes with nothing in them are kept empty.

    With two labels, inside and outside, all contours get label 1. A hole belongs to the component around it,
    whatever its own label says. Normals may have any length.

    Raises:
        UserError: it is no CSL, is cut short, or says what cannot be, by plane and component.
    """
    words = Words(path, text_of(path))
    if words.word("CSLC") != HEAD:
        raise UserError(f"{path}: does not begin with {HEAD}, so it is no CSL file")
    planes, labels = words.whole("the number of planes", 1), words.whole("the number of labels", 1)
    found, heights = [], 0.0
    for k in range(planes):
        words.where = f"plane {k + 1} of {planes}"
        one, off = _read_plane(words, labels > 2)
        found.append(one)
        heights = max(heights, off)
    notes = []
    if words.left:
        notes.append(f"there is more in the file than the {planes} planes it announces: left out")
    size = float(np.ptp(np.concatenate([o.plane.world(c.corners) for o in found for c in o.contours]), axis=0)
                 .max()) if any(one.contours for one in found) else 0.0  # fmt: skip
    if heights > 1e-4 * size:
        notes.append(f"corners lie up to {heights:.3g} off their planes: they are put onto them")
    return Slices(path.stem, tuple(found), path=path, notes=tuple(notes))


def text_of(path: Path, kind: str = "CSL") -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as reason:
        raise UserError(f"{path}: is not text, so it is no {kind} file") from reason


def _read_plane(words: Words, many: bool) -> tuple[Slice, float]:
    """A plane, and how far its corners lie off it."""
    number = words.whole("its number")
    words.where = f"plane {number}"
    count, components = words.whole("the number of its vertices"), words.whole("the number of its components")
    a, b, c, d = words.numbers(4, "A B C D of its plane")
    length = float(np.linalg.norm([a, b, c]))
    if length == 0.0:
        raise UserError(f"{words.path}: plane {number}: A B C are all zero, so it has no direction")
    plane = Plane.of([a, b, c], -d / length)
    vertices = words.numbers(3 * count, "x y z of a vertex").reshape(count, 3)
    contours: list[Contour] = []
    for k in range(components):
        words.where = f"plane {number}, component {k + 1} of {components}"
        contours.append(_read_component(words, plane, vertices, contours, many))
    off = float(np.abs(plane.heights(vertices)).max(initial=0.0))
    return Slice(plane, tuple(contours), number), off


def _read_component(
    words: Words, plane: Plane, vertices: np.ndarray, before: Sequence[Contour], many: bool
) -> Contour:
    size, hole, parent = words.word("the number of its corners").partition("h")
    corners = words.whole("the number of its corners", 0, size)
    label = words.whole("its label")
    rows = np.array([words.whole("the row of a corner") for _ in range(corners)], np.int64)
    if len(rows) and rows.max() >= len(vertices):
        raise UserError(
            f"{words.path}: {words.where}: names vertex {rows.max()}, and the plane has {len(vertices)}: "
            "they count from 0"
        )
    if not many:
        label = 1
    elif hole:
        around = words.whole("the component around it", 0, parent)
        if around >= len(before):
            raise UserError(
                f"{words.path}: {words.where}: is a hole of component {around}, which does not come before it"
            )
        label = before[around].label
    return Contour(plane.flat(vertices[rows]), label)


def write_csl(slices: Slices, path: Path, empty: bool = False) -> None:
    """Write slices as a .csl file.

    Outer lines turn left around the plane's normal and holes turn right, each with the line around it; lines
    come before the holes in them.

    Args:
        slices: of any labels.
        path: of the file.
        empty: whether planes without contours, which say that nothing is there, are written; OReX's own
            reader, and others, want none.
    """
    some = [one for one in slices.slices if one.contours or empty]
    lines = [HEAD, f"{len(some)} {max(slices.labels, default=1) + 1}"]
    for k, one in enumerate(some):
        contours = parents_of(turned(one.contours))
        corners = np.concatenate([np.zeros((0, 2)), *(contour.corners for contour, _ in contours)])
        head = f"{one.number or k + 1} {len(corners)} {len(contours)}"
        lines += ["", f"{head} {_row(one.plane.normal)} {float(-one.plane.offset)!r}", ""]
        lines += [_row(corner) for corner in one.plane.world(corners)] + [""]
        start = 0
        for contour, parent in contours:
            rows = range(start, start + len(contour.corners))
            start += len(rows)
            size = f"{len(rows)}" if parent is None else f"{len(rows)}h{parent}"
            lines.append(f"{size} {contour.label} {' '.join(str(row) for row in rows)}")
    with atomic_write(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _row(values: np.ndarray) -> str:
    return " ".join(repr(float(value)) for value in values)
