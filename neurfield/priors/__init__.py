"""From photographs to what a monocular network makes of them: depth and normals, by onnxruntime."""

from __future__ import annotations

from neurfield.lazy import export

__all__ = export(__name__)
