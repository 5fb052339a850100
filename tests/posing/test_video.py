"""Videos: the sharp frames that differ, upright; slide shows, still and damaged ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from neurfield.errors import UserError
from neurfield.posing import video as videos
from neurfield.posing.given import look_at
from neurfield.posing.video import take_frames
from neurfield.posing.workplace import Workplace

av = pytest.importorskip("av", reason="pip install neurfield[photos]")
RATE = 10
_SPOTS = np.random.default_rng(2).integers(0, 256, (60, 400, 3), np.uint8)
WALL = np.asarray(Image.fromarray(_SPOTS).resize((3200, 480), Image.Resampling.BICUBIC))


def view(offset: int) -> np.ndarray:
    """A picture 320x240 of a wall, from so many pixels along it."""
    return WALL[100:340, offset : offset + 320]


def write_video(path: Path, pictures: list[np.ndarray], rotation: int = 0) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=RATE)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt, stream.bit_rate = "yuv420p", 8_000_000
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def taken(path: Path, longest: int = 1600):
    place = Workplace(path.parent / "scene")
    place.folder.mkdir(parents=True)
    return place, take_frames(path, longest, place, lambda words, part: None)


def test_the_sharpest_frame_of_every_window_is_kept(tmp_path):
    pictures = []
    for i in range(24):
        blur = 0 if i % 4 == 2 else 3
        pictures.append(np.asarray(Image.fromarray(view(12 * i)).filter(ImageFilter.GaussianBlur(blur))))
    path = write_video(tmp_path / "walk.mp4", pictures)
    place, listing = taken(path)
    assert [one.name for one in listing.pictures] == [f"frame_{i:06d}" for i in range(2, 24, 4)]
    assert listing.ordered and listing.lines == ("6 of 24 frames: the sharpest of every 0.4 s",)
    kept = np.asarray(Image.open(place.pictures / listing.pictures[2].file)).astype(int)
    assert np.abs(kept - view(12 * 10)).mean() < 12.0
    assert "a video of 2 s, 320x240: up to 6 frames" in look_at(path).lines[0]


def test_frames_in_which_nothing_moved_are_left_out(tmp_path):
    offsets = [0] * 12 + [10, 20, 30, 40] + [40] * 12 + [55, 70, 85, 100]
    _, listing = taken(write_video(tmp_path / "a.mp4", [view(x) for x in offsets]))
    kept = len(listing.pictures)
    assert kept in (3, 4)  # of two windows that move, one may be sharpest at its end
    assert f"without {8 - kept} in which hardly anything had moved" in listing.lines[0]


def test_a_still_video_is_no_slide_show(tmp_path):
    _, listing = taken(write_video(tmp_path / "a.mp4", [view(0)] * 40))
    assert listing.ordered and len(listing.pictures) == 1
    assert "hardly anything had moved" in listing.lines[0]


def test_a_thing_that_moves_before_a_still_wall_is_movement(tmp_path):
    pictures = []
    for i in range(16):
        picture = view(0).copy()
        picture[60:200, 20 + 10 * i : 140 + 10 * i] = WALL[200:340, 2000:2120]
        pictures.append(picture)
    _, listing = taken(write_video(tmp_path / "a.mp4", pictures))
    assert len(listing.pictures) == 4


def test_a_slide_show_is_named_and_its_pictures_come_in_any_order(tmp_path):
    offsets = [x for x in (0, 700, 1400, 2100) for _ in range(25)]
    _, listing = taken(write_video(tmp_path / "a.mp4", [view(x) for x in offsets]))
    assert not listing.ordered and len(listing.pictures) == 4
    assert listing.lines == (
        "the video is a slide show: its 4 pictures are matched each with each, as photos",
    )


def test_a_long_video_gives_no_more_than_some(tmp_path, monkeypatch):
    monkeypatch.setattr(videos, "MOST", 5)
    path = write_video(tmp_path / "a.mp4", [view(12 * i) for i in range(40)])
    _, listing = taken(path)
    assert len(listing.pictures) in (5, 6)
    assert "up to 5 frames" in look_at(path).lines[0]


def test_large_frames_are_reduced(tmp_path):
    place, listing = taken(write_video(tmp_path / "a.mp4", [view(20 * i) for i in range(12)]), 160)
    assert {one.size for one in listing.pictures} == {(160, 120)}
    assert listing.pictures[0].full_size == (320, 240)
    assert Image.open(place.pictures / listing.pictures[0].file).size == (160, 120)


def test_frames_are_turned_as_the_video_says(tmp_path, monkeypatch):
    class Frame:
        time, rotation = 0.0, -90

        def to_ndarray(self, format):
            return np.dstack([view(0)[..., :2], np.full((240, 320), 7, np.uint8)])

    class Container:
        def decode(self, stream):
            return iter([Frame()])

    class Stream:
        thread_type = ""

    ((_, picture),) = videos._decoded(tmp_path, Container(), Stream())
    np.testing.assert_array_equal(picture[..., 0], np.rot90(view(0)[..., 0], -1))


def test_what_is_no_video(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no video at all")
    with pytest.raises(UserError, match=r"a\.mp4: not a readable video .*copy it again"):
        look_at(tmp_path / "a.mp4")
    with av.open(str(tmp_path / "b.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(UserError, match="no picture in it, only sound"):
        look_at(tmp_path / "b.mp4")


def test_without_its_library_a_video_is_one_line(tmp_path, monkeypatch):
    path = write_video(tmp_path / "a.mp4", [view(0)] * 4)

    def missing(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(UserError, match=r"av cannot be imported.*neurfield\[photos\]"):
        look_at(path)


def test_stopped_while_it_reads_a_video_it_leaves_no_pictures(tmp_path):
    path = write_video(tmp_path / "a.mp4", [view(20 * i) for i in range(24)])
    place = Workplace(tmp_path / "scene")
    place.folder.mkdir(parents=True)

    def stop(words, part):
        if part > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take_frames(path, 1600, place, stop)
    assert not place.pictures.exists()
    assert len(take_frames(path, 1600, place, lambda words, part: None).pictures) == 6


def test_of_a_video_that_was_cut_off_what_came_before_is_used(tmp_path):
    path = write_video(tmp_path / "a.avi", [view(20 * i) for i in range(40)])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    _, listing = taken(path)
    assert 2 <= len(listing.pictures) < 10
