"""Frames that are held out are compared with, and take no part in anything else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from neurfield.errors import UserError
from neurfield.fitting import Run, fit
from neurfield.inputs.scene.scores import image_scores
from neurfield.scenes import Scene, load_scene
from tests.fitting.conftest import SMALL, write_sphere_scene

HELD_OUT = (2, 6, 10)  # of 12 frames, every fourth
OPTIONS = [*SMALL, "data.holdout_every=4"]


@pytest.fixture(scope="module")
def other_held_out(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """The sphere, but nonsense in the frames that are held out: in pictures, masks, depth and poses."""
    folder = write_sphere_scene(tmp_path_factory.mktemp("other") / "sphere")
    random = np.random.default_rng(0)
    path = folder / "transforms.json"
    data = json.loads(path.read_text())
    for i in HELD_OUT:
        rgba = random.integers(0, 256, (48, 48, 4)).astype(np.uint8)
        Image.fromarray(rgba).save(folder / "images" / f"{i:03d}.png")
        depth = random.integers(100, 5000, (48, 48)).astype(np.uint16)
        Image.fromarray(depth).save(folder / "images" / f"depth_{i:03d}.png")
        data["frames"][i]["transform_matrix"][0][3] += 0.7
    path.write_text(json.dumps(data))
    return load_scene(folder)


@pytest.mark.parametrize("start", ["fused_depth", "off"])
def test_what_is_in_them_changes_nothing(
    sphere_scene: Scene, other_held_out: Scene, tmp_path: Path, start: str
) -> None:
    options = {"steps": 12, "overrides": [*OPTIONS, f"points.fused_depth={start}"], "quiet": True}
    one, other = (
        fit(scene, "neus", out=tmp_path / name, **options)
        for name, scene in (("a", sphere_scene), ("b", other_held_out))
    )
    np.testing.assert_array_equal(one.task.scene.box, other.task.scene.box)
    for name, tensor in one.task.state().items():
        assert torch.equal(other.task.state()[name], tensor), name


def test_scores_are_of_them_and_say_so(sphere_scene: Scene, tmp_path: Path) -> None:
    run = fit(sphere_scene, "neus", steps=3, out=tmp_path, overrides=OPTIONS, quiet=True)
    asked: list[int] = []
    render = run.render

    def noted(camera: int, scale: float = 0.5) -> dict[str, np.ndarray]:
        asked.append(camera)
        return render(camera, scale)

    run.render = noted  # type: ignore[method-assign]
    scores = image_scores(run)
    assert tuple(asked) == HELD_OUT and scores["frames"] == "held out" and scores["count"] == 3
    names = {path.stem for path in (run.folder / "previews").glob("*.png")}
    assert names == {f"frame-{i:06d}" for i in HELD_OUT}
    again = Run.load(run.folder)
    assert tuple(again.held_out) == HELD_OUT and len(again.task.scene) == 9


@pytest.mark.parametrize(("frames", "every", "count"), [(24, (), 3), (23, (), 0), (24, ("0",), 0)])
def test_some_of_many_frames_are_held_out_unless_told_otherwise(
    tmp_path: Path, frames: int, every: tuple[str, ...], count: int
) -> None:
    scene = load_scene(write_sphere_scene(tmp_path / "sphere", frames))
    overrides = [*SMALL, *(f"data.holdout_every={n}" for n in every)]
    run = fit(scene, "neus", steps=2, out=tmp_path, overrides=overrides, quiet=True)
    assert len(run.held_out) == count and len(run.task.scene) == frames - count
    scores = image_scores(run)
    assert scores["frames"] == ("held out" if count else "fitted") and 0.0 < scores["gmsd"] < 1.0
    assert tuple(Run.load(run.folder).held_out) == tuple(run.held_out)


@pytest.mark.parametrize(("every", "said"), [(1, "2 or more"), (-2, "at least 0")])
def test_holding_out_every_frame_is_refused(
    sphere_scene: Scene, tmp_path: Path, every: int, said: str
) -> None:
    with pytest.raises(UserError, match=f"holdout_every.*{said}"):
        fit(sphere_scene, steps=2, out=tmp_path, overrides=[f"data.holdout_every={every}"], quiet=True)


@pytest.mark.parametrize(
    "key",
    ["train.log_every", "sampler.occupancy_every", "sampler.occupancy_resolution", "pixels.images_per_step"],
)
def test_counts_that_cannot_be_nothing(sphere_scene: Scene, tmp_path: Path, key: str) -> None:
    with pytest.raises(UserError, match=f"{key}.*at least 1"):
        fit(sphere_scene, steps=2, out=tmp_path, overrides=[f"{key}=0"], quiet=True)
    assert not list(tmp_path.iterdir())
