"""A mesh or a cloud of points as an input: opened for a fit, its words, its results."""

from __future__ import annotations

from neurfield.inputs.shape.input import ShapeInput

__all__ = ["ShapeInput"]
