"""Methods as data: the shelf of parts, their declared numbers, presets that choose among them.

Nothing here loads torch before a part is used.
"""

from __future__ import annotations

from neurfield.lazy import export

__all__ = export(__name__)
