"""What an input shows in report.html, as data; `neurfield.report` draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Pictures:
    """A section of image files under each other: (file, what it shows); heads: over their columns."""

    title: str
    pictures: Sequence[tuple[Path, str]]
    heads: Sequence[str] = ()
    note: str = ""
    quality: int = 88  # of the JPEG on the page


@dataclass(frozen=True)
class MeshSides:
    """A section of a mesh file from four sides; nothing where the file is not there.

    looks: "inside" is looked into through the faces that turn away, "outside" looked at.
    """

    path: Path
    looks: str


@dataclass(frozen=True)
class Page:
    """about: what follows the date under the title. tiles: the few numbers that tell at a glance how it went,
    (value, what it is); that of the fit's time is added. sections: in their order."""

    about: Sequence[str]
    tiles: Sequence[tuple[str, str]] = ()
    sections: Sequence[Pictures | MeshSides] = field(default=())
