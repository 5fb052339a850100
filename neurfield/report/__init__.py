"""What a run looks like: its numbers in words, pictures of its mesh, and one page with everything."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurfield.report.html import write_report
    from neurfield.report.numbers import numbers_in_words, objects_in_words
    from neurfield.report.pictures import contact_sheet
    from neurfield.scenes.upright import up_direction

__all__ = ["contact_sheet", "numbers_in_words", "objects_in_words", "up_direction", "write_report"]

_HOME_OF = {
    "contact_sheet": "neurfield.report.pictures", "numbers_in_words": "neurfield.report.numbers",
    "objects_in_words": "neurfield.report.numbers", "up_direction": "neurfield.scenes.upright",
    "write_report": "neurfield.report.html",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:  # the page loads torch, which who looks at a mesh does not wait for
        return getattr(importlib.import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module 'neurfield.report' has no attribute '{name}'")
