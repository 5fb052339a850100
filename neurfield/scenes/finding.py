"""One thing that a check of a scene looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

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


def listed(frames: np.ndarray, most: int = 5) -> str:
    """Which frames, as the beginning of a sentence: "frame 3 is", "frames 3, 4 and 7 more are"."""
    first = [str(int(i)) for i in frames[:most]]
    if len(frames) == 1:
        return f"frame {first[0]} is"
    more = f" and {len(frames) - most} more" if len(frames) > most else ""
    return f"frames {', '.join(first)}{more} are"
