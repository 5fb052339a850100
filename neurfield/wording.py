"""Lengths and times as people say them, and what they may have meant by a word."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable
from pathlib import Path


def quoted(path: str | Path) -> str:
    """A path or a name as it is typed into a shell: in quotes where it has spaces or signs."""
    return shlex.quote(str(path))


def length(value: float, unit: str = "m") -> str:
    """Metres in the unit that reads best: 5 cm, 1.25 m, 3.42 mm. Of no known unit (""): a number alone."""
    if unit != "m":
        return f"{value:.3g} {unit}".strip()
    size = abs(value)
    scale, unit = (1.0, "m") if size >= 1.0 else (1e2, "cm") if size >= 0.01 else (1e3, "mm")
    return f"{value * scale:.3g} {unit}"


def sides(values: Iterable[float], unit: str) -> str:
    """The sides of a box: 4.00 x 3.00 x 2.50 m; without a unit where none is known ("")."""
    return f"{' x '.join(f'{side:.2f}' for side in values)} {unit}".strip()


def duration(seconds: float) -> str:
    """Seconds as people say them: 12.3 s, 4 min 05 s, 2 h 10 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def about(seconds: float) -> str:
    """Seconds that are only estimated, in whole numbers: 40 s, 12 min, 1.5 h."""
    if seconds < 90.0:
        return f"{seconds:.0f} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 5400.0 else f"{seconds / 3600.0:.1f} h"


def suggest(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about a word that nobody knows: ", did you mean 'x'?", or nothing.

    Args:
        word: the unknown one.
        known: words that may have been meant; the nearest is suggested, if it is near.
    """
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f", did you mean '{close[0]}'?" if close else ""
