"""`neurfield generate`: both stages, stops, files, and what is said of mistakes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from neurfield.cli.main import main
from neurfield.ddmi import stage
from neurfield.ddmi.compare import BASELINES, measured
from neurfield.ddmi.data import find, read
from neurfield.ddmi.train import KEPT, MODEL, read_model, train
from neurfield.errors import UserError
from neurfield.shapes import UnitShape, read_shape
from neurfield.triplanes.checkpoint import save

pytest.importorskip("diffusers", reason="schedules of the diffusion: pip install neurfield[generate]")


def filled(run: Path) -> None:
    """Let everything be inside of what a network of six steps makes, so that there is a surface."""
    tensors, facts = stage.read_checkpoint(run / MODEL)
    tensors["autoencoder.places.last.bias"] += 5.0
    save(run / MODEL, tensors, facts)


@pytest.fixture(autouse=True)
def checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "EVERY", 2)


def test_a_stop_changes_nothing(shapes: Path, tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    def dies_at(word: str):  # type: ignore[no-untyped-def]
        def told(line: str) -> None:
            if line.startswith(word):
                raise Killed

        return told

    _, whole = train(shapes, tmp_path / "whole")
    for word in ("autoencoder step     4", "diffusion step     4"):
        with pytest.raises(Killed):
            train(shapes, tmp_path / "parts", told=dies_at(word))
        with pytest.raises(UserError, match="its training was stopped"):
            read_model(tmp_path / "parts")
    lines: list[str] = []
    _, resumed = train(shapes, tmp_path / "parts", told=lines.append)
    assert "diffusion: goes on at step 4" in lines
    for name in ("autoencoder", "diffusion"):
        assert [e["step"] for e in resumed[name]] == [2, 4, 6]
        assert [e["loss"] for e in resumed[name]] == pytest.approx([e["loss"] for e in whole[name]], rel=1e-4)
    one, other = (stage.read_checkpoint(tmp_path / run / MODEL)[0] for run in ("whole", "parts"))
    assert all(torch.allclose(one[name], other[name], atol=1e-5) for name in one)


@pytest.mark.slow
def test_verbs_learn_shapes_and_make_new_ones(
    shapes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert main(["generate", "train", str(shapes), "--out", str(run), "--classes", "box"]) == 0
    assert "report" in capsys.readouterr().out
    page = (run / "report.html").read_text()
    assert "polyline" in page and "What comes back" in page and "New shapes" in page
    assert json.loads((run / "metrics.json").read_text())["classes"] == ["box"]
    filled(run)
    words = [str(run), "--count", "3", "--seed", "2", "--cells", "12", "--format", "ply"]
    assert main(["generate", *words, "--out", str(tmp_path / "new")]) == 0
    made = sorted((tmp_path / "new").glob("*.ply"))
    assert [path.name for path in made] == ["shape_0001.ply", "shape_0002.ply", "shape_0003.ply"]
    mesh = trimesh.load(made[0])
    assert mesh.is_watertight and np.abs(mesh.bounds).max() <= 1.0  # type: ignore[union-attr]
    assert Image.open(tmp_path / "new" / "sheet.png").size == (3 * 240, 240)


def test_verbs_learn_pictures_and_make_new_ones(pictures: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert main(["generate", "train", str(pictures), "--out", str(run)]) == 0
    assert main(["generate", str(run), "--count", "5", "--pixels", "24"]) == 0
    made = sorted((run / "new").glob("picture_*.png"))
    assert Image.open(made[0]).size == (24, 24)
    assert Image.open(run / "new" / "sheet.png").size == (4 * 24, 2 * 24)
    with pytest.raises(UserError, match="pictures are not measured"):
        measured(read_model(run), read("pictures", find(pictures)[1], run / KEPT, 16))


@pytest.mark.slow
def test_measured_beside_baselines(shapes: Path, tmp_path: Path) -> None:
    data, _ = train(shapes, tmp_path)
    filled(tmp_path)
    found = measured(read_model(tmp_path), data, points=64, cells=12)
    assert tuple(found) == BASELINES
    assert found["diffusion"]["from_training"] > 0.0
    for row in found.values():
        assert all(np.isfinite(value) for value in row.values())
        assert 0.0 <= row["neighbour_accuracy"] <= 1.0 and 0.0 < row["coverage"] <= 1.0
    # Shapes that were learnt from are nearer to held-out ones than boxes filled to their sides.
    assert found["training"]["matching_distance"] < found["diffusion"]["matching_distance"]


def test_folders_in_any_order_are_split_by_names(shapes: Path, tmp_path: Path) -> None:
    for k, path in enumerate(sorted(shapes.rglob("*.off")) * 3):
        shutil.copy(path, tmp_path / f"{k}.off")
    domain, items = find(tmp_path)
    assert domain == "shapes" and len(items) == 36
    assert {item.split for item in items} == {"train", "val", "test"}
    assert [(i.name, i.split) for i in find(tmp_path)[1]] == [(i.name, i.split) for i in items]


def test_what_is_kept_is_true_of_the_shapes(shapes: Path, tmp_path: Path) -> None:
    domain, items = find(shapes, ["ball"])
    data = read(domain, items, tmp_path / KEPT, 16)
    row = data.names.index("ball/ball_1")
    path = shapes / "ball" / "train" / "ball_1.off"
    frame = UnitShape(read_shape(path)).frame
    at = frame.world_from_unit(data.tensors["queries"][row][:400].double().numpy())
    ball = trimesh.load(path, force="mesh")
    assert isinstance(ball, trimesh.Trimesh) and ball.is_convex
    centers, normals = np.asarray(ball.triangles_center), np.asarray(ball.face_normals)

    def outside(points: np.ndarray) -> np.ndarray:
        """How far the farthest face's plane is behind each point: the distance, near a convex surface."""
        apart = points[:, None] - centers
        farthest: np.ndarray = np.einsum("pfi,fi->pf", apart, normals).max(axis=1)
        return farthest

    inside = outside(at) < 0.0
    assert 0.1 < inside.mean() < 0.9
    assert (inside == data.tensors["inside"][row][:400].bool().numpy()).mean() > 0.99
    surface = frame.world_from_unit(data.tensors["surface"][row][:200].double().numpy())
    assert np.abs(outside(surface)).max() < 2e-3


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "Traceback" not in told
    return told


