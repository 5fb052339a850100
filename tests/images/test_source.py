"""Every kind of picture is read as it is, or refused in one line."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neurfield.errors import UserError
from neurfield.images import open_image
from tests.images.conftest import smooth, write


def test_regions_are_those_of_the_file_whether_held_or_not(photo: Path) -> None:
    true = smooth(33, 47)
    source = open_image(photo)
    assert (source.width, source.height, source.channels, source.bits) == (47, 33, 3, 8)
    np.testing.assert_array_equal(source.region(5, 7, 11, 3), true[7:10, 5:16])
    assert not source.held
    np.testing.assert_array_equal(source.hold(), true)
    np.testing.assert_array_equal(source.region(46, 32, 1, 1), true[32:, 46:])
    with pytest.raises(ValueError, match="leaves the 47x33"):
        source.region(40, 0, 8, 1)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("bits", [8, 16])
def test_channels_and_bits_are_kept(tmp_path: Path, channels: int, bits: int) -> None:
    true = smooth(9, 5, channels, bits)
    for ending in ("png", "tif"):
        path = tmp_path / f"a.{ending}"
        source = open_image(write(path, true))
        assert (source.channels, source.bits) == (channels, bits)
        np.testing.assert_array_equal(source.hold(), true)
    assert source.colors == (1 if channels < 3 else 3)


def test_palettes_are_expanded(tmp_path: Path) -> None:
    small = Image.fromarray(smooth(8, 8)).quantize(7)
    small.save(tmp_path / "a.png")
    source = open_image(tmp_path / "a.png")
    np.testing.assert_array_equal(source.hold(), np.asarray(small.convert("RGB")))
    assert "palette" in source.notes[0]
    bits = Image.fromarray(smooth(8, 8)).convert("1")
    bits.save(tmp_path / "b.png")
    np.testing.assert_array_equal(open_image(tmp_path / "b.png").hold()[:, :, 0], np.asarray(bits) * 255)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (7, 1)])
def test_tiny_ones(tmp_path: Path, height: int, width: int) -> None:
    true = smooth(height, width)
    Image.fromarray(true).save(tmp_path / "a.png")
    np.testing.assert_array_equal(open_image(tmp_path / "a.png").region(0, 0, width, height), true)


def test_the_first_of_several_pages(tmp_path: Path) -> None:
    frames = [Image.fromarray(smooth(8, 8)[::way]) for way in (1, -1)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    source = open_image(tmp_path / "a.gif")
    assert (source.width, source.height) == (8, 8) and "first of 2" in " ".join(source.notes)


def test_a_cameras_turned_picture_stands_upright(tmp_path: Path) -> None:
    true = smooth(16, 24)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter clockwise
    Image.fromarray(true).save(tmp_path / "a.png", exif=exif)
    for held in (False, True):
        source = open_image(tmp_path / "a.png")
        assert (source.width, source.height) == (16, 24)
        if held:
            source.hold()
        np.testing.assert_array_equal(source.region(0, 0, 16, 24), np.rot90(true, -1))


def test_names_that_look_like_options(tmp_path: Path) -> None:
    Image.fromarray(smooth(4, 4)).save(tmp_path / "a[page=2].png")
    assert open_image(tmp_path / "a[page=2].png").hold().shape == (4, 4, 3)


def test_arrays(tmp_path: Path) -> None:
    assert open_image(smooth(4, 5)[:, :, 0]).hold().shape == (4, 5, 1)
    for array, said in (
        (np.zeros((4, 4, 3)), "float64"),
        (np.zeros((4, 4, 5), np.uint8), r"\[4, 4, 5\]"),
        (np.zeros((0, 4), np.uint8), r"\[0, 4\]"),
    ):
        with pytest.raises(UserError, match=said):
            open_image(array)


def refused(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        open_image(path).hold()
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    return str(caught.value)


def test_what_is_refused(tmp_path: Path, photo: Path) -> None:
    picture = Image.fromarray(smooth(64, 64))
    assert "no such file" in refused(tmp_path / "none.png")
    assert "a folder" in refused(tmp_path)
    (tmp_path / "empty.png").touch()
    assert "empty" in refused(tmp_path / "empty.png")
    (tmp_path / "text.png").write_text("not a picture")
    assert "not a readable image" in refused(tmp_path / "text.png")
    picture.convert("CMYK").save(tmp_path / "cmyk.jpg")
    assert "CMYK" in refused(tmp_path / "cmyk.jpg")
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / "float.tif")
    assert "float" in refused(tmp_path / "float.tif")


@pytest.mark.parametrize("ending", ["png", "jpg", "tif"])
def test_truncated_files(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    if ending == "tif":
        write(path, noise, tile=32)
    else:
        Image.fromarray(noise).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert "damaged or truncated" in refused(path) or "not a readable image" in refused(path)


def test_threads_read_one_file_at_a_time_and_each_gets_its_own(tmp_path: Path) -> None:
    true = smooth(300, 200)
    source = open_image(write(tmp_path / "a.tif", true, tile=32))
    places = [(x, y) for _ in range(20) for y in range(0, 300, 60) for x in range(0, 200, 40)]
    with ThreadPoolExecutor(8) as threads:
        parts = list(threads.map(lambda place: source.region(*place, 40, 60).copy(), places))
    for (x, y), part in zip(places, parts):
        np.testing.assert_array_equal(part, true[y : y + 60, x : x + 40])
