"""Dense stereo: from posed photographs alone to depth, normals and how sure they are."""

from __future__ import annotations

from neurfield.lazy import export

__all__ = export(__name__)
