"""What a call of `neurfield scene priors` made, and what is to be said of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from neurfield.priors.checks import Checked
from neurfield.priors.profiles import Kind

_APART = {
    "depth": 0.1,
    "normals": 15.0,
}  # of depth's spread, and degrees, above which tiles do not fit together


@dataclass
class MadePriors:
    """What was made.

    Attributes:
        folder: where it lies.
        made: how many pictures went through the networks now.
        checked: what was measured on some of them; None where none was made.
        held_to: what disparity was held to, in words.
        left: frames without depth, because too little of theirs is known to hold disparity to.
        against: those of them in which disparity falls as things come nearer.
        turned: in words, how normals were turned whose axes no profile knows.
        apart: by how much tiles differ, one value a picture, by kind.
    """

    folder: Path
    made: int = 0
    checked: Checked | None = None
    held_to: str = ""
    left: list[int] = field(default_factory=list)
    against: list[int] = field(default_factory=list)
    turned: str = ""
    apart: dict[Kind, list[float]] = field(default_factory=lambda: {"depth": [], "normals": []})

    def rows(self) -> list[tuple[str, str]]:
        """For a table."""
        rows = [("pictures", f"{self.made} through the network")]
        rows += [] if self.checked is None else self.checked.words()
        if self.turned:
            rows.append(("axes of normals", self.turned))
        if self.held_to:
            rows.append(("disparity made depth", f"by {self.held_to}"))
        for kind, unit in (("depth", " % of its spread"), ("normals", " degrees")):
            values = self.apart[kind]  # type: ignore[index]
            if any(values):
                median = float(np.median(values)) * (100.0 if kind == "depth" else 1.0)
                rows.append((f"tiles of {kind} differ", f"by {median:.2g}{unit} (median)"))
        return rows

    def doubts(self) -> list[str]:
        """What is to be looked at."""
        said = [] if self.checked is None else self.checked.doubts()
        if self.left:
            said.append(
                f"{len(self.left)} pictures are left without depth: too little of theirs is known by "
                f"{self.held_to} to hold disparity to"
            )
        for kind, most in _APART.items():
            off = sum(value > most for value in self.apart[kind])  # type: ignore[index]
            if off:
                said.append(f"tiles of {kind} do not fit together in {off} pictures: is this its profile?")
        return said
