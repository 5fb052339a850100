"""Photos that are no tidy set: mixed, in two parts, blurred, of different things; and a killed process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from neurfield.errors import UserError
from neurfield.posing import import_photos
from neurfield.scenes import load_scene
from tests.posing.textured import aligned, drawn, orbit, write_photos

pytest.importorskip("pycolmap", reason="pip install neurfield[photos]")
pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]


def run(photos: Path, out: Path, **more):
    lines: list[str] = []
    return import_photos(photos, out, threads=1, tell=lines.append, **more), lines


def mixed(folder: Path, poses: np.ndarray) -> Path:
    """Photos by two lenses, some held on their side, some mirrored by what EXIF says, one of them larger."""
    folder.mkdir()
    for i, pose in enumerate(poses):
        exif = Image.Exif()
        size = {"width": 240, "height": 320} if i % 3 == 1 else {}
        focal = 250.0 if i % 3 == 2 else 290.0
        exif.get_ifd(0x8769)[0xA405] = focal / 400 * 43.2666
        picture = drawn(pose, focal=focal, **size)
        if i % 3 == 1:  # stored on its side, to be turned clockwise
            exif[0x0112], picture = 6, np.rot90(picture)
        if i % 3 == 2:  # stored mirrored
            exif[0x0112], picture = 2, np.fliplr(picture)
        image = Image.fromarray(np.ascontiguousarray(picture))
        image.save(folder / f"IMG_{i:02d}.jpg", exif=exif, quality=95)
    return folder


def test_mixed_sizes_lenses_and_orientations(tmp_path):
    _, lines = run(mixed(tmp_path / "photos", orbit(9)), tmp_path / "scene")
    assert lines[0] == (
        "9 photos: 3 of 320x240 (31.4 mm equivalent), 3 of 240x320 (31.4 mm equivalent), "
        "3 of 320x240 (27 mm equivalent)"
    )
    scene = load_scene(tmp_path / "scene")
    degrees, off, _ = aligned(scene.cameras.world_from_cam, orbit(9))
    assert len(scene) == 9 and degrees.max() < 0.5 and off.max() < 0.01
    known = [250.0 if i % 3 == 2 else 290.0 for i in range(9)]
    np.testing.assert_allclose(scene.cameras.fx, known, rtol=0.02)
    assert scene.cameras.height[1] > scene.cameras.width[1]


def test_of_two_parts_the_larger_is_taken_and_the_rest_named(tmp_path):
    photos = write_photos(tmp_path / "photos", orbit(5))
    for i, pose in enumerate(orbit(4)):
        # The same from a place where the texture is another: colours swapped and upside down.
        Image.fromarray(255 - drawn(pose)[::-1, ::-1, ::-1]).save(photos / f"OTHER_{i}.png")
    imported, _ = run(photos, tmp_path / "scene")
    assert (
        imported.numbers.registered == 5 and "2 parts without a link, of 5, 4 pictures" in imported.doubts[0]
    )
    assert [name for name, _ in imported.left] == [f"OTHER_{i}" for i in range(4)]
    assert all(why == "belongs to part 2, of 4 pictures" for _, why in imported.left)
    assert any("only 5 of 9 pictures have a pose" in doubt for doubt in imported.doubts)
    scene = load_scene(tmp_path / "scene")
    assert len(scene) == 5 and any("2 parts" in note for note in scene.notes)


def different_things(folder: Path) -> Path:
    folder.mkdir()
    for i in range(4):
        noise = np.random.default_rng(i).integers(0, 256, (240, 320, 3), np.uint8)
        Image.fromarray(noise).filter(ImageFilter.GaussianBlur(0.8)).save(folder / f"{i}.png")
    return folder


def blurred(folder: Path) -> Path:
    write_photos(folder, orbit(4))
    for file in folder.iterdir():
        Image.open(file).filter(ImageFilter.GaussianBlur(9)).save(file)
    return folder


def plain(folder: Path) -> Path:
    folder.mkdir()
    for i in range(4):
        Image.fromarray(np.full((240, 320, 3), 100 + i, np.uint8)).save(folder / f"{i}.png")
    return folder


@pytest.mark.parametrize(
    ("photos", "says"),
    [
        (different_things, "no two pictures show enough of the same"),
        (blurred, "4 of 4 pictures are blurred"),
        (plain, "blurred|hardly anything to be recognised"),
    ],
)
def test_where_there_are_no_poses_the_reason_is_said(tmp_path, photos, says):
    with pytest.raises(UserError, match=f"no poses can be found: .*{says}"):
        run(photos(tmp_path / "photos"), tmp_path / "scene")
    assert [entry.name for entry in (tmp_path / "scene").iterdir()] == ["import"]
    with pytest.raises(UserError, match=says):  # and again, from what is kept
        run(tmp_path / "photos", tmp_path / "scene")


def test_killed_it_goes_on(tmp_path):
    """SIGKILL at four moments, as they come; the last call ends with the scene."""
    photos = write_photos(tmp_path / "photos", orbit(5))
    out = tmp_path / "scene"
    command = [sys.executable, "-m", "neurfield", "scene", "import", str(photos), "--out", str(out)]
    marks = [
        "import/pictures/000002.png",
        "import/features.db",
        "import/features.db-wal",
        "import/models.part",
    ]
    for mark in marks:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        while process.poll() is None and not (out / mark).exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert (out / "transforms.json").exists() == (process.returncode == 0)
    imported, _ = run(photos, out)
    scene = load_scene(out)
    degrees, off, _ = aligned(scene.cameras.world_from_cam, orbit(5))
    assert len(scene) == 5 and not imported.left and degrees.max() < 0.5 and off.max() < 0.02
    assert not [entry for entry in (out / "import").iterdir() if ".part" in entry.name]


def test_two_imports_into_one_folder_do_not_mix(tmp_path):
    photos = write_photos(tmp_path / "photos", orbit(3))

    def second(words: str, part: float) -> None:
        with pytest.raises(UserError, match="another import is at work here"):
            run(photos, tmp_path / "scene")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(photos, tmp_path / "scene", progress=second)
