"""One thing that a check of a scene looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "error"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: how grave it is.
        what: what was found.
        where: the source, file or frame.
        todo: what to do about it, if anything.
    """

    level: Level
    what: str
    where: str
    todo: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f": {self.todo}" if self.todo else "")
