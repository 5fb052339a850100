"""A fit is watched on a page or in a window: both come and go, and it ends as it would have."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from neurfield.cli.doctor import missing_system_libraries, version_of
from neurfield.cli.watched import watched
from neurfield.errors import UserError
from neurfield.fitting.observer import Glimpse
from neurfield.viewer.live_child import DRAWN
from neurfield.viewer.live_window import LiveWindow
from tests.browser import browser_page
from tests.fitting.conftest import SMALL, write_sphere_scene
from tests.viewer.balls import ball_content, fitted_ball

PATIENCE = 90.0  # seconds: other things may go on on the machine


def wait_for(holds: Callable[[], Any], what: str) -> None:
    ended = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < ended, what
        time.sleep(0.1)


def ball_glimpse() -> Glimpse:
    ball = ball_content().surface
    assert ball is not None
    vertices, faces = ball.vertices.astype(float), ball.faces.astype(np.int64)
    return Glimpse(3, 10, 1.0, 20.0, vertices, faces, ball.normals, None)


def start_fit(folder: Path, steps: int, *flags: str, **environment: str) -> subprocess.Popen[str]:
    write_sphere_scene(folder / "sphere")
    settings = [word for item in SMALL for word in ("--set", item)]
    command = [sys.executable, "-m", "neurfield", "fit", "--scene", "sphere", "--steps", str(steps), *flags]
    return subprocess.Popen(
        [*command, *settings, "--set", "mesh.voxel=0.04"], cwd=folder, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env={**os.environ, **environment},
    )  # fmt: skip


@pytest.mark.slow
def test_a_tab_sees_the_surface_form_and_is_closed(tmp_path: Path) -> None:
    pytest.importorskip("viser", reason='pip install "neurfield[web]"')
    with browser_page(900, 620) as tab:
        fit = start_fit(tmp_path, 600, "--web")
        assert fit.stdout is not None
        try:
            address = re.search(r"http://\S+", fit.stdout.readline())
            assert address
            tab.goto(address[0])
            tab.get_by_text("step ", exact=False).wait_for()
            colored = 0.0
            for _ in range(60):
                picture = Image.open(io.BytesIO(tab.screenshot())).convert("RGB")
                scene = np.asarray(picture).astype(int)[160:, :570]
                colored = float(((scene.max(axis=2) < 225) & (scene.min(axis=2) > 30)).mean())
                if colored > 0.02:
                    break
                tab.wait_for_timeout(300)
            assert colored > 0.02 and fit.poll() is None
        finally:
            tab.close()
            said, _ = fit.communicate(timeout=300)
    assert fit.returncode == 0, said
    assert "Traceback" not in said and "mesh.ply" in said


@pytest.fixture
def display() -> Iterator[str]:
    """A screen that nobody looks at."""
    if version_of("open3d") is None or missing_system_libraries():
        pytest.skip("Open3D or its system libraries are missing: see `neurfield doctor`")
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed: apt-get install xvfb")
    told, tell = os.pipe()
    command = ["Xvfb", "-displayfd", str(tell), "-screen", "0", "1280x900x24"]
    screen = subprocess.Popen(command, pass_fds=[tell], stderr=subprocess.DEVNULL)
    os.close(tell)
    with os.fdopen(told) as names:
        name = f":{names.readline().strip()}"
    yield name
    screen.terminate()
    screen.wait()


@pytest.mark.slow
def test_a_window_draws_and_may_be_lost(display: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", display)
    told: list[str] = []
    window = LiveWindow(told.append)
    window.observer.surface = fitted_ball()
    window.observer.surface.folder, window.observer.surface.up = Path("ball"), None
    glimpse = ball_glimpse()
    window.show(glimpse)
    wait_for((Path(window._folder.name) / DRAWN).exists, "the window drew nothing")
    window._process.kill()  # whatever takes it away
    window._process.wait()
    monkeypatch.setattr("neurfield.fitting.observer.coarse_mesh", lambda *_: (
        glimpse.vertices, glimpse.faces, glimpse.normals, None))  # fmt: skip
    for step in (4, 5, 10):
        window.observer.steps = 10
        window.observer.after(step, 1.0, dict)
    assert len(told) == 1 and "the window broke off" in told[0] and "goes on" in told[0]
    window.close()
    assert not Path(window._folder.name).exists()


@pytest.mark.slow
def test_a_window_that_is_killed_does_not_end_the_fit(display: str, tmp_path: Path) -> None:
    fit = start_fit(tmp_path, 600, "--view", DISPLAY=display)
    children = Path(f"/proc/{fit.pid}/task/{fit.pid}/children")
    try:
        wait_for(lambda: children.exists() and children.read_text().split(), "no window was opened")
        os.kill(int(children.read_text().split()[0]), 9)
    finally:
        said, _ = fit.communicate(timeout=300)
    assert fit.returncode == 0, said
    assert "the window broke off" in said and "mesh.ply" in said


def test_who_may_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    for flags, said in (
        ((True, True, None), "side by side"),
        ((False, False, 8080), "--port goes with --web"),
        ((True, False, None), "no display"),
    ):
        with pytest.raises(UserError, match=said), watched(*flags):
            pass
    with watched(False, False, None) as observer:
        assert observer is None
