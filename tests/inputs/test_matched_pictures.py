"""When a fit matches a scene's pictures, when it takes maps that lie beside them, and how often."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurfield.inputs.scene import stereo
from neurfield.inputs.scene.opened import OpenedScene
from neurfield.inputs.scene.stereo import stereo_of
from neurfield.parts import load_config
from neurfield.parts.groups import Data
from neurfield.pixels import fitted_and_held_out, used_sources
from neurfield.scenes import Scene, load_scene
from neurfield.stereo import StereoMaps, StereoSettings, match, stereo_settings
from neurfield.stereo.folder import write_maps
from tests.fitting.conftest import SMALL as FIELD
from tests.stereo import made

SMALL = StereoSettings(planes=16, passes=1, geometric=0, refine=False, sources=2)


@pytest.fixture(scope="module")
def matched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene with masks, and its maps."""
    path = made.mug("textured").write(tmp_path_factory.mktemp("matched") / "cup")
    scene = load_scene(path)
    (path / "stereo").mkdir()
    write_maps(match(scene, SMALL), scene, path / "stereo", "a fingerprint")
    return path


@pytest.fixture
def matches(monkeypatch: pytest.MonkeyPatch) -> list[Scene]:
    """The scenes whose pictures are matched from now on."""
    scenes: list[Scene] = []
    monkeypatch.setattr(
        stereo, "match", lambda scene, settings, progress: scenes.append(scene) or len(scenes)
    )
    return scenes


def asked(scene: Scene, data: Data) -> object:
    """What a fit that uses these sources gets when it asks twice; None where there is nothing to ask."""
    used = used_sources(scene, data)
    fitted, _ = fitted_and_held_out(len(used), data.holdout_every)
    gives = stereo_of(scene, used.with_frames(fitted), data)
    if gives is None:
        return None
    assert gives() is gives()
    return gives()


def test_maps_beside_the_scene_are_taken(matched: Path, matches: list[Scene]) -> None:
    scene = load_scene(matched)
    gives = stereo_of(scene, used_sources(scene, Data(stereo=True)), Data(stereo=True))
    assert gives is not None and not gives.were_read
    assert len(gives()) == len(scene) and gives() is gives()
    assert gives.were_read and not matches


def test_nobody_asks(sphere_scene: Scene, matched: Path, matches: list[Scene]) -> None:
    assert asked(load_scene(matched), Data()) is None
    assert asked(sphere_scene, Data(stereo=True)) is None  # it has depth
    assert not matches


def test_without_maps_pictures_are_matched_once(sphere_scene: Scene, matches: list[Scene]) -> None:
    assert asked(sphere_scene, Data(stereo=True, sensor_depth="off")) == 1
    assert len(matches) == 1 and len(matches[0]) == len(sphere_scene)


@pytest.mark.parametrize(
    ("data", "frames"),
    [(Data(stereo=True, holdout_every=4), 18), (Data(stereo=True), 21), (Data(stereo=True, mask=False), 21)],
)
def test_maps_that_looked_at_more_are_left_alone(
    data: Data, frames: int, matched: Path, matches: list[Scene]
) -> None:
    assert asked(load_scene(matched), data) == 1
    assert len(matches[0]) == frames and ("mask" in matches[0].sources) == data.mask


def test_maps_that_looked_at_a_sensor_are_left_alone_without_it(matched: Path, matches: list[Scene]) -> None:
    scene = load_scene(matched)
    sensed = scene.with_files({"sensor_depth": scene.files["stereo_depth"]})
    assert asked(sensed, Data(stereo=True, sensor_depth="off")) == 1
    assert "sensor_depth" not in matches[0].sources


def test_a_box_that_was_chosen_is_searched_also_when_the_run_goes_on(
    matched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenes: list[Scene] = []

    def searched(scene: Scene, settings: StereoSettings, progress: object) -> StereoMaps:
        scenes.append(scene)
        return match(scene, SMALL)

    monkeypatch.setattr(stereo, "match", searched)
    box = [0.3, -0.4, 0.7, 0.5, -0.2, 0.9]
    config = load_config("neus", overrides=[*FIELD, "data.stereo=true", f"data.box={box}"])
    for of_run in (None, np.stack([np.zeros(3), np.ones(3)])):
        opened = OpenedScene.of(config, load_scene(matched), of_run)
        assert len(scenes) == (0 if of_run is not None else 1)
        assert opened.task.stereo is not None and len(scenes) == 1
        assert scenes.pop().box_by_hand.ravel().tolist() == box
        expected = box if of_run is None else of_run.ravel().tolist()
        assert opened.task.scene.box.ravel().tolist() == expected


@pytest.mark.parametrize("preset", ["quick", "default", "best"])
def test_the_preset_of_a_fit_is_that_of_its_matching(
    preset: str, matched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[StereoSettings] = []

    def searched(scene: Scene, settings: StereoSettings, progress: object) -> StereoMaps:
        asked.append(settings)
        return match(scene, SMALL)

    monkeypatch.setattr(stereo, "match", searched)
    data = load_config("photos", preset).data
    scene = load_scene(matched, stereo=False)
    gives = stereo_of(scene, scene, data)
    assert gives is not None and gives()
    assert asked == [stereo_settings(preset)]


def test_a_picture_of_what_was_fitted_matches_nothing(sphere_scene: Scene, matches: list[Scene]) -> None:
    """A run that is opened for a film need not find again what its fit began with."""
    masked = ("data.sensor_depth=off", "data.stereo=true")
    config = load_config("photos", overrides=[*FIELD, *masked])
    opened = OpenedScene.of(config, sphere_scene, np.asarray(sphere_scene.box))
    assert opened.task.scene.sources.isdisjoint({"depth", "sensor_depth"})
    drawn = opened.see(sphere_scene.cameras, 0, 1.0)
    assert drawn["rgb"].shape[:2] == drawn["depth"].shape and not matches
