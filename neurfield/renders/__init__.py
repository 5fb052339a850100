"""Pictures and films of a run along a walk: `render_walk` is all that `neurfield render` does."""

from __future__ import annotations

from neurfield.renders.render import Rendered, render_walk

__all__ = ["Rendered", "render_walk"]
