"""Colours of a mesh in a picture of its own: an atlas, and photographs baked into it."""

from __future__ import annotations

from neurfield.lazy import export

__all__ = export(__name__)
