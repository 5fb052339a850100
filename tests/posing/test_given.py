"""A folder of photos: which files are some, what EXIF says of them, what is said of the rest."""

from __future__ import annotations

import builtins
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neurfield.errors import UserError
from neurfield.posing import import_photos
from neurfield.posing.exif import lens_tags
from neurfield.posing.given import look_at
from neurfield.posing.inventory import digest_of, take_stock

NOISE = np.random.default_rng(0).integers(0, 256, (200, 160, 3), np.uint8)


def photo(path: Path, seed: int = 0, size=(160, 120), orientation: int | None = None, lens=None) -> Path:
    """A small photo, with these tags of EXIF's sub-folder."""
    picture = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Maker", "Maker 3000"
    if orientation:
        exif[0x0112] = orientation
    for tag, value in (lens or {}).items():
        exif.get_ifd(0x8769)[tag] = value
    Image.fromarray(picture).save(path, exif=exif)
    return path


def three(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    for i in range(3):
        photo(folder / f"IMG_{i}.jpg", i)
    return folder


def test_other_files_are_left_out_and_said(tmp_path):
    folder = three(tmp_path / "photos")
    (folder / "notes.txt").write_text("mine")
    (folder / "IMG_7.dng").write_bytes(b"raw")
    (folder / "IMG_8.MOV").write_bytes(b"video")
    (folder / ".DS_Store").write_bytes(b"hidden")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 cut off")
    (folder / "z_copy.jpg").write_bytes((folder / "IMG_1.jpg").read_bytes())
    photo(folder / "icon.png", 9, size=(32, 32))
    given = look_at(folder)
    assert [one.name for one in given.photos] == ["IMG_0", "IMG_1", "IMG_2"]
    said = next(line for line in given.lines if line.startswith("left out: "))
    for words in (
        "notes.txt (no photo)", "IMG_7.dng (raw of a camera: export it as JPEG)", "IMG_8.MOV (a video",
        "broken.jpg (not a readable image", "z_copy.jpg (the same file as IMG_1.jpg)", "icon.png (too small",
    ):  # fmt: skip
        assert words in said
    assert ".DS_Store" not in said


def test_folders_of_photos_among_photos_are_said_and_those_of_masks_are_not(tmp_path):
    folder = three(tmp_path / "photos")
    for name in ("more", "masks", "empty"):
        (folder / name).mkdir()
    for name in ("more/a.jpg", "masks/IMG_1.png"):
        photo(folder / name, 5)
    given = look_at(folder)
    assert given.skipped == (("more", "a folder of photos: import it by itself"),)


def test_of_which_photos_the_focal_length_is_not_known(tmp_path):
    for i in range(4):
        photo(tmp_path / f"IMG_{i}.jpg", i, lens={} if i == 2 else {0xA405: 28})
    said = look_at(tmp_path).lines
    assert any("no focal length is known of IMG_2.jpg: it is found with the poses" in line for line in said)
    photo(tmp_path / "IMG_2.jpg", 2, lens={0xA405: 28})
    assert not any("no focal length" in line for line in look_at(tmp_path).lines)


def test_of_a_thousand_photos_time_and_memory_are_said_before_anything_is_done(tmp_path):
    pytest.importorskip("pycolmap", reason="pip install neurfield[photos]")
    folder, lines = tmp_path / "photos", []
    folder.mkdir()
    for i in range(1000):
        picture = np.zeros((64, 80, 3), np.uint8)
        picture[:, :, :2] = i % 256, i // 256
        Image.fromarray(picture).save(folder / f"{i}.png", compress_level=0)

    def stop(words, part):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_photos(folder, tmp_path / "scene", threads=2, tell=lines.append, progress=stop)
    assert lines[0] == "1000 photos: 1000 of 80x64"
    assert any(
        re.search(r"1000 pictures .*: about \d+ min, \d\.\d GB of memory, \d+ MB of disk", x) for x in lines
    )
    assert not list((tmp_path / "scene/import/pictures").iterdir())


def test_kinds_of_photos_are_said(tmp_path):
    folder = three(tmp_path / "photos")
    photo(folder / "IMG_3.jpg", 3, orientation=6)
    assert look_at(folder).lines[0] == "4 photos: 3 of 160x120 (Maker 3000), 1 of 120x160 (Maker 3000)"


@pytest.mark.parametrize("at", [0, -1])
def test_a_large_file_that_changes_at_either_end_is_another(tmp_path, at):
    content = bytearray(300_000)
    (tmp_path / "a").write_bytes(content)
    content[at] = 1
    (tmp_path / "b").write_bytes(content)
    assert digest_of(tmp_path / "a") != digest_of(tmp_path / "b")


def test_photos_of_one_name_are_told_apart(tmp_path):
    folder = three(tmp_path / "photos")
    photo(folder / "IMG_1.png", 8)
    assert [one.name for one in look_at(folder).photos] == ["IMG_0", "IMG_1_jpg", "IMG_1_png", "IMG_2"]


def test_photos_come_as_people_count(tmp_path):
    for i in (10, 9, 1, 100):
        photo(tmp_path / f"IMG_{i}.jpg", i)
    assert [one.name for one in look_at(tmp_path).photos] == ["IMG_1", "IMG_9", "IMG_10", "IMG_100"]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ([], "no photos in it: give a folder"),
        (["a.jpg"], "one photo cannot show a surface: take at least 3"),
        (["a.jpg", "b.jpg"], "two photos cannot show a surface"),
        (["sub/a.jpg", "sub/b.jpg"], r"no photos in it, but in sub: give .*sub"),
    ],
)
def test_too_few_photos(tmp_path, files, says):
    for i, name in enumerate(files):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        photo(tmp_path / name, i)
    with pytest.raises(UserError, match=says):
        look_at(tmp_path)


