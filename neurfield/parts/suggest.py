"""The end of a sentence about a word that nobody knows."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def suggest(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about a word that nobody knows: ", did you mean 'x'?", or nothing.

    Args:
        word: the unknown one.
        known: words that may have been meant; the nearest is suggested, if it is near.
    """
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f", did you mean '{close[0]}'?" if close else ""
