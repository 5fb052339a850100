"""Screenshots without a display, and what is said where there can be none."""

from __future__ import annotations

import errno
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from neurfield.cli.doctor import missing_system_libraries, version_of
from neurfield.errors import UserError
from neurfield.viewer import offscreen
from neurfield.viewer.content import Content
from neurfield.viewer.layers import Layer, Lines, Pictures, triangles_of
from neurfield.viewer.offscreen import screenshot

needs_open3d = pytest.mark.skipif(
    version_of("open3d") is None or bool(missing_system_libraries()),
    reason="Open3D or its system libraries are missing: see `neurfield doctor`",
)


def ball() -> Content:
    red = trimesh.creation.icosphere(subdivisions=4)
    red.visual.vertex_colors = np.tile(np.uint8([200, 40, 40, 255]), (len(red.vertices), 1))
    green = Lines(np.array([[[-1.5, -1.5, 1.2], [1.5, 1.5, 1.2]]]), (0.0, 0.8, 0.0))
    triangles = triangles_of(red, np.zeros(3))
    quad = np.array([[[-1.4, -1.4, 1.5], [1.4, -1.4, 1.5], [1.4, 1.4, 1.5], [-1.4, 1.4, 1.5]]])
    blue = Pictures(quad.astype(np.float32), (np.tile(np.uint8([40, 40, 200]), (8, 8, 1)),))
    layers = (
        Layer("surface", lambda: triangles, on=True),
        Layer("cameras", lambda: green, on=True),
        Layer("pictures", lambda: blue),
    )
    box = np.array([[-1.5] * 3, [1.5] * 3])
    return Content("ball", layers, box, "outside", np.array([0.0, 0.0, 1.0]))


@needs_open3d
def test_ball_and_line_are_in_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    path = screenshot(ball(), tmp_path / "ball.png", width=160, height=100)
    image = np.asarray(Image.open(path)).astype(int)
    assert image.shape == (100, 160, 3)
    red = (image[..., 0] > 2 * image[..., 1]) & (image[..., 0] > 2 * image[..., 2])
    green = (image[..., 1] > 2 * image[..., 0]) & (image[..., 1] > 2 * image[..., 2])
    assert red[50, 80] and 0.05 < red.mean() < 0.5
    assert green.any()
    assert (image[0] == 255).all()


def test_type_of_picture_is_checked_first(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"write it as \.png or \.jpg"):
        screenshot(ball(), tmp_path / "ball.txt")


def a_child_that(monkeypatch: pytest.MonkeyPatch, code: int, stderr: str) -> None:
    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, code, "", stderr)

    monkeypatch.setattr(offscreen.subprocess, "run", run)


def test_crash_of_the_child_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_child_that(monkeypatch, -6, "some noise\neglInitialize failed\n")
    with pytest.raises(UserError, match=r"could not draw here \(eglInitialize failed\).*neurfield doctor"):
        screenshot(ball(), tmp_path / "ball.png")
    a_child_that(monkeypatch, -11, "")
    with pytest.raises(UserError, match="exit code -11"):
        screenshot(ball(), tmp_path / "ball.png")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_for_temporary_files_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(offscreen.np, "savez", full)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(UserError, match=rf"^{tmp_path}.*: No space left on device; .*TMPDIR"):
        screenshot(ball(), tmp_path / "ball.png")
    assert list(tmp_path.iterdir()) == []


def test_missing_open3d_is_told_by_the_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_child_that(monkeypatch, 1, 'neurfield: open3d cannot be imported: pip install "neurfield[viewer]"\n')
    with pytest.raises(UserError, match=r"^open3d cannot be imported"):
        screenshot(ball(), tmp_path / "ball.png")
