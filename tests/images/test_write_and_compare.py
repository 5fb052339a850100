"""What is written is what was given; sizes and qualities of other files are true."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neurfield.images import open_image
from neurfield.images import write as write_module
from neurfield.images.compare import jpeg_as_good, png_bytes, psnr_of, sample_of, to_8_bits
from neurfield.images.error_map import ErrorMap
from neurfield.images.picture import Panel, as_rgb, side_by_side
from neurfield.images.write import save_rows
from tests.images.conftest import smooth


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("bits", [8, 16])
def test_written_by_rows(tmp_path: Path, channels: int, bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    true = smooth(37, 21, channels, bits)
    like = open_image(true)
    bands = [true[:10], true[10:11], true[11:]]
    for largest, ending in ((2**28, ".png"), (5, ".tif")):
        monkeypatch.setattr(write_module, "LARGEST_PNG", largest)
        path = save_rows(bands, like, tmp_path / "a")
        assert path.suffix == ending
        again = open_image(path)
        assert again.bits == bits
        np.testing.assert_array_equal(again.hold(), true)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "a.tif"]  # no raw bytes are left


def test_psnr_is_exact() -> None:
    a, b = np.zeros((10, 10, 3), np.uint8), np.full((10, 10, 3), 5, np.uint8)
    assert psnr_of(a, b, 255) == pytest.approx(20.0 * math.log10(255 / 5))
    assert psnr_of(a, a, 255) == math.inf
    assert psnr_of(np.full((3, 3), 65535, np.uint16), np.zeros((3, 3), np.uint16), 65535) == 0.0


def test_jpeg_as_good_is_the_smallest_that_is() -> None:
    noise = np.random.default_rng(0).normal(0, 12, (64, 96, 3))
    true = np.clip(smooth(64, 96) + noise, 0, 255).astype(np.uint8)
    found = jpeg_as_good(true, 35.0)
    assert found is not None and found.psnr >= 35.0

    def by_pillow(quality: int) -> float:
        buffer = io.BytesIO()
        Image.fromarray(true).save(buffer, "JPEG", quality=quality, subsampling=0)
        return psnr_of(np.asarray(Image.open(buffer)), true, 255)

    assert by_pillow(found.quality + 2) > 35.0 > by_pillow(max(1, found.quality - 2))
    assert jpeg_as_good(true, 80.0) is None
    grey = jpeg_as_good(true[:, :, :1], 35.0)
    assert grey is not None and grey.size < found.size


def test_png_bytes_are_those_of_a_file() -> None:
    for bits in (8, 16):
        assert 0 < png_bytes(smooth(40, 40, 3, bits)) < 40 * 40 * 3 * bits // 8 + 2000


def test_samples() -> None:
    true = smooth(30, 40)
    whole = sample_of(open_image(true), open_image(255 - true))
    assert whole.share == 1.0
    np.testing.assert_array_equal(whole.fitted, 255 - whole.true)


def test_to_8_bits_rounds() -> None:
    assert to_8_bits(np.array([0, 128, 129, 257, 65535], np.uint16)).tolist() == [0, 0, 1, 1, 255]


@pytest.mark.parametrize("bits", [8, 16])
def test_error_map(bits: int) -> None:
    true = smooth(50, 70, 3, bits)
    fitted = true.copy()
    fitted[30:40, 50:60] //= 2
    errors = ErrorMap(open_image(true), longest=20)
    rows = 3 * errors.block
    for y in range(0, 50, rows):
        errors.add(y, true[y : y + rows], fitted[y : y + rows])
    assert errors.psnr() == pytest.approx(psnr_of(true, fitted, 2**bits - 1))
    x, y, w, h = errors.worst(16)
    assert (w, h) == (16, 16) and x <= 50 and x + w >= 60 and y <= 30 and y + h >= 40
    assert errors.relative().max() < 0.5 and errors.relative()[0, 0] == 0.0
    assert errors.worst(1000) == (0, 0, 70, 50)


def test_pictures_for_people() -> None:
    assert as_rgb(np.full((2, 2, 1), 65535, np.uint16)).tolist() == np.full((2, 2, 3), 255).tolist()
    clear = np.zeros((1, 1, 4), np.uint8)
    assert as_rgb(clear).tolist() == [[[255, 255, 255]]]
    one = as_rgb(smooth(1, 1))
    sheet = side_by_side([Panel("a", one, one, np.zeros((1, 1)))])
    assert sheet.mode == "RGB"
