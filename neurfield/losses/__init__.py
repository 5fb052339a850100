"""Named, unweighted losses: on tensors, and as parts of methods, on what a step has seen."""

from __future__ import annotations

from neurfield.lazy import export

__all__ = export(__name__)
