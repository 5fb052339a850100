"""Rays and a field to pixels."""

from __future__ import annotations

from neurfield.lazy import export

__all__ = export(__name__)
