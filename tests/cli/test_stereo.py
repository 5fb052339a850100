"""`neurfield scene stereo`: what it leaves, that it is found, that it is not made twice, what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neurfield.cli.main import main
from neurfield.scenes import load_scene
from neurfield.stereo import stereo_settings
from neurfield.stereo.fingerprint import fingerprint
from tests.stereo import made

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def matched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A written scene with its maps beside it."""
    path = made.textured_room().write(tmp_path_factory.mktemp("stereo") / "room")
    assert main(["scene", "stereo", str(path), "--preset", "quick"]) == 0
    return path


def test_it_leaves_maps_numbers_and_a_picture(matched: Path) -> None:
    folder = matched / "stereo"
    index = json.loads((folder / "stereo.json").read_text())
    assert len(index["frames"]) == 24 and index["scene"] == ".." and index["numbers"]["matched"] > 0.6
    assert not (folder / "unfinished").exists() and not [
        p for p in folder.iterdir() if p.name.startswith(".")
    ]
    with Image.open(folder / "stereo.jpg") as picture:
        assert picture.size[0] > 1500
    assert sum(path.stat().st_size for path in folder.glob("*.png")) < 24 * 160 * 120 * 8


def test_what_was_written_is_what_is_read(matched: Path) -> None:
    scene, true = load_scene(matched), made.textured_room().depth
    depth = np.stack([scene.stereo_depth(i) for i in range(len(scene))])
    both = (depth > 0) & (true > 0)
    assert np.median(np.abs(depth[both] / true[both] - 1)) < 0.006
    normal = scene.stereo_normal(3)
    known = depth[3] > 0
    assert np.allclose(np.linalg.norm(normal[known], axis=1), 1, atol=1e-3) and not normal[~known].any()
    sure = scene.stereo_confidence(3)
    assert 0 < sure[known].mean() <= 1 and not sure[~known].any()


def test_a_second_time_nothing_is_matched(matched: Path, capsys: Capture) -> None:
    before = (matched / "stereo" / "stereo.json").stat().st_mtime_ns
    assert main(["scene", "stereo", str(matched), "--preset", "quick"]) == 0
    assert "already there" in capsys.readouterr().out
    assert (matched / "stereo" / "stereo.json").stat().st_mtime_ns == before


def test_info_tells_of_it(matched: Path, capsys: Capture) -> None:
    assert main(["scene", "info", str(matched)]) == 0
    told = capsys.readouterr().out
    assert "stereo depth" in told and "stereo confidence" in told


def test_a_folder_of_ones_own_stands_for_the_scene(matched: Path, tmp_path: Path, capsys: Capture) -> None:
    shutil.copytree(matched / "stereo", tmp_path / "maps")
    index = json.loads((tmp_path / "maps" / "stereo.json").read_text())
    (tmp_path / "maps" / "stereo.json").write_text(json.dumps({**index, "scene": str(matched)}))
    assert main(["scene", "stereo", str(matched), "--preset", "quick", "--out", str(tmp_path / "maps")]) == 0
    told = capsys.readouterr().out
    assert "already there" in told and f"neurfield fit --scene {tmp_path / 'maps'}" in told
    assert load_scene(tmp_path / "maps").stereo_depth(0) is not None


def test_a_changed_picture_or_setting_is_another_match(matched: Path, tmp_path: Path) -> None:
    shutil.copytree(matched, tmp_path / "room")
    scene, quick = load_scene(tmp_path / "room", stereo=False), stereo_settings("quick")
    first = fingerprint(scene, quick)
    assert first == fingerprint(load_scene(matched, stereo=False), quick)
    assert first != fingerprint(scene, stereo_settings())
    assert first != fingerprint(scene.with_frames(np.arange(5)), quick)
    picture = scene.files["image"].paths[0]
    Image.fromarray(255 - np.asarray(Image.open(picture))).save(picture)
    assert first != fingerprint(load_scene(tmp_path / "room", stereo=False), quick)


def refusal(capsys: Capture, *arguments: str) -> str:
    capsys.readouterr()
    assert main(["scene", "stereo", *arguments]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    return told


def test_mistakes_get_one_line(matched: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "file").touch()
    assert "--out FOLDER" in refusal(capsys, str(matched), "--out", str(tmp_path / "file" / "maps"))
    assert "did you mean 'quick'" in refusal(capsys, str(matched), "--preset", "quik")
    data = json.loads((matched / "transforms.json").read_text())
    one = {**data, "frames": data["frames"][:1]}
    (matched / "one.json").write_text(json.dumps(one))
    assert "one photo shows no depth" in refusal(capsys, str(matched / "one.json"))
    assert not (matched / "stereo-one").exists()
