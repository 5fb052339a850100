"""Shapes as an input: fitted, meshed where they lie, measured, gone on with, and refused with a reason."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from neurfield import inputs
from neurfield.cli.main import main
from neurfield.errors import UserError
from neurfield.fitting.task import Task
from neurfield.inputs.run import open_surface
from neurfield.inputs.shape import ShapeInput
from neurfield.report import write_report
from neurfield.shapes import Shape
from neurfield.viewer.content import content_of
from tests.cli.test_verbs import Capture, refusal

SETTINGS = (
    "mesh.voxel=0.15", "device=cpu", "field.levels=3", "field.log2_table_size=15", "field.start_levels=2",
    "field.finest_resolution=32", "field.hidden=[32,32]",
)  # fmt: skip
MESH = (*SETTINGS, "points.mesh_samples.count=1024", "points.mesh_samples.pool=8192")
CLOUD = (*SETTINGS, "points.cloud.count=1024", "points.cloud.pool=8192")
FAR = np.array([5e5, 4.6e6, 300.0])
BALL = trimesh.creation.icosphere(3, 3.0)


def write(path: Path, mesh: trimesh.Trimesh) -> Path:
    shape = Shape("a", np.asarray(mesh.vertices), np.asarray(mesh.faces))
    np.savez(path, points=shape.vertices, faces=shape.faces)
    return path


@pytest.fixture
def ball(tmp_path: Path) -> Path:
    mesh = BALL.copy()
    mesh.vertices = np.asarray(mesh.vertices) + FAR
    return write(tmp_path / "ball.npz", mesh)


def fitted(source: object, out: Path, steps: int, *more: str, settings: tuple[str, ...] = MESH, **options):  # type: ignore[no-untyped-def]
    overrides = [*settings, *more]
    return inputs.fit(
        source, input="shape", steps=steps, out=out, overrides=overrides, quiet=True, **options
    )  # fmt: skip


def radii(mesh: trimesh.Trimesh, middle: np.ndarray = FAR) -> np.ndarray:
    return np.linalg.norm(np.asarray(mesh.vertices) - middle, axis=1)


def test_a_mesh_comes_back_where_its_file_has_it(ball: Path, tmp_path: Path) -> None:
    run = fitted(ball, tmp_path / "runs", 300)
    outcome = inputs.finish(run)
    assert not outcome.troubles and run.config.method == "shape"
    mesh = trimesh.load(run.folder / "mesh.ply", process=False)
    assert radii(mesh).mean() == pytest.approx(3.0, rel=0.01) and radii(mesh).std() < 0.05
    assert mesh.volume > 0.0
    geometry = outcome.metrics["geometry"]
    assert geometry["iou"] > 0.97 and geometry["chamfer_percent"] < 0.5
    assert geometry["chamfer_percent"] == pytest.approx(
        100.0 * geometry["chamfer_l1"] / np.linalg.norm([6.0, 6.0, 6.0]), rel=0.02
    )
    assert geometry["f_score@1%"] > geometry["f_score@0.1%"]
    assert run.mesh().metadata["extractor"] == "dual-contouring"
    assert run.mesh(memory="64GB").metadata["extractor"] == ""  # cubes, which alone keep within it
    page = re.sub('<span class="flag">([^<]*)</span>', r"\1", write_report(run.folder).read_text())
    assert f"neurfield fit --shape {ball}" in page and "IoU" in page
    surface = content_of(run.folder).surface
    assert surface is not None and len(surface.faces) == len(mesh.faces)


def test_numbers_are_those_of_every_mesh(ball: Path, tmp_path: Path) -> None:
    from neurfield.inputs.shape.results import numbers, numbers_against

    shape, _ = ShapeInput.usual(ball)
    mesh = trimesh.creation.icosphere(2, 3.1)
    mesh.vertices = np.asarray(mesh.vertices) + FAR
    truth = trimesh.Trimesh(shape.shape.vertices, shape.shape.faces, process=False)
    quick, usual = numbers(mesh, shape), numbers_against(mesh, truth, shape.shape.diagonal)
    assert quick.keys() == usual.keys()
    for key, value in usual.items():
        assert quick[key] == pytest.approx(value, rel=0.02, abs=1e-3), key


def test_an_iou_tells_too_small_from_too_large(ball: Path, tmp_path: Path) -> None:
    from neurfield.inputs.shape.results import intersection_over_union

    shape, _ = ShapeInput.usual(ball)
    assert shape.sides.trusted
    for factor in (1.0, 0.9, 1.1):
        mesh = BALL.copy()
        mesh.vertices = np.asarray(mesh.vertices) * factor + FAR
        expected = min(factor, 1.0 / factor) ** 3
        assert intersection_over_union(mesh, shape) == pytest.approx(expected, abs=0.01)


def test_an_iou_of_a_thin_thing_errs_little(tmp_path: Path) -> None:
    from neurfield.inputs.shape.results import intersection_over_union

    ring = trimesh.creation.torus(1.0, 0.02, 128, 64)  # 1 % of its box
    ring.export(tmp_path / "ring.ply")
    shape, _ = ShapeInput.usual(tmp_path / "ring.ply")
    thicker = trimesh.creation.torus(1.0, 0.0202, 128, 64)
    found = [intersection_over_union(thicker, shape, seed) for seed in range(4)]
    assert found == pytest.approx([1.0 / 1.01**2] * 4, abs=0.0025)


def test_resumed_it_ends_where_an_uninterrupted_fit_ends(
    ball: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, step = fitted(ball, tmp_path / "a", 20, "train.save_every=5"), Task.step

    def stop_at_12(self: Task, number: int, progress: float) -> object:
        if number == 12:
            raise KeyError
        return step(self, number, progress)

    monkeypatch.setattr(Task, "step", stop_at_12)
    with pytest.raises(KeyError):
        fitted(ball, tmp_path / "b", 20, "train.save_every=5")
    monkeypatch.setattr(Task, "step", step)
    continued = inputs.resume(tmp_path / "b" / "ball" / "latest", quiet=True)
    for name, tensor in whole.task.state().items():
        assert torch.equal(continued.task.state()[name], tensor)


def test_a_moved_shape_is_asked_for_and_another_one_refused(
    ball: Path, tmp_path: Path, capsys: Capture
) -> None:
    run = fitted(ball, tmp_path / "runs", 2).folder
    place = ball.rename(tmp_path / "elsewhere.npz")
    assert "say where it is now with --shape FILE" in refusal(capsys, "fit", "--resume", str(run))
    other = write(tmp_path / "other.npz", trimesh.creation.box())
    assert "another than the run's" in refusal(capsys, "fit", "--resume", str(run), "--shape", str(other))
    inputs.resume(run, 3, quiet=True, scene=place)
    assert json.loads((run / "run.json").read_text())["shape"] == str(place)
    assert open_surface(run).field is not None  # what has no colours needs no file


def test_a_shape_from_python_is_kept_by_its_run(tmp_path: Path) -> None:
    colors = np.zeros((len(BALL.vertices), 3), np.uint8)
    shape = Shape("made", np.asarray(BALL.vertices), np.asarray(BALL.faces), colors=colors)
    run = fitted(shape, tmp_path / "runs", 2)
    moved = run.folder.resolve().rename(tmp_path / "moved")
    again = inputs.Run.load(moved)
    assert np.array_equal(again.shape.shape.vertices, BALL.vertices) and again.shape.shape.colors is not None


def test_colours_of_a_mesh_are_those_of_the_surface_there(tmp_path: Path) -> None:
    colors = np.zeros((len(BALL.vertices), 3), np.uint8)
    colors[:, 0] = np.clip(128 + 40 * np.asarray(BALL.vertices)[:, 2], 0, 255)
    shape = Shape("made", np.asarray(BALL.vertices), np.asarray(BALL.faces), colors=colors)
    run = fitted(shape, tmp_path / "runs", 100)
    mesh = run.mesh(resolution=40)
    expected = 128.0 + 40.0 * np.asarray(mesh.vertices)[:, 2]
    assert np.abs(mesh.visual.vertex_colors[:, 0] - expected).mean() < 4.0
    assert not run.mesh(resolution=40, color="none").visual.defined
    (run.folder / "shape.npz").unlink()
    with pytest.raises(UserError, match="no longer at"):
        open_surface(run.folder).mesh(resolution=40)
    assert len(open_surface(run.folder).mesh(resolution=40, color="none").faces)


def test_the_usual_method_is_by_what_the_file_is(ball: Path, tmp_path: Path) -> None:
    half = trimesh.Trimesh(BALL.vertices, BALL.faces[BALL.triangles_center[:, 2] > 0.0])
    np.savez(tmp_path / "cloud.npz", points=BALL.vertices)
    chosen = {
        "shape": ball, "shape-udf": write(tmp_path / "half.npz", half), "cloud": tmp_path / "cloud.npz",
    }  # fmt: skip
    for method, path in chosen.items():
        assert (ShapeInput.usual(path)[1] or "shape") == method


def assert_distances(fitted: torch.Tensor, true: torch.Tensor) -> None:
    """As good as a field of 32 cells along the box has them: within a quarter, and no false surface."""
    assert float((fitted - true).abs().mean()) < 0.25 * float(true.mean())
    assert float((fitted[true > 0.15] > 0.05).float().mean()) > 0.98


def test_an_open_mesh_has_distances_without_sides(tmp_path: Path, capsys: Capture) -> None:
    half = trimesh.Trimesh(BALL.vertices, BALL.faces[BALL.triangles_center[:, 2] > 0.0])
    path = write(tmp_path / "half.npz", half)
    settings = [word for item in MESH for word in ("--set", item)]
    out = tmp_path / "runs"
    assert main(["fit", "--shape", str(path), "--steps", "600", "--out", str(out), *settings]) == 0
    said = capsys.readouterr().out
    assert "method shape-udf" in said and "shell" not in said
    run = inputs.Run.load(out / "half" / "latest")
    low, high = torch.tensor(run.shape.unit_box).view(2, 3)
    points = low + (high - low) * torch.rand(2000, 3, generator=torch.Generator().manual_seed(0))
    fitted_there = run.field.sdf(points)
    assert float(fitted_there.min()) >= 0.0 and run.field.sign == "unsigned"
    assert_distances(fitted_there, run.shape.distance(points))
    usual = run.input.surface()
    usual.extraction.voxel = 0.0
    assert usual.voxel() > 2.0 * 2.0 * run.shape.frame.half / 512  # as coarse as its noise asks for
    mesh = run.mesh(resolution=48)
    near = np.abs(radii(mesh, np.zeros(3)) - 3.0)
    assert (
        np.median(near) < 0.3
        and "iou" not in json.loads((run.folder / "metrics.json").read_text())["geometry"]
    )
    assert main(
        ["fit", "--shape", str(path), "--field", "sdf", "--steps", "1", "--out", str(out), *settings]
    ) in (0, 2)
    assert "so what is inside is a guess: --field udf needs no inside" in " ".join(
        capsys.readouterr().out.split()
    )


def test_what_is_inside_is_enough(ball: Path, tmp_path: Path) -> None:
    run = fitted(ball, tmp_path / "runs", 150, method="shape-occupancy")
    assert radii(run.mesh(resolution=40)).mean() == pytest.approx(3.0, rel=0.03)
    assert "occupancy" in (run.folder / "log.jsonl").read_text()


def cloud(path: Path, normals: bool, count: int = 3000) -> Path:
    points, faces = trimesh.sample.sample_surface(BALL, count, seed=0)
    more = {"normals": BALL.face_normals[faces]} if normals else {}
    np.savez(path, points=points + FAR, colors=np.full((count, 3), 77, np.uint8), **more)
    return path


@pytest.mark.parametrize("normals", [True, False])
def test_a_cloud_becomes_a_surface_with_its_colours(normals: bool, tmp_path: Path, capsys: Capture) -> None:
    path = cloud(tmp_path / "dots.npz", normals)
    run = fitted(path, tmp_path / "runs", 250, settings=CLOUD)
    assert run.config.method == "cloud"
    mesh = run.mesh(resolution=40)
    assert radii(mesh).mean() == pytest.approx(3.0, rel=0.03) and mesh.volume > 0.0
    assert (mesh.visual.vertex_colors[:, 0] == 77).all()
    losses = json.loads((run.folder / "log.jsonl").read_text().splitlines()[-1])["losses"]
    assert "shape_sdf" in losses and "surface_axis" not in losses
    assert any("without normals" in line for line in run.input.warnings()) == (not normals)


def test_a_cloud_without_sides(tmp_path: Path) -> None:
    run = fitted(
        cloud(tmp_path / "dots.npz", False), tmp_path / "runs", 600, settings=CLOUD, method="shape-udf"
    )
    unit = 3.0 / run.shape.frame.half
    points = torch.rand(2000, 3, generator=torch.Generator().manual_seed(0)) * 2.0 - 1.0
    assert_distances(run.field.sdf(points), (points.norm(dim=1) - unit).abs())


def test_an_occupancy_of_points_whose_sides_nobody_finds_is_refused(tmp_path: Path, capsys: Capture) -> None:
    path = cloud(tmp_path / "dots.npz", False)
    words = ["--field", "occupancy", "--set", "points.cloud.orient=false", "--out", str(tmp_path / "o")]
    said = refusal(capsys, "fit", "--shape", str(path), *words)
    assert "its points say nothing of what is inside" in said
    assert not (tmp_path / "o").exists()


def test_mistakes_are_told_in_one_line(ball: Path, tmp_path: Path, capsys: Capture) -> None:
    shape = str(ball)
    assert "--shape and --scene" in refusal(capsys, "fit", "--shape", shape, "--scene", "room0").replace(
        "--scene and --shape", "--shape and --scene"
    )
    assert "it fits surfaces, and a shape wants one for meshes and clouds" in refusal(
        capsys, "fit", "--shape", shape, "--method", "neus"
    )
    assert "it fits meshes and clouds, and a scene wants one" in refusal(
        capsys, "fit", "--scene", "room0", "--method", "shape"
    )
    assert "--field goes with --shape" in refusal(capsys, "fit", "--scene", "room0", "--field", "udf")
    assert "did you mean 'occupancy'" in refusal(capsys, "fit", "--shape", shape, "--field", "ocupancy")
    assert "there are: sdf, occupancy, udf" in refusal(capsys, "fit", "--shape", shape, "--field", "picture")
    assert "there is no such file" in refusal(capsys, "fit", "--shape", str(tmp_path / "none.ply"))
    (tmp_path / "a.ply").write_bytes(b"no mesh")
    assert "not a readable ply" in refusal(capsys, "fit", "--shape", str(tmp_path / "a.ply"))


@pytest.mark.parametrize("which", ["triangle", "plane", "coplanar"])
def test_flat_things_are_fitted_or_refused_but_never_break(
    which: str, tmp_path: Path, capsys: Capture
) -> None:
    grid = np.stack(np.meshgrid(np.arange(9.0), np.arange(9.0)), axis=-1).reshape(-1, 2)
    flat = np.concatenate([grid, np.zeros((81, 1))], axis=1)
    arrays = {
        "triangle": {"points": np.eye(3), "faces": np.array([[0, 1, 2]])},
        "plane": {"points": flat[[0, 8, 72, 80]], "faces": np.array([[0, 1, 2], [1, 3, 2]])},
        "coplanar": {"points": flat, "normals": np.tile([0.0, 0.0, 1.0], (81, 1))},
    }[which]
    np.savez(tmp_path / "flat.npz", **arrays)
    settings = CLOUD if which == "coplanar" else MESH
    words = [word for item in settings for word in ("--set", item)]
    path = str(tmp_path / "flat.npz")
    assert main(["fit", "--shape", path, "--steps", "60", "--out", str(tmp_path / "r"), *words]) in (0, 2)
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_any_unit_gives_the_same_fit(scale: float, tmp_path: Path) -> None:
    runs = []
    for name, factor in (("one", 1.0), ("other", scale)):
        mesh = BALL.copy()
        mesh.vertices = np.asarray(mesh.vertices) * factor
        runs.append(fitted(write(tmp_path / f"{name}.npz", mesh), tmp_path / "runs", 60))
    one, other = (run.mesh(resolution=32) for run in runs)
    assert radii(other, np.zeros(3)).mean() / scale == pytest.approx(radii(one, np.zeros(3)).mean(), rel=1e-3)


def test_points_pull_an_unsigned_field_onto_themselves(tmp_path: Path) -> None:
    settings = [*CLOUD, "points.pulled.count=500", "points.pulled.pool=20000"]
    path = cloud(tmp_path / "dots.npz", False)
    run = fitted(path, tmp_path / "runs", 600, settings=settings, method="levelset-udf")
    losses = json.loads((run.folder / "log.jsonl").read_text().splitlines()[-1])["losses"]
    assert {"pulled", "level_sets", "towards_cloud", "surface_points"} <= set(losses)
    points = torch.rand(2000, 3, generator=torch.Generator().manual_seed(0)) * 2.0 - 1.0
    true = (points.norm(dim=1) - 3.0 / run.shape.frame.half).abs()
    said = run.field.sdf(points)
    assert float((said - true)[true < 0.15].abs().mean()) < 0.04  # farther off nothing tells it how far
    assert float((said[true > 0.15] > 0.05).float().mean()) > 0.98
