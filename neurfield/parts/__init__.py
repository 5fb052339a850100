"""Parts of methods."""

from neurfield.parts.needs import needs
from neurfield.parts.numbers import Number

__all__ = ["Number", "needs"]
