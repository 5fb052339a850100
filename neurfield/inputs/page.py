"""What an input shows in report.html, as data; `neurfield.report` draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Pictures:
    """A section of image files under each other.

    Attributes:
        title: of the section.
        pictures: (file, what it shows) of each.
        heads: over their columns.
        note: below them.
        quality: of the JPEG on the page, in 0..100.
    """

    title: str
    pictures: Sequence[tuple[Path, str]]
    heads: Sequence[str] = ()
    note: str = ""
    quality: int = 88  # of the JPEG on the page


@dataclass(frozen=True)
class MeshSides:
    """A section of a mesh file from four sides; nothing where the file is not there.

    Attributes:
        path: of the mesh file.
        looks: "inside" is looked into through the faces that turn away, "outside" looked at.
    """

    path: Path
    looks: str


@dataclass(frozen=True)
class Page:
    """What an input shows in report.html.

    Attributes:
        about: what follows the date under the title.
        tiles: the few numbers that tell at a glance how it went, (value, what it is); that of the fit's time
            is added.
        sections: in their order.
    """

    about: Sequence[str]
    tiles: Sequence[tuple[str, str]] = ()
    sections: Sequence[Pictures | MeshSides] = field(default=())
