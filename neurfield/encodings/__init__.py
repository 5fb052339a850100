"""What a network sees of a point or a direction."""

from __future__ import annotations

from neurfield.lazy import export

__all__ = export(__name__)
