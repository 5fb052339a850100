"""Priors that say the wrong thing end a fit before anything is matched; those of some frames serve."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurfield.errors import UserError
from neurfield.fitting import fit
from neurfield.inputs.scene import opened
from neurfield.scenes import Scene
from neurfield.scenes.images import FileList
from tests.fitting.round_scenes import RoundScene
from tests.fitting.test_priors_fit import OVERRIDES


def plain(seen: dict[str, np.ndarray]) -> np.ndarray:
    return np.full((*seen["z"].shape, 3), 120, np.uint8)


@pytest.mark.parametrize(
    ("source", "wrong", "says"),
    [
        ("prior_depth", lambda seen: 1.0 / seen["z"], r"prior_depth: .*disparity.*data\.prior_depth=false"),
        ("prior_depth", lambda seen: 0.0 * seen["z"], r"prior_depth: all .* of one value"),
        ("prior_normal", lambda seen: -seen["camera_normal"], r"turned round.*data\.prior_normal=false"),
        ("prior_normal", lambda seen: seen["world_normal"], r"the world's axes.*data\.prior_normal=false"),
    ],
)
def test_wrong_priors_are_refused_before_pictures_are_matched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, wrong: object, says: str
) -> None:
    room = RoundScene((1.95, 1.35, 1.35))
    scene = room.scene(
        "prior_depth", "prior_normal", folder=tmp_path / "room", image=plain, **{source: wrong}
    )
    monkeypatch.setattr(opened, "stereo_of", lambda *_: pytest.fail("pictures are matched"))
    with pytest.raises(UserError, match=says) as caught:
        fit(scene, "priors", steps=2, out=tmp_path / "runs", overrides=OVERRIDES, quiet=True)
    assert "\n" not in str(caught.value) and not (tmp_path / "runs").exists()


def test_what_is_not_used_stops_nothing(tmp_path: Path) -> None:
    room = RoundScene((1.95, 1.35, 1.35))
    scene = room.scene(
        "prior_depth", "prior_normal", folder=tmp_path / "room", image=plain,
        prior_normal=lambda seen: -seen["camera_normal"],
    )  # fmt: skip
    without = [*OVERRIDES, "data.prior_normal=false"]
    run = fit(scene, "monosdf", steps=2, out=tmp_path / "runs", overrides=without, quiet=True)
    assert (run.folder / "checkpoints").is_dir()


def test_frames_without_priors_are_fitted_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    room = RoundScene((1.95, 1.35, 1.35))
    whole = room.scene("prior_depth", "prior_normal", folder=tmp_path / "room", image=plain)
    files: dict[str, FileList] = {}
    for source, listed in whole.files.items():
        gone = {"prior_depth": (3,), "prior_normal": (3, 7)}.get(source, ())
        paths = tuple(None if i in gone else path for i, path in enumerate(listed.paths))
        files[source] = FileList(paths, listed.read)
    scene = Scene("round", whole.path, whole.cameras, files, box=whole.box, kind="inside")
    run = fit(scene, "monosdf", steps=2, out=tmp_path / "runs", overrides=OVERRIDES)
    said = capsys.readouterr().out
    assert (run.folder / "checkpoints").is_dir()
    assert "prior_depth: 1 of 12 frames have none" in said and "prior_normal: 2 of 12 frames" in said
    assert "11 of 12 prior depth maps" in said
