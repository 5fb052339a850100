"""What a run looks like: its numbers in words, pictures of its mesh, and one page with everything."""

from __future__ import annotations

from neurfield.report.html import write_report
from neurfield.report.numbers import numbers_in_words, objects_in_words
from neurfield.report.pictures import contact_sheet
from neurfield.scenes.upright import up_direction

__all__ = ["contact_sheet", "numbers_in_words", "objects_in_words", "up_direction", "write_report"]
