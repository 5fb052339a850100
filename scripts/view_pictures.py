"""The pictures of docs/view.md: the window of `neurfield view` on a run of room0, without a real display.

    xvfb-run -a -s "-screen 0 1280x800x24" python -m scripts.view_pictures runs/room0/latest runs/rtss/latest

The second is a fit of labels that lie in each other: rtss.dcm of dicompyler-core's tests.
Needs Open3D, Xvfb and ffmpeg, which reads the window off its display.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import numpy as np
from PIL import Image

from neurfield.viewer.content import content_of
from neurfield.viewer.offscreen import screenshot
from neurfield.viewer.session import Session
from neurfield.viewer.window import Window
from scripts.pictures import arguments

_SIZE = (1280, 800)
_SHRUNK = (1024, 640)


def settle(window: Window, seconds: float) -> None:
    """Let the window do what there is to be done, smoother light included."""
    until = time.monotonic() + seconds
    while time.monotonic() < until or not window.background.idle:
        window.window.post_redraw()
        window.app.run_one_tick()
        time.sleep(0.01)
    for _ in range(40):  # what was done beside it is handed over in one of these
        window.window.post_redraw()
        window.app.run_one_tick()
        time.sleep(0.02)


def grab(window: Window, path: Path) -> None:
    """What the window shows, panel included, as a small JPEG."""
    settle(window, 6.0)
    size = f"{_SIZE[0]}x{_SIZE[1]}"
    where = ["-f", "x11grab", "-video_size", size, "-draw_mouse", "0", "-i", os.environ["DISPLAY"]]
    png = path.with_suffix(".png")
    subprocess.run(["ffmpeg", "-loglevel", "error", "-y", *where, "-frames:v", "1", str(png)], check=True)
    shrunk = Image.open(png).convert("RGB").resize(_SHRUNK, Image.Resampling.LANCZOS)
    shrunk.save(path, quality=86, optimize=True)
    png.unlink()
    print(path, flush=True)


def main(run: str, labels: str, folder: Path) -> None:
    """Four pictures: glass; layers and a measurement, errors with a slice, and from within."""
    screenshot(content_of(labels), folder / "view_glass.jpg", 900, 640, ("surface", "glass"))
    window = Window(Session(content_of(run)), *_SIZE)
    window.show("pictures", True)
    settle(window, 1.0)
    for x, y in ((215, 300), (590, 180)):  # from the lamp by the sofa to the window
        window.click(x, y)
        settle(window, 0.5)
    grab(window, folder / "view_window.jpg")
    window.forget()
    for name in ("pictures", "cameras"):
        window.show(name, False)
    window.show("error", True)
    window.slice_at(2, 0.62)
    grab(window, folder / "view_slice.jpg")
    window.show("slice", False)
    window.show("surface", True)
    window.show("box", False)
    window.walk(True)
    window.view.look_at(np.array([1.4, 3.4, 0.9]), np.array([3.9, 0.9, 1.5]), np.array([0.0, 0.0, 1.0]))
    grab(window, folder / "view_walk.jpg")
    os._exit(0)  # Open3D's own end waits for a window that nobody closes


if __name__ == "__main__":
    given = arguments(str(__doc__), run="a run of room0", labels="a run of labels that lie in each other")
    main(str(given.run), str(given.labels), given.to)
