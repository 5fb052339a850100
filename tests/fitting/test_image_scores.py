"""Pictures are scored where the fit has not looked, if there is such a place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neurfield.fitting import fit
from neurfield.inputs import Run
from neurfield.inputs.scene.scores import image_scores
from neurfield.scenes import Scene
from tests.fitting.conftest import SMALL


def tiny(scene: Scene, folder: Path, every: int) -> Run:
    """A fit that has hardly begun."""
    overrides = [*SMALL, f"data.holdout_every={every}", "data.sensor_depth=off"]
    return fit(scene, "neus", steps=2, out=folder, overrides=overrides, quiet=True)


def scored(run: Run) -> list[int]:
    return sorted(int(path.stem.split("-")[1]) for path in (run.folder / "previews").glob("frame-*.png"))


def test_held_out_frames_are_scored_where_there_are_any(sphere_scene: Scene, tmp_path: Path) -> None:
    run = tiny(sphere_scene, tmp_path, every=4)
    found = image_scores(run)
    assert scored(run) == [2, 6, 10]  # the middle one of every four
    assert found["frames"] == "held out" and found["count"] == 3


def test_fitted_frames_are_scored_where_none_is_held_out_and_named_so(
    sphere_scene: Scene, tmp_path: Path
) -> None:
    run = tiny(sphere_scene, tmp_path, every=0)
    found = image_scores(run)
    assert found["frames"] == "fitted" and found["count"] == len(scored(run)) == 8


def test_a_perfect_picture_is_perfect_and_a_darker_one_is_not(
    sphere_scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tiny(sphere_scene, tmp_path, every=4)
    less = 0

    def render(self: Run, camera: int, scale: float = 0.5) -> dict[str, np.ndarray]:
        true = sphere_scene.image(camera)
        size = (round(true.shape[1] * scale), round(true.shape[0] * scale))
        rgb = np.asarray(Image.fromarray(true).resize(size, Image.Resampling.BOX)).astype(int)
        rgb = np.clip(rgb - less, 0, 255).astype(np.uint8)
        return {"rgb": rgb, "normal": np.zeros(rgb.shape, np.float32), "depth": np.zeros(rgb.shape[:2])}

    monkeypatch.setattr(Run, "render", render)
    assert image_scores(run)["psnr"] == float("inf")
    less = 20
    assert image_scores(run)["psnr"] < 35.0
