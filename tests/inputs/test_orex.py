"""The method orex as its users meet it: fitted, gone on with, meshed, reported, refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from neurfield import inputs
from neurfield.cli.main import main
from neurfield.errors import UserError
from neurfield.fields import IterativeField
from neurfield.parts import load_config
from neurfield.slices import cut, parallel_planes, write_csl

AT = np.array([5e5, 4.6e6, 300.0])
SMALL = (
    "device=cpu", "mesh.voxel=0.2", "field.hidden=[24,24]", "field.iterations=3", "field.state=8",
    "field.bands=3", "points.refined_slices.count=1024", "points.refined_slices.anywhere=300",
    "points.refined_slices.hull=1500", "train.log_every=1",
)  # fmt: skip


def sliced(mesh: trimesh.Trimesh, planes: int, path: Path, at: np.ndarray = AT) -> Path:
    mesh = mesh.copy()
    mesh.vertices = np.asarray(mesh.vertices) + at
    write_csl(cut(mesh, parallel_planes(np.asarray(mesh.bounds), planes), path.stem), path)
    return path


def fitted(path: Path, out: Path, steps: int, *more: str):  # type: ignore[no-untyped-def]
    return inputs.fit(
        path, "orex", input="slices", steps=steps, out=out, overrides=(*SMALL, *more), quiet=True
    )


def test_the_preset_has_the_papers_numbers() -> None:
    config = load_config("orex")
    field = config.needed("field").make()
    assert isinstance(field, IterativeField) and field.iterations == 10 and field.state == 32
    points, losses = config.many("points")["refined_slices"].numbers, config.many("losses")
    assert points["radii"] == [2.0**-k for k in (4, 5, 5, 6, 6, 7)] and points["around"] == [2, 2, 3, 3, 4, 5]
    assert points["epochs"] == [50, 50, 100, 100, 150, 200] and points["count"] == points["hull"] == 2**14
    assert (points["anywhere"], points["margin"], points["kept"]) == (2048, 0.05, 3)
    assert (points["rate"], points["rate_every"], config.train.lr_network) == (0.9, 10, 0.01)
    assert {label: part.weight for label, part in losses.items()} == {
        "iterated_sides": 1.0, "slope_hinge": 1e-4, "small_parameters": 1e-3,
    }  # fmt: skip
    assert losses["slope_hinge"].numbers == {"steepest": 100.0}
    assert config.needed("mesh").numbers["cells"] == 300
    assert config.train.lr_end == 1.0 and config.train.warmup == 0  # rates follow epochs alone


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["ball", "box"])
def test_a_thing_comes_back_from_its_slices_where_it_lies(tmp_path: Path, shape: str) -> None:
    mesh = (
        trimesh.creation.icosphere(3, 3.0)
        if shape == "ball"
        else trimesh.creation.box((6.0, 4.0, 5.0)).subdivide().subdivide().subdivide()
    )
    path = sliced(mesh, 9, tmp_path / f"{shape}.csl")
    run = fitted(path, tmp_path / "runs", 500)
    outcome = inputs.finish(run)
    assert not outcome.troubles and run.config.method == "orex"
    low, high = np.asarray(mesh.bounds) * 1.1
    # Beyond the outermost planes nothing is told but where the hull is.
    low[2], high[2] = (plane.offset for plane in parallel_planes(np.asarray(mesh.bounds), 9)[::8])
    places = np.random.default_rng(0).uniform(low, high, (3000, 3))
    unit = run.task.slices.frame.unit_from_world(places + AT)
    a, b = run.task.field.sdf(torch.from_numpy(unit).float()).numpy() < 0.0, mesh.contains(places)
    assert (a & b).sum() / (a | b).sum() > 0.9
    made = trimesh.load(run.folder / "mesh.ply", process=False)
    assert np.abs(np.asarray(made.vertices) - AT).max() < 3.5
    assert outcome.metrics["slices"]["contour_iou"] > 0.93


def test_the_command_fits_goes_on_and_meshes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = sliced(trimesh.creation.icosphere(2, 3.0), 5, tmp_path / "ball.csl")
    sets = [word for item in (*SMALL, "losses.slope_hinge.steepest=1.0") for word in ("--set", item)]
    words = ["fit", "--slices", str(path), "--method", "orex", "--out", str(tmp_path / "runs"), *sets]
    assert main([*words, "--steps", "40"]) in (0, 1)
    said = capsys.readouterr().out
    assert "points in 6 levels; all 650 epochs of them are" in said and "method orex" in said
    run = tmp_path / "runs" / "ball" / "latest"
    assert main(["fit", "--resume", str(run), "--steps", "80"]) in (0, 1)
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == 80 and set(lines[-1]["losses"]) == {
        "iterated_sides", "slope_hinge", "small_parameters",
    }  # fmt: skip
    assert lines[-1]["losses"]["iterated_sides"] < lines[0]["losses"]["iterated_sides"]
    assert max(line["losses"]["slope_hinge"] for line in lines) > 0.0
    surface = inputs.Run.load(run).input.surface()
    surface.extraction.voxel = 0.0
    assert surface.voxel() == pytest.approx(float(np.ptp(surface.box, axis=0).max()) / 300)
    capsys.readouterr()
    assert main(["mesh", str(run), "--voxel", "0.5"]) == 0
    assert "dual-contouring" in capsys.readouterr().out
    assert main(["mesh", str(run), "--voxel", "0.5", "--extractor", "marching-cubes"]) == 0
    assert main(["eval", str(run)]) == 0
    assert "IoU in planes" in (run / "report.html").read_text()


def test_a_fit_that_was_stopped_ends_as_one_that_was_not(tmp_path: Path) -> None:
    path = sliced(trimesh.creation.icosphere(1, 3.0), 4, tmp_path / "ball.csl")
    whole = fitted(path, tmp_path / "whole", 12, "train.save_every=6")
    half = tmp_path / "half"
    fitted(path, half, 12, "train.save_every=6")
    (folder,) = half.glob("ball/orex-*")
    for last in (folder / "checkpoints").glob("*12*"):
        last.unlink()
    again = inputs.resume(folder, quiet=True)
    for name, tensor in whole.task.state().items():
        assert torch.equal(tensor, again.task.state()[name]), name


def test_float64_is_fitted(tmp_path: Path) -> None:
    path = sliced(trimesh.creation.icosphere(1, 3.0), 4, tmp_path / "ball.csl")
    run = fitted(path, tmp_path / "runs", 3, "field.precision=float64")
    assert run.task.state()["field.first_logit"].dtype == torch.float64
    assert inputs.Run.load(run.folder).task.state()["field.first_logit"].dtype == torch.float64


def test_what_does_not_go_together_is_one_line(tmp_path: Path) -> None:
    path = sliced(trimesh.creation.icosphere(1, 3.0), 4, tmp_path / "ball.csl")
    with pytest.raises(UserError, match=r"'losses\.iterated_sides' looks at heads\.iterations"):
        fitted(path, tmp_path / "runs", 1, "field.part=sdf")
    with pytest.raises(UserError, match=r"'losses\.bending' looks at points\.between"):
        fitted(path, tmp_path / "runs", 1, "losses.bending=0.1")
    assert not (tmp_path / "runs").exists()
