"""Films: as many frames as were given, whole or not there."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from neurfield.errors import UserError
from neurfield.renders.video import encoder, is_video, write_video

FRAMES = [np.full((20, 30, 3), 40 * i, np.uint8) for i in range(5)]


def ffmpeg():
    module = pytest.importorskip("imageio_ffmpeg", reason="needs imageio-ffmpeg (neurfield[video])")
    try:
        module.get_ffmpeg_exe()
    except RuntimeError as reason:
        pytest.skip(f"needs an ffmpeg: {reason}")
    return module


@pytest.mark.parametrize("ending", ["mp4", "webm", "gif"])
def test_a_film_has_its_frames(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    module = ffmpeg()
    write_video(path, iter(FRAMES), 10.0)
    reader = module.read_frames(str(path))
    about = next(reader)
    assert about["size"] == (30, 20) and about["fps"] == pytest.approx(10.0, rel=0.01)
    shown = [np.frombuffer(frame, np.uint8).reshape(20, 30, 3) for frame in reader]
    assert len(shown) == 5
    for given, seen in zip(FRAMES, shown):
        assert np.abs(given.mean() - seen.mean()) < 6.0
    assert list(tmp_path.iterdir()) == [path]


def test_what_ffmpeg_cannot_write_is_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    ffmpeg()
    monkeypatch.setattr("neurfield.renders.video.encoder", lambda path: "false")
    with pytest.raises(UserError, match=r"a\.mp4: ffmpeg cannot write it"):
        write_video(tmp_path / "a.mp4", iter(FRAMES), 10.0)
    monkeypatch.undo()
    with pytest.raises(UserError, match=r"a\.mp4: ffmpeg cannot write it"):  # sides must be even
        write_video(tmp_path / "a.mp4", iter([np.zeros((21, 31, 3), np.uint8)]), 10.0)
    assert not list(tmp_path.iterdir())


def test_an_interrupted_film_leaves_nothing(tmp_path):
    ffmpeg()

    def frames():
        yield FRAMES[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_video(tmp_path / "a.mp4", frames(), 10.0)
    assert not list(tmp_path.iterdir())


def test_no_encoder_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(UserError, match=r"neurfield\[video\]"):
        encoder(Path("a.mp4"))

    class Empty:
        @staticmethod
        def get_ffmpeg_exe() -> str:
            raise RuntimeError("No ffmpeg exe could be found")

    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", Empty)
    with pytest.raises(UserError, match="finds no ffmpeg"):
        encoder(Path("a.mp4"))


def test_which_paths_are_films():
    assert all(is_video(Path(name)) for name in ("a.mp4", "b/c.WEBM", "a.gif"))
    assert not any(is_video(Path(name)) for name in ("a", "a.avi", "mp4"))
