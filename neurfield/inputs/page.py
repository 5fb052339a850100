"""What an input shows in report.html, as data; `neurfield.report` draws it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from neurfield.surface_file import Surface


class Tile(NamedTuple):
    """A number that tells at a glance how a fit went.

    Attributes:
        value: in words, with its unit.
        what: it is.
        key: of metrics.json, by which its meaning is found.
    """

    value: str
    what: str
    key: str = ""


@dataclass(frozen=True)
class Strips:
    """A section of pictures that are compared with true ones.

    Attributes:
        title: of the section.
        strips: (what it is of, file) of each; `neurfield.images.strip` says what is in a file.
        note: above them.
        quality: of the pictures on the page, in 0..100.
    """

    title: str
    strips: Sequence[tuple[str, Path]]
    note: str = ""
    quality: int = 86


@dataclass(frozen=True)
class Pictures:
    """A section of image files under each other.

    Attributes:
        title: of the section.
        pictures: (file, what it shows) of each.
        note: below them.
    """

    title: str
    pictures: Sequence[tuple[Path, str]]
    note: str = ""


@dataclass(frozen=True)
class MeshSides:
    """A section of a mesh file, to be turned and from four sides; nothing where the file is not there.

    Attributes:
        path: of the mesh file.
        looks: "inside" is looked into through the faces that turn away, "outside" looked at.
        truth: gives the true surface, or None, to show how far the mesh is off.
        unit: of the mesh's lengths.
    """

    path: Path
    looks: str
    truth: Callable[[], Surface | None] | None = None
    unit: str = "m"


class Outline(NamedTuple):
    """Lines of a plane, and what was made of them.

    Attributes:
        name: of the plane.
        value: how well the two agree, in words.
        given: corners [n, 2] of each closed line.
        made: corners [n, 2] of each closed line that was made.
        share: how well the two agree, 0 to 1.
    """

    name: str
    value: str
    given: Sequence[Sequence[Sequence[float]]]
    made: Sequence[Sequence[Sequence[float]]]
    share: float


@dataclass(frozen=True)
class Outlines:
    """A section of planes with lines drawn over each other, all at one scale; nothing for none.

    Attributes:
        title: of the section.
        planes: in the order of the input.
        note: above them.
    """

    title: str
    planes: Sequence[Outline]
    note: str = ""


@dataclass(frozen=True)
class Page:
    """What an input shows in report.html.

    Attributes:
        about: what follows the date under the title.
        tiles: the few numbers that tell at a glance how it went; that of the fit's time is added.
        notes: lines on what was found in the input, which are folded.
        sections: in their order; a mesh comes before the tiles.
    """

    about: Sequence[str]
    tiles: Sequence[Tile] = ()
    notes: Sequence[str] = ()
    sections: Sequence[Strips | Pictures | Outlines | MeshSides] = field(default=())
