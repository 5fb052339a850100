"""Points off the rays, with what is known of them."""

from __future__ import annotations

from neurfield.lazy import export

__all__ = export(__name__)
