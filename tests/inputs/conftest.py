from __future__ import annotations

from tests.fitting.conftest import sphere_scene

__all__ = ["sphere_scene"]
