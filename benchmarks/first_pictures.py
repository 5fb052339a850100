"""How long until one sees something: from the command to a mesh on the screen.

    python -m benchmarks.first_pictures RUN

The window opens on a display of its own (Xvfb), the page in headless Chromium; both are drawn by the
processor, and both commands start from nothing. What the page was sent is counted on its socket.
`report.html` is written again, and its size told. A screen counts as filled once a fifth of its middle
is darker than paper, and there is paper, too.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.common import run_script, say
from benchmarks.script import Table, arguments, report
from neurfield.report import write_report

WIDTH, HEIGHT = 1280, 800
PATIENCE = 120.0  # seconds
COLUMNS = ("what", "s from the command", "MB")


def filled(picture: Image.Image) -> bool:
    """Whether the part of a screen beside panels shows more than paper."""
    scene = np.asarray(picture.convert("RGB"))[HEIGHT // 4 : 3 * HEIGHT // 4, WIDTH // 4 : 5 * WIDTH // 8]
    return bool((scene.min(axis=2) < 215).mean() > 0.2 and (scene.min(axis=2) > 230).mean() > 0.05)


def until(seen: Callable[[], bool], process: subprocess.Popen[str], started: float) -> float:
    """Seconds from `started` until something is seen."""
    while time.perf_counter() - started < PATIENCE:
        if process.poll() is not None:
            raise SystemExit(f"the command ended: {process.stdout.read() if process.stdout else ''}")
        if seen():
            return time.perf_counter() - started
        time.sleep(0.05)
    raise SystemExit(f"nothing was seen for {PATIENCE:.0f} s")


@contextmanager
def command(*words: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """`neurfield ...`, ended at the end."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "neurfield", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, env={**os.environ, **environment},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


@contextmanager
def display() -> Iterator[str]:
    """A display that nobody sees."""
    read, write = os.pipe()
    size = f"{WIDTH}x{HEIGHT}x24"
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", size], pass_fds=[write], stderr=subprocess.DEVNULL
    )
    try:
        yield ":" + os.read(read, 16).decode().strip()
    finally:
        server.terminate()
        server.wait()


def grabbed(name: str) -> Image.Image:
    """What a display shows."""
    words = ["-f", "x11grab", "-video_size", f"{WIDTH}x{HEIGHT}", "-i", name, "-frames:v", "1"]
    raw = subprocess.run(
        ["ffmpeg", "-loglevel", "error", *words, "-f", "image2pipe", "-c:v", "bmp", "-"], capture_output=True
    ).stdout
    return Image.open(io.BytesIO(raw)) if raw else Image.new("RGB", (WIDTH, HEIGHT), "white")


def window(run: str) -> float:
    """Seconds until the window shows the mesh."""
    with display() as name:
        started = time.perf_counter()
        flags = ("--width", str(WIDTH), "--height", str(HEIGHT))
        with command("view", run, *flags, DISPLAY=name, LIBGL_ALWAYS_SOFTWARE="1") as process:
            return until(lambda: filled(grabbed(name)), process, started)


def page(run: str) -> tuple[float, float]:
    """Seconds until the page shows the mesh, and the MB that it was sent by then."""
    from tests.browser import browser_page

    sent = [0]

    def add(data: Any) -> None:
        sent[0] += len(data)

    with browser_page(WIDTH, HEIGHT, strict=False) as tab:  # a browser is open before one types
        tab.on("websocket", lambda socket: socket.on("framereceived", add))
        started = time.perf_counter()
        with command("view", run, "--web") as process:
            assert process.stdout is not None
            place = None
            while place is None:
                line = process.stdout.readline()
                if not line:
                    raise SystemExit("the command ended without a page")
                place = re.search(r"http://\S+", line)
            tab.goto(place.group())
            seconds = until(lambda: filled(Image.open(io.BytesIO(tab.screenshot()))), process, started)
    return seconds, sent[0] / 1e6


def main() -> None:
    """Measure and report."""
    parser = arguments(__doc__, "first_pictures")
    parser.add_argument("run", type=Path)
    args = parser.parse_args()
    rows: list[list[Any]] = []
    if shutil.which("Xvfb") and shutil.which("ffmpeg"):
        rows.append(["the window", window(str(args.run)), None])
        say(str(rows[-1]))
    rows.append(["the page", *page(str(args.run))])
    say(str(rows[-1]))
    started = time.perf_counter()
    written = write_report(args.run)
    rows.append(["report.html, written again", time.perf_counter() - started, written.stat().st_size / 1e6])
    report(args.out, [Table("First pictures", COLUMNS, rows)])


if __name__ == "__main__":
    run_script(main)
