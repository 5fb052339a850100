"""Photos that are added to those of a finished import: they join its poses, and its world stays."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neurfield.posing import colmap, import_photos
from neurfield.scenes import load_scene
from tests.posing.textured import aligned, orbit, write_photos

pytest.importorskip("pycolmap", reason="pip install neurfield[photos]")
pytestmark = pytest.mark.slow
FIRST = range(2, 9)


def run(photos: Path, out: Path, **more) -> tuple[list[str], list[str]]:
    """Names of pictures that are left, and lines."""
    lines: list[str] = []
    imported = import_photos(photos, out, threads=1, tell=lines.append, **more)
    return [name for name, _ in imported.left], lines


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """All of them, of which one shows nothing of the rest."""
    folder = write_photos(tmp_path_factory.mktemp("photos") / "block", orbit())
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    Image.fromarray(noise).save(folder / "IMG_05b.png")
    return folder


@pytest.fixture(scope="module")
def begun(photos, tmp_path_factory) -> Path:
    """The scene of some of them, in metres by a length that is not told again."""
    few, out = tmp_path_factory.mktemp("few"), tmp_path_factory.mktemp("scenes") / "block"
    for i in FIRST:
        shutil.copy(photos / f"IMG_{i:02d}.png", few)
    run(few, out, known_length="IMG_03 IMG_05 1.7")
    return out


def check(scene: Path, begun: Path) -> None:
    """All that show the block have poses that are right, those of before in the places of before."""
    grown, before = load_scene(scene), load_scene(begun)
    names = [path.name for path in grown.files["image"].paths]
    assert sorted(names) == [f"IMG_{i:02d}.png" for i in range(10)]
    order = np.argsort(names)
    poses = grown.cameras.world_from_cam[order]
    degrees, off, _ = aligned(poses, orbit())
    assert degrees.max() < 0.5 and off.max() < 0.01
    size = np.ptp(before.cameras.centers, axis=0).max()
    moved = np.linalg.norm(poses[list(FIRST), :3, 3] - before.cameras.centers, axis=1)
    assert moved.max() < 0.01 * size
    assert len(np.unique(grown.cameras.fx)) == 1  # they share the camera of before
    assert not list((scene / "import").glob("*earlier*"))


def test_photos_that_are_added_join_the_poses_of_before(photos, begun, tmp_path, monkeypatch):
    out = shutil.copytree(begun, tmp_path / "scene")
    module, extracted, started = colmap.load(), [], []
    extract, mapping = module.extract_features, module.incremental_mapping

    def features(database, folder, files, **named):
        extracted.extend(files)
        return extract(database, folder, files, **named)

    def poses(*args, **named):
        started.append(named["input_path"])
        return mapping(*args, **named)

    monkeypatch.setattr(module, "extract_features", features)
    monkeypatch.setattr(module, "incremental_mapping", poses)
    left, lines = run(photos, out)
    assert any("4 photos were added: they join the poses of the 7" in line for line in lines)
    assert not any("starting over" in line for line in lines)
    assert left == ["IMG_05b"] and len(extracted) == 4 and started == [out / "import/models.earlier/0"]
    check(out, begun)


@pytest.mark.parametrize("stage", ["pictures", "poses"])
def test_stopped_as_photos_are_added_it_goes_on(photos, begun, tmp_path, stage):
    out = shutil.copytree(begun, tmp_path / "scene")
    seen = []

    def stop(words: str, part: float) -> None:
        seen.append(words)
        if words == stage and seen.count(stage) == (3 if stage == "pictures" else 1):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(photos, out, progress=stop)
    _, lines = run(photos, out)
    assert not any("starting over" in line for line in lines)
    check(out, begun)
