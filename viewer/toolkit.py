"""Open3D, without what it imports for others: machine learning and web plots take longer than itself."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from types import ModuleType

from neurfield.errors import UserError
from neurfield.optional import require

_LEFT_OUT = ("open3d.ml", "open3d.visualization.draw_plotly")


_lock = threading.Lock()


def load_beside() -> None:
    """Begin to load it while something else is read; what goes wrong is told by `quick_open3d`."""

    def load() -> None:
        with suppress(UserError):
            quick_open3d()

    threading.Thread(target=load, daemon=True).start()


def quick_open3d() -> ModuleType:
    """The module `open3d`; what is left out of it can still be imported by its name.

    Raises:
        UserError: it is missing or cannot be loaded.
    """
    with _lock:
        return sys.modules.get("open3d") or _loaded()


def _loaded() -> ModuleType:
    stand_ins = {name: ModuleType(name) for name in _LEFT_OUT if name not in sys.modules}
    for stand_in in stand_ins.values():
        stand_in.draw_plotly = stand_in.draw_plotly_server = None  # type: ignore[attr-defined]
    sys.modules.update(stand_ins)
    try:
        return require("open3d", extra="viewer")
    finally:
        for name in stand_ins:
            sys.modules.pop(name, None)
