"""What a point of space is: distance, colour."""

from __future__ import annotations

from neurfield.lazy import export

__all__ = export(__name__)
