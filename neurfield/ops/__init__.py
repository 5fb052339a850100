"""Operations with native kernels: a public function each, a plain torch reference beside it."""

from __future__ import annotations

from neurfield.lazy import export

__all__ = export(__name__)
