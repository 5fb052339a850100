"""Photos as pictures: upright, of one size, sharp or not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from neurfield.posing.inventory import take_stock
from neurfield.posing.pictures import Listing, bake, read_listing, reduced, write_listing
from neurfield.posing.sharpness import sharpness, shift, small_grey
from neurfield.posing.workplace import Workplace
from neurfield.scenes.images import read_rgb
from tests.posing.textured import drawn, orbit


def upright(width: int = 96, height: int = 72) -> np.ndarray:
    """A smooth picture whose corners differ."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns * 2, rows * 3, 255 - columns - rows], -1).astype(np.uint8)


def baked(folder: Path, longest: int = 1600) -> tuple[Workplace, Listing]:
    place = Workplace(folder.parent / f"scene-{longest}")
    place.folder.mkdir(parents=True)
    return place, bake(take_stock(folder).photos, longest, place, lambda words, part: None)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_and_mirrored_photos_become_upright(tmp_path, orientation):
    stored = {
        1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud,
        5: lambda a: np.swapaxes(a, 0, 1), 6: np.rot90, 7: lambda a: np.rot90(np.swapaxes(a, 0, 1), 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation](upright())  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(np.ascontiguousarray(stored)).save(
        folder / "a.jpg", exif=exif, quality=100, subsampling=0
    )
    place, listing = baked(folder)
    written = read_rgb(place.pictures / "000000.jpg")
    assert listing.pictures[0].size == (96, 72) and written.shape == (72, 96, 3)
    assert np.abs(written.astype(int) - upright()).mean() < 3.0
    assert Image.open(place.pictures / "000000.jpg").getexif().get(0x0112, 1) == 1


def test_bytes_stay_where_nothing_is_to_be_done(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(upright()).save(folder / "a.jpg", quality=40)
    Image.fromarray(upright()).save(folder / "b.png")
    place, _ = baked(folder)
    assert (place.pictures / "000000.jpg").read_bytes() == (folder / "a.jpg").read_bytes()
    assert (place.pictures / "000001.png").read_bytes() == (folder / "b.png").read_bytes()


def test_grey_alpha_and_deep_photos_become_colour(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(upright()[..., 0]).save(folder / "a.png")
    Image.fromarray(np.dstack([upright(), upright()[..., :1]])).save(folder / "b.png")
    Image.fromarray(upright()[..., 0].astype(np.uint16) * 257).save(folder / "c.png")
    Image.fromarray(upright()).save(folder / "d.webp", lossless=True)
    place, listing = baked(folder)
    for one in listing.pictures:
        with Image.open(place.pictures / one.file) as image:
            assert image.mode == "RGB" and image.format in ("PNG", "JPEG")


def test_large_photos_are_reduced_with_their_focal_length(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = 30
    Image.fromarray(upright(400, 300)).save(folder / "a.jpg", exif=exif)
    place, listing = baked(folder, 200)
    one = listing.pictures[0]
    assert one.size == (200, 150) == Image.open(place.pictures / one.file).size and one.full_size == (
        400,
        300,
    )
    assert one.focal == pytest.approx(30 / 43.2666 * 250)
    assert reduced((4032, 3024), 1600) == (1600, 1200) and reduced((800, 600), 1600) == (800, 600)


def test_a_damaged_photo_is_left_out_and_said(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in "ab":
        Image.fromarray(np.random.default_rng(ord(name)).integers(0, 256, (90, 120, 3), np.uint8)).save(
            folder / f"{name}.jpg"
        )
    whole = (folder / "a.jpg").read_bytes()
    (folder / "a.jpg").write_bytes(whole[: len(whole) // 2])
    place, listing = baked(folder)
    assert [one.name for one in listing.pictures] == ["b"]
    assert "a.jpg (damaged or truncated" in listing.lines[0]
    write_listing(place, listing)
    assert read_listing(place) == listing


@pytest.fixture(scope="module")
def sharp_picture() -> np.ndarray:
    return drawn(orbit()[0])


@pytest.mark.parametrize("blur", [2, 3, 5, 8])
def test_sharpness_tells_blur_whatever_the_contrast(sharp_picture, blur):
    for picture in (sharp_picture, (sharp_picture * 0.4 + 90).astype(np.uint8)):
        assert sharpness(picture) > 0.3
        assert sharpness(np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(blur)))) < 0.12


def test_shift_is_a_share_of_the_width(sharp_picture):
    first = small_grey(sharp_picture[:180, :256])
    assert shift(first, small_grey(sharp_picture[:180, 26:282])) == pytest.approx(0.1, abs=0.01)
    assert shift(first, first) == 0.0
    for down, right in ((10, 0), (0, 10), (10, 10)):  # and the same backwards
        other = small_grey(sharp_picture[down : 180 + down, right : 256 + right])
        far = float(np.hypot(down, right)) / 256
        assert shift(first, other) == pytest.approx(far, abs=0.01) == shift(other, first)
    assert shift(first, small_grey(np.random.default_rng(0).integers(0, 256, (180, 256, 3), np.uint8))) > 0.02
