"""Placeholder of the range marker until the shelf is merged."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Number:
    """The range of a number of a part."""

    above: float | None = None
    least: float | None = None
    most: float | None = None