def test_mistakes_get_a_line(shapes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for words, says in (
        (["train", str(empty)], "holds neither meshes"),
        (["train", str(tmp_path / "none")], "there is no such folder"),
        (["train", str(shapes), "--classes", "bell"], "has no class 'bell', did you mean 'ball'?"),
        ([str(empty)], "there is no such network"),
        ([str(empty), "--count", "0"], "--count 0: give 1 or more"),
        ([], "generate: give what `neurfield generate train FOLDER` wrote"),
    ):
        assert main(["generate", *words]) == 2
        assert says in one_line(capsys)
    few = tmp_path / "few" / "ball" / "train"
    few.mkdir(parents=True)
    shutil.copy(shapes / "ball" / "train" / "ball_1.off", few)
    assert main(["generate", "train", str(tmp_path / "few")]) == 2
    assert "1 shapes to learn from: 4 or more are needed" in one_line(capsys)


def test_files_of_others_and_half_written_ones_get_a_line(
    shapes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    train(shapes, run)
    with pytest.raises(UserError, match="holds a training of another set"):
        train(shapes, run, classes=["ball"])
    with pytest.raises(UserError, match="holds a training of --seed 0"):
        train(shapes, run, seed=1)
    lines: list[str] = []
    (run / KEPT).write_bytes((run / KEPT).read_bytes()[:1000])
    train(shapes, run, told=lines.append)
    assert any("not whole: what it held is read again" in line for line in lines)
    (run / "diffusion.safetensors").write_bytes(b"half")
    with pytest.raises(UserError, match=r"diffusion.safetensors: not whole, .*: remove it"):
        train(shapes, run)
    (run / MODEL).write_bytes((run / MODEL).read_bytes()[:5000])
    assert main(["generate", str(run)]) == 2
    assert "not whole" in one_line(capsys)


def test_open_meshes_are_left_out_and_said(shapes: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shapes"
    shutil.copytree(shapes / "ball", folder / "ball")
    path = folder / "ball" / "train" / "ball_1.off"
    mesh = trimesh.load(path)
    mesh.update_faces(np.arange(len(mesh.faces)) % 2 == 0)  # type: ignore[union-attr]
    mesh.export(folder / "ball" / "train" / "open.off")  # type: ignore[union-attr]
    data = read("shapes", find(folder)[1], tmp_path / KEPT, 16)
    assert len(data.notes) == 1 and "open.off: is not closed" in data.notes[0]
    assert "ball/open" not in data.names
