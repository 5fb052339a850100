"""A fit from end to end on a sphere: does it find the surface, and can it be stopped and continued without a
trace?"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from safetensors.torch import load_file, save_file

from neurfield.errors import UserError
from neurfield.fitting import FitFailed, FitInterrupted, Run, fit, resume
from neurfield.fitting.checkpoint import latest_checkpoint
from neurfield.fitting.fitter import Fitter
from neurfield.fitting.scene import SceneTask
from neurfield.inputs.scene import SceneInput
from neurfield.scenes import Scene
from tests.fitting.conftest import CENTRE, RADIUS, SMALL


def surface_error(mesh: trimesh.Trimesh) -> np.ndarray:
    return np.abs(np.linalg.norm(mesh.vertices - CENTRE, axis=1) - RADIUS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "overrides", "bound"),
    [
        ("neus", ["data.sensor_depth=off"], 0.02),
        ("volsdf", ["data.sensor_depth=off"], 0.02),
        ("neus", [], 0.008),
    ],
)
def test_a_sphere_is_found(
    sphere_scene: Scene, tmp_path: Path, method: str, overrides: list[str], bound: float
) -> None:
    run = fit(sphere_scene, method, steps=250, out=tmp_path, overrides=[*SMALL, *overrides], quiet=True)
    mesh = run.mesh(voxel=0.02)
    assert surface_error(mesh).mean() < bound
    assert mesh.is_watertight and mesh.volume > 0  # closed, normals outward
    loaded = Run.load(run.folder)
    assert repr(loaded) == f"Run(scene sphere, method {method}, 250 steps, {run.folder})"
    again = loaded.mesh(voxel=0.02)
    np.testing.assert_array_equal(again.vertices, mesh.vertices)
    np.testing.assert_array_equal(again.visual.vertex_colors, mesh.visual.vertex_colors)


@pytest.mark.slow
def test_rendered_depth_is_metric(sphere_scene: Scene, tmp_path: Path) -> None:
    run = fit(sphere_scene, "neus", steps=250, out=tmp_path, overrides=SMALL, quiet=True)
    drawn, true = run.render(3, scale=1.0), sphere_scene.depth(3, "noisy")
    assert true is not None
    both = (true > 0) & (drawn["depth"] > 0)
    assert both.sum() > 0.9 * (true > 0).sum()
    assert np.median(np.abs(drawn["depth"] - true)[both]) < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("method", ["neus", "volsdf"])
def test_the_width_can_be_learnt(sphere_scene: Scene, tmp_path: Path, method: str) -> None:
    overrides = [*SMALL, "passes.surface.learn=true", "data.sensor_depth=off"]
    run = fit(sphere_scene, method, steps=60, out=tmp_path, overrides=overrides, quiet=True)
    task = run.task
    assert task.rays is not None
    start = run.config.many("passes")["surface"].numbers["width_start"]
    learnt = task.rays.passes["surface"].at(task.moment(0, 1.0)).number
    assert 0.2 * start < learnt < 0.99 * start  # sharper than it began, and nowhere near the schedule's end


class _Stop(Exception):
    pass


@pytest.mark.slow
def test_resume_ends_where_an_uninterrupted_fit_ends(
    sphere_scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"steps": 40, "overrides": [*SMALL, "train.save_every=20"], "quiet": True}
    whole = fit(sphere_scene, "neus", out=tmp_path / "a", **options)
    step = SceneTask.step

    def stop_at_30(self: SceneTask, number: int, progress: float) -> object:
        if number == 30:
            raise _Stop
        return step(self, number, progress)

    monkeypatch.setattr(SceneTask, "step", stop_at_30)
    with pytest.raises(_Stop):
        fit(sphere_scene, "neus", out=tmp_path / "b", **options)
    monkeypatch.undo()
    folder = (tmp_path / "b" / sphere_scene.name / "latest").resolve()
    continued = resume(folder, quiet=True)
    for name, tensor in whole.task.state().items():
        torch.testing.assert_close(continued.task.state()[name], tensor, rtol=0, atol=0)
    assert [p.stem for p in sorted((folder / "checkpoints").glob("*.json"))] == ["step-000020", "step-000040"]


def test_ctrl_c_saves(sphere_scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = SceneTask.step

    def interrupt(self: SceneTask, number: int, progress: float) -> object:
        if number == 7:
            os.kill(os.getpid(), signal.SIGINT)
        return step(self, number, progress)

    monkeypatch.setattr(SceneTask, "step", interrupt)
    with pytest.raises(FitInterrupted) as caught:
        fit(sphere_scene, "neus", steps=20, out=tmp_path, overrides=SMALL, quiet=True)
    assert caught.value.step == 8 and caught.value.checkpoint.is_file()
    monkeypatch.undo()
    assert resume(tmp_path / sphere_scene.name / "latest", quiet=True).folder.exists()


def test_nan_stops_with_a_reason_and_keeps_the_good_checkpoint(
    sphere_scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = SceneTask.step

    def poison(self: SceneTask, number: int, progress: float) -> object:
        if number == 12:
            assert self.color is not None
            self.color.layers[0].weight.data.fill_(float("nan"))
        return step(self, number, progress)

    monkeypatch.setattr(SceneTask, "step", poison)
    with pytest.raises(FitFailed, match=r"step 12: the loss is not finite .*color.*step-000010"):
        fit(
            sphere_scene,
            "neus",
            steps=20,
            out=tmp_path,
            overrides=[*SMALL, "train.save_every=10"],
            quiet=True,
        )


def test_a_checkpoint_with_nan_is_never_written(sphere_scene: Scene, tmp_path: Path) -> None:
    from neurfield.parts import load_config

    run = SceneInput.of(load_config("neus", overrides=SMALL), sphere_scene)
    fitter = Fitter(run.task, run.config.train, tmp_path, quiet=True)
    run.task.field.encoding.table.data[5] = float("inf")
    with pytest.raises(FitFailed, match="no longer finite"):
        fitter.save()
    assert not list(tmp_path.rglob("*.safetensors"))


def test_log_and_description(sphere_scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = fit(sphere_scene, "neus", steps=20, out=tmp_path, overrides=[*SMALL, "train.log_every=10"])
    entries = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    assert [e["step"] for e in entries] == [1, 10, 20]
    assert all({"loss", "losses", "seconds"} <= e.keys() for e in entries)
    assert "psnr" not in entries[0]  # the fused depth alone, at first
    assert all({"psnr", "rays", "samples_per_ray"} <= e.keys() for e in entries[1:])
    assert {"threads", "kernels", "seconds_reading", "seconds_to_first_step"} <= entries[0].keys()
    assert "threads" not in entries[1]
    said = capsys.readouterr().out
    assert "look in at it" in said and "12 cameras" in said
    assert run.task.field.path in said and "ms a step" in said


def test_rehearsing_a_step_leaves_no_trace(sphere_scene: Scene, tmp_path: Path) -> None:
    options = {"steps": 12, "overrides": [*SMALL, "passes.surface.learn=true"]}
    silent = fit(sphere_scene, "neus", out=tmp_path / "a", quiet=True, **options)
    said = fit(sphere_scene, "neus", out=tmp_path / "b", **options)  # says how long, hence rehearses
    for name, tensor in silent.task.state().items():
        assert torch.equal(said.task.state()[name], tensor), name


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"method": "nues"}, "did you mean 'neus'"),
        ({"steps": 0}, "--steps 0"),
        ({"overrides": ["data.sensor_depth=exact"]}, "no exact depth"),
        ({"overrides": ["data.prior_depth=true"]}, "prior_depth"),
        ({"device": "cuda"}, "CUDA"),
    ],
)
def test_mistakes(sphere_scene: Scene, tmp_path: Path, change: dict[str, object], said: str) -> None:
    if "device" in change and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(UserError, match=said):
        fit(sphere_scene, **{"method": "neus", "steps": 5, "out": tmp_path, "quiet": True, **change})
    assert not list(tmp_path.iterdir())


def test_mesh_mistakes(sphere_scene: Scene, tmp_path: Path) -> None:
    run = fit(sphere_scene, "neus", steps=3, out=tmp_path, overrides=SMALL, quiet=True)
    for options in (
        {"voxel": 0.0},
        {"voxel": -1.0},
        {"voxel": 1e-6},
        {"voxel": 0.1, "resolution": 10},
        {"resolution": 0},
    ):
        with pytest.raises(UserError):
            run.mesh(**options)
    with pytest.raises(UserError):
        run.render(99)
    with pytest.raises(UserError, match="not a run"):
        Run.load(tmp_path)


def test_a_checkpoint_that_lacks_something_is_one_clear_line(sphere_scene: Scene, tmp_path: Path) -> None:
    run = fit(sphere_scene, "neus", steps=2, out=tmp_path, overrides=SMALL, quiet=True)
    path = latest_checkpoint(run.folder / "checkpoints")
    assert path is not None
    tensors = load_file(path)
    del tensors["task/sampler.occupancy"]
    save_file(tensors, path)
    with pytest.raises(UserError, match="fit anew"):
        Run.load(run.folder)
