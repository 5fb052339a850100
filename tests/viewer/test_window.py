"""The window itself, on a display that is not real, with a graphics card that is not, either."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from neurfield.cli.doctor import missing_system_libraries, version_of
from neurfield.errors import UserError
from neurfield.viewer import toolkit, window
from neurfield.viewer.display import check_display
from neurfield.viewer.session import Session
from neurfield.viewer.window import open_window
from tests.viewer.balls import ball_content

ROOT = Path(__file__).resolve().parents[2]
MISSING = [
    what
    for what, there in (
        ("Open3D", version_of("open3d") is not None and not missing_system_libraries()),
        ("xvfb-run", shutil.which("xvfb-run") is not None),
    )
    if not there
]


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the window said when all of its keys were pressed."""
    if MISSING:
        pytest.skip(f"no window without {' and '.join(MISSING)}")
    folder = tmp_path_factory.mktemp("window")
    command = ["xvfb-run", "-a", "-s", "-screen 0 1024x768x24", sys.executable, "-m"]
    environment = {**os.environ, "LIBGL_ALWAYS_SOFTWARE": "1", "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [*command, "tests.viewer.in_a_window", str(folder)],
        capture_output=True, text=True, cwd=ROOT, env=environment, timeout=300,
    )  # fmt: skip
    told = [line for line in ran.stdout.splitlines() if line.startswith("FACTS ")]
    assert told, ran.stdout[-2000:] + ran.stderr[-2000:]
    return {**json.loads(told[0].removeprefix("FACTS ")), "folder": folder}


def picture(facts: dict[str, Any], name: str) -> np.ndarray:
    return np.asarray(Image.open(facts["folder"] / facts[name]).convert("RGB")).astype(int)


def ball_pixels(image: np.ndarray) -> np.ndarray:
    """Where the ball is: neither white nor the box's green."""
    green = (image[..., 1] > image[..., 0] + 60) & (image[..., 1] > image[..., 2] + 60)
    return (image.min(axis=2) < 250) & ~green


