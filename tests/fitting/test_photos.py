"""A fit to photographs alone: what it takes by default, when it matches them, where its surface ends up."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from neurfield.fitting.task import Task
from neurfield.inputs import Run, fit, resume
from neurfield.inputs.registry import WITHOUT_DEPTH
from neurfield.inputs.scene import stereo
from neurfield.rendering import FarField
from neurfield.scenes import Scene, load_scene
from neurfield.stereo import StereoMaps, StereoSettings, match
from neurfield.stereo.stages import Progress
from tests.fitting.conftest import SMALL
from tests.stereo import made

STEREO = StereoSettings(planes=32, passes=1, geometric=0, refine=False, sources=4)
# Nothing here follows from the numbers of the preset.
SETTINGS = (
    *SMALL, "device=cpu", "sampler.samples=0", "points.fused_depth.count=2048", "points.fused_depth.until=0",
    "data.holdout_every=0", "polish.share=0",
)  # fmt: skip


@pytest.fixture
def matches(monkeypatch: pytest.MonkeyPatch) -> list[Scene]:
    """The scenes that are matched, which takes little here."""
    scenes: list[Scene] = []

    def counted(scene: Scene, settings: StereoSettings, progress: Progress) -> StereoMaps:
        scenes.append(scene)
        return match(scene, STEREO, progress=progress)

    monkeypatch.setattr(stereo, "match", counted)
    return scenes


def written_room(folder: Path) -> Scene:
    """A textured room on disk; its cameras look across its middle, as if at something that stood there."""
    read = load_scene(made.textured_room().write(folder / "room"))
    return Scene(read.name, read.path, read.cameras, read.files, box=read.box, kind="inside")


def test_its_surface_is_near_the_truth(
    tmp_path: Path, matches: list[Scene], capfd: pytest.CaptureFixture[str]
) -> None:
    scene, overrides = written_room(tmp_path), (*SETTINGS, "data.holdout_every=4")
    run = fit(scene, steps=150, out=tmp_path, overrides=overrides, quiet=True)
    assert run.config.method == WITHOUT_DEPTH and run.config.data.stereo
    assert [len(one) for one in matches] == [18] and not any(capfd.readouterr())
    depth = np.stack([run.render(i, scale=1.0)["depth"] for i in run.held_out.tolist()])
    true = made.textured_room().depth[run.held_out]
    # 0.74 of the pixels, and 0.30 by a fit that does not match pictures.
    assert len(true) == 6 and (np.abs(depth - true) < 0.02 * true).mean() > 0.6


def test_resumed_it_ends_where_an_uninterrupted_fit_ends(
    tmp_path: Path, matches: list[Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, step = made.mug("textured").write(tmp_path / "cup"), Task.step
    begin = partial(
        fit, path, WITHOUT_DEPTH, steps=20, overrides=(*SETTINGS, "train.save_every=5"), quiet=True
    )
    whole = begin(out=tmp_path / "a")
    Run.load(whole.folder).mesh(voxel=0.02)
    assert len(matches) == 1  # the box of a run is known, and a mesh asks for no more

    def stop_at_8(self: Task, number: int, progress: float) -> object:
        if number == 8:
            raise KeyError
        return step(self, number, progress)

    monkeypatch.setattr(Task, "step", stop_at_8)
    with pytest.raises(KeyError):
        begin(out=tmp_path / "b")
    monkeypatch.setattr(Task, "step", step)
    (folder,) = (tmp_path / "b" / "cup").glob(f"{WITHOUT_DEPTH}-*")
    again = resume(folder, quiet=True)
    assert len(matches) == 3
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert log[-1]["step"] == 20
    ours, theirs = whole.task.state(), again.task.state()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.slow
@pytest.mark.parametrize("gains", [(1.0, 1.0), (0.7, 1.4)])
def test_without_masks_it_says_what_is_learnt_besides_the_surface(
    tmp_path: Path, matches: list[Scene], capsys: pytest.CaptureFixture[str], gains: tuple[float, float]
) -> None:
    cup, truth = made.mug("textured").altered(gains=gains)
    path = cup.write(tmp_path / "cup", masks=False)
    run = fit(path, steps=30, out=tmp_path, overrides=SETTINGS)
    said, rays = capsys.readouterr().out, run.task.rays
    assert run.config.method == WITHOUT_DEPTH and len(matches) == 1
    assert isinstance(rays.background, FarField) and "(background.contracted)" in said
    changes = gains[0] != gains[1]
    assert rays.exposure.learns == changes and ("(exposure.affine)" in said) == changes
    if changes:
        log_gain = rays.exposure.log_gain.detach().mean(dim=1).numpy()
        found, true = log_gain - log_gain.mean(), np.log(truth) - np.log(truth).mean()
        assert np.abs(found - true).max() < 0.1
    else:
        assert not rays.exposure.log_gain.any() and not rays.exposure.offset.any()