def test_what_is_no_folder(tmp_path):
    with pytest.raises(UserError, match=r"no folder or video .*nowhere"):
        look_at(tmp_path / "nowhere")
    with pytest.raises(UserError, match="is one photo: give its folder"):
        look_at(photo(tmp_path / "a.jpg"))
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(UserError, match="neither a folder of photos nor a video"):
        look_at(tmp_path / "a.txt")


def test_heic_without_its_library(tmp_path, monkeypatch):
    folder = three(tmp_path / "photos")
    (folder / "IMG_9.HEIC").write_bytes(b"ftypheic")
    plain = builtins.__import__

    def without(name, *more):
        if name == "pillow_heif":
            raise ImportError("No module named 'pillow_heif'")
        return plain(name, *more)

    monkeypatch.setattr("importlib.import_module", lambda name: without(name))
    with pytest.raises(UserError, match=r"pillow_heif.*pip install .neurfield\[photos\]"):
        take_stock(folder)


def test_heic_is_read_upright(tmp_path):
    heif = pytest.importorskip("pillow_heif", reason="pip install neurfield[photos]")
    heif.register_heif_opener()
    folder = three(tmp_path / "photos")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(NOISE).save(folder / "IMG_9.heic", exif=exif.tobytes(), quality=95)
    assert take_stock(folder).photos[-1].size == (200, 160)


FOCAL, FOCAL_35, WIDTH, PLANE, UNIT = 0x920A, 0xA405, 0xA002, 0xA20E, 0xA210


def tags(tmp_path: Path, lens: dict[int, object], size=(480, 320)):
    with Image.open(photo(tmp_path / "a.jpg", size=size, lens=lens)) as image:
        return lens_tags(image)


def test_focal_length_by_that_of_a_35_mm_camera(tmp_path):
    found = tags(tmp_path, {FOCAL: 4.25, FOCAL_35: 26})
    assert found.pixels == pytest.approx(26 / 36 * 480, rel=1e-3)
    assert found.words == "Maker 3000, 4.25 mm, 26 mm equivalent"
    narrow = tags(tmp_path, {FOCAL_35: 26}, size=(400, 300))  # of another shape: the same diagonal view
    assert narrow.pixels == pytest.approx(26 / np.hypot(36, 24) * 500, rel=1e-3)


def test_a_lens_zoomed_by_cropping_is_another(tmp_path):
    one, two = (tags(tmp_path, {FOCAL: 4.25, FOCAL_35: zoom}) for zoom in (26, 52))
    assert one.words != two.words and two.pixels == pytest.approx(2 * one.pixels)


def test_focal_length_by_the_sensors_pixels(tmp_path):
    # 5184 pixels at 5728 an inch: 22.99 mm wide; the photo was made smaller since.
    found = tags(tmp_path, {FOCAL: 19.0, PLANE: 5728.0, UNIT: 2, WIDTH: 5184})
    assert found.pixels == pytest.approx(19.0 / (5184 / 5728 * 25.4) * 480, rel=1e-3)


def test_a_focal_length_that_cannot_be_is_not_taken(tmp_path):
    """A program that made the photo smaller wrote its new width, and left the sensor's resolution."""
    found = tags(tmp_path, {FOCAL: 19.0, PLANE: 5728.0, UNIT: 2, WIDTH: 480})
    assert found.pixels is None and "a view of 6 degrees" in found.doubted
    folder = three(tmp_path / "photos")
    photo(folder / "IMG_4.jpg", 4, lens={FOCAL: 19.0, PLANE: 5728.0, UNIT: 2, WIDTH: 160})
    assert any("focal length of 1 photos not taken from EXIF" in line for line in look_at(folder).lines)


@pytest.mark.parametrize("lens", [{}, {FOCAL: 0.0, FOCAL_35: 0}, {FOCAL: 4.25}])
def test_an_unknown_focal_length_is_none(tmp_path, lens):
    assert tags(tmp_path, lens).pixels is None


def test_unknown_lenses_are_said(tmp_path):
    assert "no focal length is known" in look_at(three(tmp_path / "photos")).lines[-1]
