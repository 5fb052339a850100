"""Which pixels a fit looks at, and what its scene says there."""

from __future__ import annotations

from neurfield.lazy import export

__all__ = export(__name__)
