"""Methods as data: the shelf of parts, their declared numbers, presets that choose among them.

Nothing here loads torch before a part is used.
"""

from neurfield.parts.config import Config, load_config, read_config, save_config, spelled_out
from neurfield.parts.differences import differences
from neurfield.parts.needs import Needs, needs, needs_of
from neurfield.parts.numbers import Declared, Number, summary
from neurfield.parts.offers import awake, looked_at
from neurfield.parts.part import Part
from neurfield.parts.plugins import whole_shelf
from neurfield.parts.presets import about, methods
from neurfield.parts.shelf import SLOTS, Entry, Shelf, Slot

__all__ = [
    "SLOTS", "Config", "Declared", "Entry", "Needs", "Number", "Part", "Shelf", "Slot", "about", "awake",
    "differences", "load_config", "looked_at", "methods", "needs", "needs_of", "read_config", "save_config",
    "spelled_out", "summary", "whole_shelf",
]  # fmt: skip
