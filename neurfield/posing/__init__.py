"""From photographs without poses, or a video, to a scene: structure from motion by COLMAP, on the CPU."""

from __future__ import annotations

from neurfield.lazy import export

__all__ = export(__name__)
