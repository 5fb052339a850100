"""A window on a ball, opened in a process of its own on a display that is not real, for `test_window`.

python -m tests.viewer.in_a_window FOLDER
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from neurfield.viewer.layers import Layer, Pictures
from neurfield.viewer.session import Session
from neurfield.viewer.truth import error_colors
from neurfield.viewer.window import Window
from tests.viewer.balls import ball_content, fitted_ball

WIDTH, HEIGHT = 640, 400


def spin(window: Window, seconds: float = 0.3) -> None:
    """Let the window do what there is to be done."""
    until = time.monotonic() + seconds
    while time.monotonic() < until or not window.background.idle:
        window.window.post_redraw()
        window.app.run_one_tick()
        time.sleep(0.01)
    for _ in range(20):  # what was done beside it is handed over in one of these
        window.app.run_one_tick()


def said(window: Window) -> str:
    """What the panel tells, in one line."""
    return " ".join(window.panel.said.split())


def picture(window: Window, folder: Path) -> str:
    """Write what is seen; the file's name."""
    before = set(folder.glob("*.png"))
    window.picture()
    until = time.monotonic() + 20
    while set(folder.glob("*.png")) == before and time.monotonic() < until:
        spin(window, 0.1)
    return next(iter(set(folder.glob("*.png")) - before)).name


def main(folder: Path) -> None:
    """Everything that keys do, once."""
    content = replace(ball_content(truth=1.1), folder=folder)
    surface, nearest = content.surface, content.nearest
    assert surface is not None and nearest is not None
    found, truth = surface, nearest
    quad = np.array([[[-1, -1.8, 1], [1, -1.8, 1], [1, -1.8, -1], [-1, -1.8, -1]]], np.float32)
    image = np.tile(np.uint8([10, 20, 220]), (6, 6, 1))
    large = 1.3 * surface.vertices
    glass = replace(
        surface, vertices=large, colors=np.tile(np.uint8([20, 20, 220]), (len(large), 1)),
        opacity=np.full(len(large), 0.5, np.float32),
    )  # fmt: skip
    more = (
        Layer("error", lambda: error_colors(found, truth, "m")),
        Layer("pictures", lambda: Pictures(quad, (image,))),
        Layer("glass", lambda: glass),
    )
    session = Session(replace(content, layers=(*content.layers, *more)), fitted_ball())
    window = Window(session, WIDTH, HEIGHT)
    facts: dict[str, object] = {}
    spin(window, 1.0)
    facts["first"] = picture(window, folder)
    width, height = window.eye.size
    facts["size"] = [width, height]
    window.click(width / 2, height / 2)
    spin(window)
    facts["clicked"] = said(window)
    window.click(width / 2 + 20, height / 2)
    spin(window)
    facts["measured"] = said(window)
    window.click(2, 2)
    spin(window)
    facts["beside"] = said(window)
    window.forget()
    window.show("error", True)
    spin(window)
    facts["on"] = sorted(window.on)
    facts["error"] = picture(window, folder)
    window.show("pictures", True)
    window.slice_at(0, 0.0)
    spin(window)
    facts["slice"] = said(window)
    window.show("slice", False)
    window.show("surface", True)
    window.level_at(0.5)
    spin(window)
    facts["level"] = said(window)
    facts["larger"] = picture(window, folder)
    window.level_at(-1.9)
    spin(window)
    facts["nowhere"] = said(window)
    window.level_at(0.0)
    window.trace()
    spin(window, 1.5)
    facts["traced"] = said(window)
    facts["field"] = picture(window, folder)
    window.trace()
    spin(window)
    facts["again"] = picture(window, folder)
    window.show("glass", True)
    spin(window)
    facts["glass"] = picture(window, folder)
    window.walk(True)
    window.record()
    window.reset()
    window.record()
    facts["recorded"] = said(window)
    window.back_faces()
    spin(window)
    print("FACTS " + json.dumps(facts), flush=True)
    os._exit(0)  # Open3D's own end waits for a window that nobody closes


if __name__ == "__main__":
    main(Path(sys.argv[1]))
