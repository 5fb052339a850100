"""What the verbs do when something of a run or of its scene is missing, moved or broken."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import trimesh

from neurfield.cli.main import main
from neurfield.surfaces import LevelSetMesh, extractors
from tests.cli.conftest import fit_arguments
from tests.cli.test_verbs import refusal
from tests.fitting.conftest import CENTRE, RADIUS, write_sphere_scene

Capture = pytest.CaptureFixture[str]


def ball(folder: Path, truth: bytes | trimesh.PointCloud | None = None) -> Path:
    write_sphere_scene(folder)
    if isinstance(truth, bytes):
        (folder / "ground_truth.ply").write_bytes(truth)
    elif truth is not None:
        truth.export(folder / "ground_truth.ply")
    return folder


def test_points_as_true_surface_from_fit_to_eval(tmp_path: Path, capsys: Capture) -> None:
    sphere = trimesh.creation.icosphere(subdivisions=4, radius=RADIUS).apply_translation(CENTRE)
    cloud = trimesh.PointCloud(sphere.vertices)
    scene = ball(tmp_path / "ball", cloud)
    assert main(["scene", "info", str(scene)]) == 0 and "2,562 points" in capsys.readouterr().out
    assert main(fit_arguments(scene, tmp_path / "runs")) == 0
    run = tmp_path / "runs" / "ball" / "latest"
    geometry = json.loads((run / "metrics.json").read_text())["geometry"]
    assert geometry["chamfer_l1"] < 0.3 and "normal_consistency" not in geometry
    cloud.export(tmp_path / "scan.ply")
    assert main(["eval", str(run), "--against", str(tmp_path / "scan.ply")]) == 0
    again = json.loads((run / "metrics.json").read_text())["geometry"]
    assert again == pytest.approx(geometry, abs=1e-3)  # the file is in single precision


def test_a_broken_true_surface_is_told_and_takes_nothing_else(tmp_path: Path, capsys: Capture) -> None:
    scene = ball(tmp_path / "ball", b"ply\nformat ascii 1.0\n")
    assert main(["scene", "info", str(scene)]) == 0
    assert "copyitagain" in "".join(capsys.readouterr().out.split())  # however the table is wrapped
    assert main(fit_arguments(scene, tmp_path / "runs")) == 2
    told = capsys.readouterr()
    assert told.err.count("\n") == 1 and "ground_truth.ply" in told.err
    run = tmp_path / "runs" / "ball" / "latest"
    for name in ("mesh.ply", "metrics.json", "report.html", "previews/mesh.jpg"):
        assert (run / name).is_file(), name
    assert "ground_truth.ply" in (run / "report.html").read_text()
    assert main(["eval", str(run)]) == 2 and "ground_truth.ply" in capsys.readouterr().err


def test_an_empty_field_is_told_and_takes_nothing_else(
    ball_scene: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = LevelSetMesh(np.zeros((0, 3)), np.zeros((0, 3), np.int64), 1, 1, 1, 1.0, 0.0, 0.0)
    monkeypatch.setattr(extractors, "find_level_set", lambda *_, **__: nothing)
    assert main(fit_arguments(ball_scene, tmp_path)) == 2
    told = capsys.readouterr()
    assert "no surface inside the box" in told.err and told.err.count("\n") == 1
    run = tmp_path / "ball" / "latest"
    assert (run / "report.html").is_file() and list((run / "previews").glob("frame-*.png"))
    assert "psnr" in json.loads((run / "metrics.json").read_text())["images"]
    assert "no surface" in refusal(capsys, "mesh", str(run))


@pytest.mark.parametrize(
    ("trouble", "code", "line"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (OSError(errno.ENOSPC, "No space left", "mesh.ply"), 2, "No space"),
    ],
)
def test_what_ends_after_the_fit_says_how_the_rest_is_made(
    ball_scene: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch,
    trouble: BaseException, code: int, line: str,
) -> None:  # fmt: skip
    def ends(*_: object, **__: object) -> None:
        raise trouble

    with monkeypatch.context() as patch:
        patch.setattr(extractors, "find_level_set", ends)
        assert main(fit_arguments(ball_scene, tmp_path)) == code
    told = capsys.readouterr()
    run = (tmp_path / "ball" / "latest").resolve()
    assert told.err.count("\n") == 1 and line in told.err
    assert "the fit itself is done" in told.out and f"neurfield eval {run}" in told.out
    assert not (run / "mesh.ply").exists() and not (run / "report.html").exists()
    assert main(["eval", str(run)]) == 0
    for name in ("mesh.ply", "metrics.json", "report.html"):
        assert (run / name).is_file(), name


def test_a_scene_that_moved(tmp_path: Path, capsys: Capture) -> None:
    old, new = tmp_path / "old" / "ball", tmp_path / "new" / "ball"
    assert main(fit_arguments(ball(old), tmp_path / "runs")) == 0
    run = tmp_path / "runs" / "ball" / "latest"
    before = trimesh.load(run / "mesh.ply")
    new.parent.mkdir()
    shutil.move(old, new)
    again = tmp_path / "again.ply"
    assert main(["mesh", str(run), "--output", str(again)]) == 0
    assert (trimesh.load(again).vertices == before.vertices).all()
    for verb in (
        ["eval", str(run)],
        ["view", str(run), "--screenshot", "a.png"],
        ["fit", "--resume", str(run)],
    ):
        told = refusal(capsys, *verb)
        assert str(old) in told and "--scene PATH" in told
    other = write_sphere_scene(tmp_path / "other", frames=5)
    assert "5 cameras" in refusal(capsys, "eval", str(run), "--scene", str(other))
    assert main(["eval", str(run), "--scene", str(new)]) == 0
    assert main(["fit", "--resume", str(run), "--steps", "17"]) == 0  # what was told is remembered
    assert json.loads((run / "run.json").read_text())["scene"] == str(new)
    shutil.rmtree(new / "images")
    assert main(["mesh", str(run), "--output", str(again)]) == 0


def test_a_run_of_the_first_schema(ball_run: Path, tmp_path: Path, capsys: Capture) -> None:
    """There "kind" said where the cameras look, or that it is a fit of an image."""
    run = tmp_path / "ball" / "neus-1"
    shutil.copytree(ball_run.resolve(), run)
    facts = json.loads((run / "run.json").read_text())
    assert facts.pop("input") == "scene"
    kind = facts.pop("cameras_look")
    (run / "run.json").write_text(json.dumps({**facts, "schema": 1, "kind": kind}))
    assert main(["mesh", str(run), "--resolution", "24", "--output", str(tmp_path / "a.ply")]) == 0
    assert main(["eval", str(run)]) == 0
    assert f"cameras {kind}" in (run / "report.html").read_text()
    assert main(["fit", "--resume", str(run), "--steps", "16"]) == 0
    assert json.loads((run / "run.json").read_text())["cameras_look"] == kind
    (run / "run.json").write_text(json.dumps({**facts, "schema": 1, "kind": "image"}))
    assert "a fit of an image" in refusal(capsys, "mesh", str(run))


def test_resume_in_a_new_place(tmp_path: Path) -> None:
    assert main(fit_arguments(ball(tmp_path / "ball"), tmp_path / "runs")) == 0
    run = tmp_path / "runs" / "ball" / "latest"
    shutil.move(tmp_path / "ball", tmp_path / "moved")
    assert main(["fit", "--resume", str(run), "--steps", "16", "--scene", str(tmp_path / "moved")]) == 0
