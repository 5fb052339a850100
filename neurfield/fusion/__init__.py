"""Depth maps of many views made one: ambiguous priors aligned with each other, and fusion into one volume."""

from __future__ import annotations

from neurfield.lazy import export

__all__ = export(__name__)