@pytest.mark.slow
def test_the_ball_is_in_the_first_picture(facts: dict[str, Any]) -> None:
    image = picture(facts, "first")
    height, width = image.shape[:2]
    assert [width, height] == facts["size"]
    there = ball_pixels(image)
    rows, columns = np.nonzero(there)
    assert there[height // 2, width // 2] and 0.03 < there.mean() < 0.5
    assert abs(columns.mean() - width / 2) < 0.1 * width and abs(rows.mean() - height / 2) < 0.1 * height


@pytest.mark.slow
def test_a_click_reads_place_field_and_truth(facts: dict[str, Any]) -> None:
    assert facts["clicked"].startswith("(") and "field" in facts["clicked"] and "truth" in facts["clicked"]
    assert "distance" not in facts["clicked"] and "distance" in facts["measured"]
    assert facts["beside"] == "nothing there"


@pytest.mark.slow
def test_errors_are_shown_in_place_of_the_surface(facts: dict[str, Any]) -> None:
    assert "error" in facts["on"] and "surface" not in facts["on"]
    first, error = picture(facts, "first"), picture(facts, "error")
    height, width = first.shape[:2]
    assert np.abs(first - error)[height // 2, width // 2].max() > 30


@pytest.mark.slow
def test_slices_and_levels(facts: dict[str, Any]) -> None:
    assert facts["slice"] == "slice at x = 0 m" and facts["level"] == "level 50 cm"
    assert "no place with the value -1.9 m" in facts["nowhere"]
    grown = ball_pixels(picture(facts, "larger")).mean() / ball_pixels(picture(facts, "first")).mean()
    assert 1.5 < grown < 4.0  # a ball of 1.5 times the radius, and a picture before it


@pytest.mark.slow
def test_the_field_is_traced_where_its_mesh_was(facts: dict[str, Any]) -> None:
    width, height = facts["size"]
    assert facts["traced"].startswith(f"{width} x {height} in ") and "at rest" in facts["traced"]
    field, mesh = (ball_pixels(picture(facts, name)) for name in ("field", "again"))
    assert mesh.mean() > 0.02
    assert (field & mesh).sum() > 0.95 * (field | mesh).sum()


@pytest.mark.slow
def test_the_ball_is_seen_through_glass(facts: dict[str, Any]) -> None:
    bare, glass = picture(facts, "again"), picture(facts, "glass")
    there = ball_pixels(bare)
    rows, columns = np.nonzero(there)
    middle = int(np.median(rows)), int(np.median(columns))
    assert (
        60 < glass[middle][0] < bare[middle][0] - 40 and glass[middle][2] > glass[middle][0] + 60
    )  # half blue
    assert np.abs(glass - bare)[there].mean() > 15
    around = (np.abs(glass - bare).max(axis=2) > 20) & ~there
    assert around.sum() > 0.3 * there.sum()
    assert glass[around][:, 0].mean() > 60  # white behind blue glass, where solid blue would have 20


@pytest.mark.slow
def test_a_walk_is_written(facts: dict[str, Any]) -> None:
    assert facts["recorded"].startswith("key 2 of") and (facts["folder"] / "walk.json").is_file()


def test_no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match="--screenshot"):
        open_window(Session(ball_content()))


def test_a_display_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libGL.so.1")
    except OSError:
        pytest.skip("libX11 or libGL is missing")
    monkeypatch.setenv("DISPLAY", ":4711")
    with pytest.raises(UserError, match=r"display :4711 cannot be opened.*--screenshot"):
        check_display()


@pytest.mark.skipif("xvfb-run" in MISSING, reason="xvfb-run is missing")
@pytest.mark.slow
def test_a_display_without_opengl() -> None:
    code = "from neurfield.viewer.display import check_display; check_display()"
    ran = subprocess.run(
        ["xvfb-run", "-a", "-s", "-screen 0 64x64x24 -extension GLX", sys.executable, "-c", code],
        capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=100,
    )  # fmt: skip
    assert ran.returncode and "knows no OpenGL" in ran.stderr


@pytest.mark.skipif("xvfb-run" in MISSING, reason="xvfb-run is missing")
@pytest.mark.slow
def test_a_display_that_was_asked_does_not_start_over() -> None:
    """One without a desktop does once nobody is connected, and a window is lost that is opened meanwhile."""
    code = """if True:
        import ctypes
        from neurfield.viewer.display import check_display

        x11 = ctypes.CDLL("libX11.so.6")
        x11.XOpenDisplay.restype = ctypes.c_void_p
        first = ctypes.c_void_p(x11.XOpenDisplay(None))
        atom = x11.XInternAtom(first, b"KEPT_WHILE_IT_RUNS", False)
        check_display()
        x11.XCloseDisplay(first)
        second = ctypes.c_void_p(x11.XOpenDisplay(None))
        print(atom > 0 and x11.XInternAtom(second, b"KEPT_WHILE_IT_RUNS", True) == atom)
    """
    ran = subprocess.run(
        ["xvfb-run", "-a", "-s", "-screen 0 64x64x24", sys.executable, "-c", code],
        capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=100,
    )  # fmt: skip
    if not ran.stdout and "no OpenGL" in ran.stderr:
        pytest.skip("the display that is not real knows no OpenGL")
    assert ran.stdout.split() == ["True"], ran.stderr


def test_a_missing_open3d_is_told_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "check_display", lambda: None)
    monkeypatch.setitem(sys.modules, "open3d", None)
    with pytest.raises(UserError, match=r"neurfield\[viewer\]"):
        open_window(Session(ball_content()))


@pytest.mark.skipif("Open3D" in MISSING, reason="Open3D is missing")
@pytest.mark.slow
def test_what_is_left_out_of_open3d_can_still_be_imported() -> None:
    code = (
        "import sys; from neurfield.viewer.toolkit import quick_open3d; o3d = quick_open3d()\n"
        "assert o3d.visualization.gui and 'sklearn' not in sys.modules and 'dash' not in sys.modules\n"
        "assert not [name for name in " + repr(toolkit._LEFT_OUT) + " if name in sys.modules]\n"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
