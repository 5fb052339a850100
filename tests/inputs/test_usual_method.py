"""The method of a fit where none is chosen: the input decides, and mistakes are told before it is read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neurfield.errors import UserError
from neurfield.inputs.image import ImageInput
from neurfield.inputs.methods import chosen_method
from neurfield.inputs.registry import INPUTS, WITH_PRIORS, WITHOUT_DEPTH
from neurfield.inputs.scene import SceneInput
from neurfield.scenes import Scene
from neurfield.scenes.images import FileList
from neurfield.scenes.scene import Kind
from tests.cli.test_verbs import Capture, refusal


def test_a_scene_without_depth_takes_another(sphere_scene: Scene) -> None:
    assert SceneInput.usual(sphere_scene) == (sphere_scene, None)
    outlined = sphere_scene.without("sensor_depth")
    assert "mask" in outlined.sources and SceneInput.usual(outlined) == (outlined, WITHOUT_DEPTH)
    pictures = outlined.without("mask")
    assert SceneInput.usual(pictures) == (pictures, WITHOUT_DEPTH)
    assert SceneInput.usual(sphere_scene.path)[1] is None
    assert WITHOUT_DEPTH in INPUTS["scene"].usual_ones


def test_a_room_with_priors_takes_them(sphere_scene: Scene) -> None:
    picture = sphere_scene.files["image"]
    files = {"image": picture, "prior_depth": picture}
    both = {**files, "prior_normal": picture}

    def usual(files: dict[str, FileList], kind: Kind) -> str | None:
        scene = Scene("some", sphere_scene.path, sphere_scene.cameras, files, kind=kind)
        return SceneInput.usual(scene)[1]

    assert usual(both, "inside") == WITH_PRIORS
    assert usual(files, "inside") == WITHOUT_DEPTH and usual(both, "outside") == WITHOUT_DEPTH
    assert usual({**both, "sensor_depth": picture}, "inside") is None


def test_outlines_tell_where_no_two_pictures_look_alike(sphere_scene: Scene) -> None:
    outlined = sphere_scene.without("sensor_depth")
    away = outlined.cameras.centers - outlined.box.mean(axis=0)
    away = away / np.linalg.norm(away, axis=1, keepdims=True)
    cosine = away @ away.T - 2.0 * np.eye(len(away))
    apart = outlined.with_frames(np.array([0, int(np.abs(cosine[0] - 0.3).argmin())]))
    assert SceneInput.usual(apart) == (apart, None)
    beside = outlined.with_frames(np.array(np.unravel_index(cosine.argmax(), cosine.shape)))
    assert SceneInput.usual(beside) == (beside, WITHOUT_DEPTH)


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        (("--set", "encoding=simplex"), "'encoding' is for methods that fit pictures"),
        (("--set", "train.stpes=7"), "did you mean 'steps'?"),
        (("--preset", "bets"), "bets"),
        (("--steps", "0"), "--steps 0: at least 1 is needed"),
        (("--device", "gpu"), "gpu"),
        (("--plugin", "nowhere_lab"), "--plugin nowhere_lab: it cannot be imported"),
    ],
)
def test_a_mistake_is_told_before_a_scene_is_made(
    mistake: tuple[str, str], said: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURFIELD_DATA", str(tmp_path / "data"))
    assert said in refusal(capsys, "fit", "--scene", "room0", "--out", str(tmp_path / "runs"), *mistake)
    assert not list(tmp_path.iterdir())


def test_what_one_of_the_usual_methods_has_is_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    only_rbf = ["encoding.kernels=9"]
    with pytest.raises(UserError, match=r"'encoding\.kernels' does not exist"):
        chosen_method(ImageInput, overrides=only_rbf)
    monkeypatch.setitem(INPUTS, "image", replace(INPUTS["image"], otherwise={"rbf": "now and then"}))
    assert chosen_method(ImageInput, overrides=only_rbf).method == "rbf"
    assert chosen_method(ImageInput).method == "hash"
    with pytest.raises(UserError, match=r"'encoding\.nothing' does not exist"):
        chosen_method(ImageInput, overrides=["encoding.nothing=9"])
