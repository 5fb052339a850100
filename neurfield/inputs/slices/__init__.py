"""Cross-sections as an input: opened for a fit, its words, its results."""

from __future__ import annotations

from neurfield.inputs.slices.input import SlicesInput

__all__ = ["SlicesInput"]
