"""`neurfield scene import`: what a user reads, from a stand-in of the import itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import neurfield.posing
from neurfield.cli.main import main
from neurfield.errors import UserError
from neurfield.posing import Imported, PoseNumbers
from tests.scenes.tiny_scenes import grey, ring_cameras, write_transforms


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(4):
        picture = np.random.default_rng(i).integers(0, 256, (90, 120, 3), np.uint8)
        Image.fromarray(picture).save(folder / f"IMG_{i}.jpg")
    return folder


def stand_in(monkeypatch, metres=False, doubts=(), left=()):
    """An import that is done at once; what it was called with."""
    called = {}

    def imported(source, out, *, tell, progress, **given):
        called.update(given, source=source)
        tell("40 photos")
        progress("features", 0.5)
        write_transforms(out, ring_cameras(np.zeros(3), count=6), {"fl_x": 40.0}, grey)
        numbers = PoseNumbers(6, 7, 1234, 0.61, 4.0, 8.2)
        return Imported(out, numbers, doubts, left, np.array([0.0, 0.6, 0.8]), metres)

    monkeypatch.setattr(neurfield.posing, "import_photos", imported)
    return called


def test_what_was_found_is_said_before_any_fit(photos, tmp_path, monkeypatch, capsys):
    called = stand_in(monkeypatch, doubts=("only 6",), left=(("IMG_6", "too few matches"),))
    out = tmp_path / "scene"
    assert main(["scene", "import", str(photos), "--out", str(out), "--threads", "2"]) == 0
    assert called["threads"] == 2 and called["longest"] == 1600 and called["known_length"] is None
    said = capsys.readouterr()
    assert "features" in said.err
    for words in (
        "40 photos", "6 of 7", "1,234", "0.61 pixels", "8.2 degrees", "[0.0, 0.6, 0.8]",
        "in at it (an object)", "units from", "arbitrary: --known-length", "IMG_6", "too few matches",
        "doubtful: only 6", f"neurfield fit --scene {out}", f"neurfield scene check {out}",
    ):  # fmt: skip
        assert words in said.out


def test_one_command_goes_on_to_a_fit_and_ends_as_it_does(photos, tmp_path, monkeypatch, capsys):
    stand_in(monkeypatch)
    asked = []
    monkeypatch.setattr("neurfield.cli.fit.fit", lambda **given: asked.append(given) or 1)
    out = tmp_path / "scene"
    assert main(["scene", "import", str(photos), "--out", str(out), "--threads", "1", "--fit"]) == 1
    assert asked == [{"scene": str(out), "threads": 1}]
    assert "neurfield fit --scene" not in capsys.readouterr().out  # what is done is not proposed


def test_with_a_known_length_the_unit_is_the_metre(photos, tmp_path, monkeypatch, capsys):
    called = stand_in(monkeypatch, metres=True)
    words = ["--out", str(tmp_path / "scene"), "--known-length", "IMG_1 IMG_2 0.5", "--size", "800"]
    assert main(["scene", "import", str(photos), *words]) == 0
    assert called["known_length"] == "IMG_1 IMG_2 0.5" and called["longest"] == 800
    assert "metres" in (said := capsys.readouterr().out) and "arbitrary" not in said


def test_stopped_it_says_how_to_go_on(photos, tmp_path, monkeypatch, capsys):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(neurfield.posing, "import_photos", stop)
    assert main(["scene", "import", str(photos), "--out", str(tmp_path / "scene")]) == 130
    assert "the same command goes on" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--out", "scene", "--threads", "0"], "--threads 0"),
        (["--out", "scene", "--size", "20"], "--size 20: at least 200"),
        (["--out", "scene", "--known-length", "IMG_1 0.5"], "PHOTO PHOTO METRES"),
        (["--out", "scene", "--known-length", "IMG_1 IMG_7 0.5"], "there is no photo 'IMG_7'"),
        (["--out", "photos"], "give another folder with --out"),
        (["--out", "full"], "holds something else: give a new folder"),
        (["--out", "photos/IMG_1.jpg"], "is a file: give a new folder"),
        ([], "--out is missing"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(photos, tmp_path, monkeypatch, capsys, words, says):
    pytest.importorskip("pycolmap", reason="pip install neurfield[photos]")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert main(["scene", "import", "photos", *words]) == 2
    said = capsys.readouterr().err.strip()
    assert says in said and said.count("neurfield:") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_without_colmap_it_says_what_to_install(photos, tmp_path, monkeypatch, capsys):
    from neurfield.posing import colmap

    def missing(module, extra):
        raise UserError(f'{module} cannot be imported: pip install "neurfield[{extra}]"')

    monkeypatch.setattr(colmap, "require", missing)
    assert main(["scene", "import", str(photos), "--out", str(tmp_path / "scene")]) == 2
    assert "neurfield[photos]" in capsys.readouterr().err
    assert not (tmp_path / "scene").exists()


def test_an_old_colmap_is_named(photos, tmp_path, monkeypatch, capsys):
    from types import SimpleNamespace

    from neurfield.posing import colmap

    monkeypatch.setattr(colmap, "require", lambda *_: SimpleNamespace(__version__="3.12.5"))
    assert main(["scene", "import", str(photos), "--out", str(tmp_path / "scene")]) == 2
    assert "pycolmap 3.12.5 is too old: pip install -U 'pycolmap>=4.1.1'" in capsys.readouterr().err
