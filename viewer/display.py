"""Whether a window can be opened here, asked of the display: Open3D ends the process where it is let down."""

from __future__ import annotations

import ctypes
import os
from typing import Any

from neurfield.errors import UserError

_INSTEAD = "use --web for a page, or --screenshot out.png for a picture"
_connections: dict[str, int] = {}  # to displays that were asked, by their names


def has_display() -> bool:
    """Whether a display is named."""
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def check_display() -> None:
    """Nothing, where a window can be opened.

    Raises:
        UserError: no display is named, the one that is does not answer, or it knows no OpenGL.
    """
    if not has_display():
        over_ssh = (
            ", and says how a browser at home reaches it (ssh -L)" if "SSH_CONNECTION" in os.environ else ""
        )
        raise UserError(
            f"there is no display here: use --web for a page{over_ssh}, or --screenshot out.png for a "
            "picture, or copy the run to a desktop"
        )
    name = os.environ.get("DISPLAY")
    if not name:
        return  # Wayland alone: nothing is known to go wrong
    if name in _connections:
        return
    x11, gl = _library("libX11.so.6"), _library("libGL.so.1")
    if x11 is None or gl is None:
        return  # Open3D says itself which library it lacks
    x11.XOpenDisplay.restype = ctypes.c_void_p
    display = x11.XOpenDisplay(None)
    if not display:
        raise UserError(f"the display {name} cannot be opened: {_INSTEAD}, or set DISPLAY to one that runs")
    # It stays open: a display without a desktop (Xvfb) starts over once its last connection is closed, and
    # the window that is opened meanwhile meets nothing, of which Open3D dies.
    if not gl.glXQueryExtension(ctypes.c_void_p(display), None, None):
        raise UserError(f"the display {name} knows no OpenGL: {_INSTEAD}")
    _connections[name] = display


def _library(name: str) -> Any:
    """A system library, or None where it is not there."""
    try:
        return ctypes.CDLL(name)
    except OSError:
        return None
