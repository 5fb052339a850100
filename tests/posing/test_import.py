"""Photos of a known scene: poses are found, the scene is written, and work that was stopped goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurfield.errors import UserError
from neurfield.posing import Imported, colmap, import_photos
from neurfield.scenes import check_scene, load_scene
from tests.posing.textured import BLOCK, FOCAL, ROOM, aligned, orbit, turning, write_photos

pytest.importorskip("pycolmap", reason="pip install neurfield[photos]")
pytestmark = pytest.mark.slow
BEND = -0.1


def run(photos: Path, out: Path, **more) -> tuple[Imported, list[str]]:
    lines: list[str] = []
    return import_photos(photos, out, threads=1, tell=lines.append, **more), lines


@pytest.fixture(scope="session")
def photos(tmp_path_factory) -> Path:
    return write_photos(tmp_path_factory.mktemp("photos") / "block", orbit(), bend=BEND)


@pytest.fixture(scope="session")
def imported(photos, tmp_path_factory) -> tuple[Imported, list[str]]:
    return run(photos, tmp_path_factory.mktemp("scenes") / "block")


@pytest.fixture
def work(imported, tmp_path) -> Path:
    """A copy of the finished scene."""
    return shutil.copytree(imported[0].scene, tmp_path / "block")


def test_poses_are_found_up_to_a_similarity(imported):
    scene = load_scene(imported[0].scene)
    degrees, off, _ = aligned(scene.cameras.world_from_cam, orbit())
    assert len(scene) == len(orbit()) and not imported[0].left and not imported[0].doubts
    assert degrees.max() < 0.5 and off.max() < 0.01
    np.testing.assert_allclose(scene.cameras.fx, FOCAL, rtol=0.01)


def test_the_scene_is_of_pinhole_cameras_with_points_on_the_surfaces(imported):
    scene = load_scene(imported[0].scene)
    assert scene.cameras.distortion is None and scene.points is not None and len(scene.points) > 300
    _, _, scale = aligned(scene.cameras.world_from_cam, orbit())
    # Carried into the true world by one camera, found and true.
    truth, found = orbit()[0], scene.cameras.world_from_cam[0]
    inside = (scene.points - found[:3, 3]) @ found[:3, :3]
    points = truth[:3, 3] + scale * inside @ truth[:3, :3].T
    outside = np.maximum(BLOCK[0] - points, points - BLOCK[1])
    to_block = np.where(outside.max(1) > 0, np.linalg.norm(outside.clip(0), axis=1), -outside.max(1))
    to_wall = np.minimum(np.abs(points - ROOM[0]), np.abs(points - ROOM[1])).min(1)
    assert (to_block < 0.01).sum() > 50
    assert np.percentile(np.minimum(to_block, to_wall), 90) < 0.03
    error = scene.tracks.errors(scene.cameras, scene.points)
    assert len(error) > 3 * len(scene.points) and np.median(error) < 0.3 and error.max() < 8.0
    found = check_scene(scene)
    assert any("sparse points" in one.what or one.where == "sparse points" for one in found)
    assert not [one for one in found if one.level == "error"]


def test_up_is_written_and_the_world_is_not_turned(imported):
    scene = load_scene(imported[0].scene)
    truth, found = orbit()[3], scene.cameras.world_from_cam[3]
    up = truth[:3, :3] @ found[:3, :3].T @ scene.up
    assert np.degrees(np.arccos(up[2])) < 2.0
    np.testing.assert_allclose(scene.up, imported[0].up)


def test_costs_are_said_first_and_the_lens_is(imported):
    lines = imported[1]
    assert "10 photos: 10 of 320x240" in lines[0]
    assert any("45 pairs, 1 threads: about" in line and "memory" in line for line in lines[:4])
    assert any("the lens bends corners by 9" in line for line in lines)


def stages(monkeypatch) -> list[str]:
    """The calls of COLMAP, as they come."""
    module, called = colmap.load(), []

    def watched(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def spy(*args: Any, **named: Any) -> Any:
            called.append(name)
            return call(*args, **named)

        return spy

    for name in ("extract_features", "match_image_pairs", "incremental_mapping", "undistort_images"):
        monkeypatch.setattr(module, name, watched(name, getattr(module, name)))
    return called


def test_done_is_done(photos, work, monkeypatch):
    called = stages(monkeypatch)
    before = (work / "transforms.json").read_bytes(), (work / "images/IMG_03.png").stat().st_mtime_ns
    run(photos, work)
    assert not called
    after = (work / "transforms.json").read_bytes(), (work / "images/IMG_03.png").stat().st_mtime_ns
    assert before == after


@pytest.mark.parametrize("stage", ["pictures", "features", "matches", "poses"])
def test_stopped_in_any_stage_it_goes_on(photos, tmp_path, monkeypatch, stage):
    few = tmp_path / "few"
    few.mkdir()
    for i in range(4):
        shutil.copy(photos / f"IMG_{i:02d}.png", few)
    monkeypatch.setattr(import_module("neurfield.posing.import_photos"), "PAIRS_AT_ONCE", 1)
    out, seen = tmp_path / "scene", []

    def stop(words: str, part: float) -> None:
        seen.append(words)
        if words == stage and seen.count(stage) == (1 if stage == "poses" else 2):
            raise KeyboardInterrupt

    called = stages(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        run(few, out, progress=stop)
    assert [entry.name for entry in out.iterdir()] == ["import"]  # nothing under the names of a scene
    before = list(called)
    called.clear()
    run(few, out)
    assert len(load_scene(out)) == 4
    done = {"pictures": (0, 0), "features": (1, 0), "matches": (2, 1), "poses": (2, 6)}[stage]
    assert before.count("extract_features") == done[0] and called.count("extract_features") == 2 - done[0]
    assert before.count("match_image_pairs") == done[1] and called.count("match_image_pairs") == 6 - done[1]


def test_stopped_between_poses_it_goes_on_from_those_that_were_found(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(colmap, "SNAPSHOT_AFTER", 2)
    more, out, module = colmap._Counted.one_more, tmp_path / "scene", colmap.load()

    def stop(self: Any) -> None:
        more(self)
        if self.found == 6:
            raise KeyboardInterrupt

    monkeypatch.setattr(colmap._Counted, "one_more", stop)
    with pytest.raises(KeyboardInterrupt):
        run(photos, out)
    snapshots = sorted((out / "import/snapshots").iterdir())
    assert len(snapshots) >= 2
    for cut in snapshots[-1].glob("points3D.bin"):  # a process that ended as it wrote its last
        cut.write_bytes(cut.read_bytes()[:-40])
    monkeypatch.setattr(colmap._Counted, "one_more", more)
    begun, mapping = [], module.incremental_mapping

    def spy(*args: Any, **named: Any) -> Any:
        begun.append(named["input_path"])
        return mapping(*args, **named)

    monkeypatch.setattr(module, "incremental_mapping", spy)
    run(photos, out)
    assert begun == [snapshots[-2]]
    degrees, off, _ = aligned(load_scene(out).cameras.world_from_cam, orbit())
    assert len(degrees) == 10 and degrees.max() < 0.5 and off.max() < 0.01
    assert not (out / "import/snapshots").exists()


def test_a_half_written_scene_is_none_and_is_written_again(photos, work, monkeypatch):
    from neurfield.posing import write

    def fail(*_):
        raise KeyboardInterrupt

    (work / "transforms.json").unlink()
    monkeypatch.setattr(write, "write_points", fail)
    with pytest.raises(KeyboardInterrupt):
        run(photos, work)
    assert not (work / "transforms.json").exists() and not list((work / "import").glob("*.part"))
    monkeypatch.undo()
    run(photos, work)
    assert len(load_scene(work)) == 10


def test_other_photos_start_over_and_say_so(photos, work, tmp_path, monkeypatch):
    fewer = shutil.copytree(photos, tmp_path / "fewer")
    for i in range(5, 10):
        (fewer / f"IMG_{i:02d}.png").unlink()
    called = stages(monkeypatch)
    imported, lines = run(fewer, work)
    assert any("starting over" in line for line in lines)
    assert imported.numbers.pictures == 5 and "extract_features" in called
    assert len(list((work / "images").iterdir())) == 5


def test_a_known_distance_of_two_photos_gives_metres(photos, work, monkeypatch):
    called = stages(monkeypatch)
    true = float(np.linalg.norm(orbit()[0, :3, 3] - orbit()[8, :3, 3]))
    imported, _ = run(photos, work, known_length=f"IMG_00.png img_08 {true}")
    assert imported.metres and set(called) == {"undistort_images"}
    scene = load_scene(work)
    assert abs(aligned(scene.cameras.world_from_cam, orbit())[2] - 1.0) < 0.005
    assert np.ptp(scene.points[:, 0]) < 8.0  # metres, as the room
    assert json.loads((work / "transforms.json").read_text())["import"]["unit"] == "metre"


def test_two_points_in_two_photos_give_metres(photos, work):
    corners = np.array([[0.4, 0.45, 0.7], [0.4, -0.35, 0.7]])
    words = []
    for i in (1, 5):
        inside = (corners - orbit()[i, :3, 3]) @ orbit()[i, :3, :3]
        flat = inside[:, :2] / inside[:, 2:]
        bent = FOCAL * flat * (1.0 + BEND * (flat**2).sum(1, keepdims=True)) + [160.0, 120.0]
        words += [f"IMG_{i:02d}", *(f"{x:.1f},{y:.1f}" for x, y in bent)]
    run(photos, work, known_length=" ".join([*words, "0.8"]))
    assert abs(aligned(load_scene(work).cameras.world_from_cam, orbit())[2] - 1.0) < 0.01
    words[1] = "20.0,20.0"
    with pytest.raises(UserError, match="not the point given in the other photo"):
        run(photos, work, known_length=" ".join([*words, "0.8"]))


def test_turning_on_the_spot_is_named(tmp_path):
    photos = write_photos(tmp_path / "turned", turning(6))
    with pytest.raises(UserError, match="pure rotation"):
        run(photos, tmp_path / "scene")
    assert not (tmp_path / "scene" / "transforms.json").exists()
