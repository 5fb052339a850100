"""The verbs on a real, small run: what they leave, what they say next, what they refuse."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import trimesh

from neurfield import fitting, inputs
from neurfield.cli.main import main
from neurfield.report.mesh_file import read_mesh
from tests.cli.conftest import fit_arguments
from tests.evaluation.made_truth import CENTER, sphere_points, write_dtu
from tests.fitting.conftest import CENTRE, RADIUS

Capture = pytest.CaptureFixture[str]


def refusal(capsys: Capture, *arguments: str) -> str:
    """The one line that a mistake gets."""
    capsys.readouterr()
    assert main(list(arguments)) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    return told


def test_fit_leaves_everything(ball_run: Path) -> None:
    for name in (
        "config.yaml",
        "run.json",
        "log.jsonl",
        "mesh.ply",
        "metrics.json",
        "report.html",
        "previews/mesh.jpg",
    ):
        assert (ball_run / name).is_file(), name
    mesh = trimesh.load(ball_run / "mesh.ply")
    assert len(mesh.faces) and mesh.visual.kind == "vertex"
    assert json.loads((ball_run / "metrics.json").read_text())["fit"]["steps"] == 15


def test_mesh_in_every_format(ball_run: Path, tmp_path: Path, capsys: Capture) -> None:
    for ending in ("ply", "obj", "glb", "stl"):
        path = tmp_path / f"ball.{ending}"
        assert main(["mesh", str(ball_run), "--resolution", "24", "--output", str(path)]) == 0
        found = read_mesh(path)
        assert found.bounds.mean(axis=0) == pytest.approx(CENTRE, abs=0.3)
        assert f"neurfield view {path}" in capsys.readouterr().out


def test_eval_against_a_mesh(ball_run: Path, tmp_path: Path, capsys: Capture) -> None:
    true = trimesh.creation.icosphere(subdivisions=4, radius=RADIUS)
    true.apply_translation(CENTRE)
    true.export(tmp_path / "true.ply")
    assert main(["eval", str(ball_run), "--against", str(tmp_path / "true.ply")]) == 0
    shown = capsys.readouterr().out
    metrics = json.loads((ball_run / "metrics.json").read_text())
    assert metrics["geometry"]["chamfer_l1"] < 0.3
    assert "Chamfer-L1" in shown and "PSNR" in shown and "neurfield view" in shown
    assert "F-score at 5 cm" in (ball_run / "report.html").read_text()


def test_eval_against_a_mesh_in_another_frame_warns(
    ball_run: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Far apart, the nearest points take long to find; the numbers do not matter here.
    monkeypatch.setattr("neurfield.inputs.scene.results.evaluate_mesh", lambda *_: {"chamfer_l1": 9.0})
    true = trimesh.creation.icosphere(subdivisions=1, radius=RADIUS)
    true.apply_translation(CENTRE + np.array([4.0 * RADIUS, 0.0, 0.0]))
    true.export(tmp_path / "true.ply")
    assert main(["eval", str(ball_run), "--against", str(tmp_path / "true.ply")]) == 0
    warned = capsys.readouterr().err
    assert "warning: " in warned and "is the truth in the scene's frame?" in warned
    assert warned.count("\n") == 1


def test_eval_without_a_true_surface(ball_run: Path, capsys: Capture) -> None:
    known = json.loads((ball_run / "metrics.json").read_text())
    known.pop("geometry", None)  # of the tests above
    (ball_run / "metrics.json").write_text(json.dumps(known))
    assert main(["eval", str(ball_run)]) == 0
    assert "--against MESH" in capsys.readouterr().out
    assert "geometry" not in json.loads((ball_run / "metrics.json").read_text())


def test_eval_keeps_what_was_measured_against_a_mesh_while_the_mesh_is_the_same(
    ball_run: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neurfield.inputs.scene.results.evaluate_mesh", lambda *_: {"chamfer_l1": 0.125})
    true = trimesh.creation.icosphere(subdivisions=1, radius=RADIUS)
    true.apply_translation(CENTRE)
    true.export(tmp_path / "true.ply")
    run = tmp_path / "run"
    shutil.copytree(ball_run, run)
    assert main(["eval", str(run), "--against", str(tmp_path / "true.ply")]) == 0
    capsys.readouterr()
    assert main(["eval", str(run)]) == 0
    shown = capsys.readouterr().out
    assert "of an earlier --against" in shown and "Chamfer-L1" in shown
    assert json.loads((run / "metrics.json").read_text())["geometry"] == {"chamfer_l1": 0.125}
    assert "compared at" in shown and " pixels" in shown
    trimesh.load(run / "mesh.ply").slice_plane([*CENTRE], [0.0, 0.0, 1.0]).export(run / "mesh.ply")
    assert main(["eval", str(run)]) == 0
    assert "is left out: the mesh is another" in capsys.readouterr().out
    assert "geometry" not in json.loads((run / "metrics.json").read_text())


def test_eval_by_protocols_of_benchmarks(ball_run: Path, tmp_path: Path, capsys: Capture) -> None:
    write_dtu(tmp_path, sphere_points(20_000, 1000 * RADIUS) / 40.0 + CENTER)
    matrix = np.diag([25.0, 25.0, 25.0, 1.0])  # the ball of 0.4 m becomes one of 10 mm
    matrix[:3, 3] = CENTER - 25.0 * CENTRE
    np.savetxt(tmp_path / "dtu_from_world.txt", matrix)
    asked = ["eval", str(ball_run), "--dtu", str(tmp_path), "--scan", "24"]
    assert main([*asked, "--align", str(tmp_path / "dtu_from_world.txt")]) == 0
    shown = capsys.readouterr().out
    metrics = json.loads((ball_run / "metrics.json").read_text())
    for key, icp in (("dtu", "none"), ("dtu_with_icp", "within 10, 2.5, 0.5 mm")):
        assert 0.0 < metrics[key]["overall_mm"] < 20.0 and metrics[key]["icp"].startswith(icp)
    assert "DTU's protocol, without ICP" in shown and "DTU's protocol, after ICP" in shown
    assert "--against" not in shown
    report = (ball_run / "report.html").read_text()
    assert f"{metrics['dtu']['overall_mm']:.3f} mm" in report
    # Without the matrix nothing is where the scan is: told, and numbers of before are gone.
    assert "in millimetres" in refusal(capsys, *asked)
    assert "dtu" not in json.loads((ball_run / "metrics.json").read_text())
    before = (ball_run / "metrics.json").read_text()
    assert "ObsMask25_10.mat: there is no such file" in refusal(capsys, *asked[:-1], "25")
    assert "go together" in refusal(capsys, *asked[:-2])
    assert "training scenes" in refusal(capsys, "eval", str(ball_run), "--tanks", str(tmp_path))
    assert (ball_run / "metrics.json").read_text() == before


def test_resume_to_a_later_step(ball_scene: Path, tmp_path: Path, capsys: Capture) -> None:
    assert main(fit_arguments(ball_scene, tmp_path, "--set", "train.save_every=7")) == 0
    run = tmp_path / "ball" / "latest"
    assert main(["fit", "--resume", str(run), "--steps", "18", "--device", "cpu"]) == 0
    assert "device: cpu" in (run / "config.yaml").read_text()
    assert main(["mesh", str(run), "--resolution", "16", "--device", "cpu"]) == 0
    assert "--device gpu" in refusal(capsys, "mesh", str(run), "--device", "gpu")
    assert json.loads((run / "log.jsonl").read_text().splitlines()[-1])["step"] == 18
    assert "--steps" in refusal(capsys, "fit", "--resume", str(run), "--seed", "3")


def test_interrupted_fit_says_how_to_go_on(
    ball_scene: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = tmp_path / "run" / "checkpoints" / "step-000007.safetensors"

    def interrupted(*_: object, **__: object) -> None:
        raise fitting.FitInterrupted(7, checkpoint)

    monkeypatch.setattr(inputs, "fit", interrupted)
    assert main(fit_arguments(ball_scene, tmp_path)) == 130
    assert f"neurfield fit --resume {tmp_path / 'run'}" in capsys.readouterr().out


def test_failed_fit_says_why(
    ball_scene: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failed(*_: object, **__: object) -> None:
        raise fitting.FitFailed("step 3: the loss is not finite (color)")

    monkeypatch.setattr(inputs, "fit", failed)
    assert main(fit_arguments(ball_scene, tmp_path)) == 1
    assert "the loss is not finite (color)" in capsys.readouterr().err


def test_mistakes_get_one_line_and_nothing_half_written(
    ball_scene: Path, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "out"
    assert "--scene room0" in refusal(capsys, "fit")
    assert "did you mean room0" in refusal(capsys, "fit", "--scene", "room00", "--out", str(out))
    assert "'neus'" in refusal(capsys, *fit_arguments(ball_scene, out, "--method", "nues"))
    assert "'quick'" in refusal(capsys, *fit_arguments(ball_scene, out, "--preset", "quik"))
    said = refusal(capsys, *fit_arguments(ball_scene, out, "--set", "field.levls=3"))
    assert "did you mean 'levels'" in said
    assert not out.exists()
    (tmp_path / "file").write_text("")
    assert "file" in refusal(capsys, *fit_arguments(ball_scene, tmp_path / "file"))


def test_what_is_no_run(ball_run: Path, tmp_path: Path, capsys: Capture) -> None:
    for verb in ("mesh", "eval"):
        assert "not a run" in refusal(capsys, verb, str(tmp_path))
        assert "there is no such folder" in refusal(capsys, verb, str(tmp_path / "runs" / "nowhere"))
    assert "no such mesh" in refusal(capsys, "eval", str(ball_run), "--against", str(tmp_path / "none.ply"))


def test_a_file_that_is_not_there_is_told_before_a_display(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert "no such mesh file" in refusal(capsys, "view", str(tmp_path / "none.glb"))


def test_scene_check_draws_what_cameras_see(ball_scene: Path, tmp_path: Path, capsys: Capture) -> None:
    picture = tmp_path / "coverage.png"
    assert main(["scene", "check", str(ball_scene), "--picture", str(picture)]) == 0
    assert str(picture) in capsys.readouterr().out and picture.read_bytes().startswith(b"\x89PNG")
    assert "ends in .png" in refusal(capsys, "scene", "check", str(ball_scene), "--picture", "coverage.jpg")


def test_scene_verbs(ball_scene: Path, capsys: Capture) -> None:
    assert main(["scene", "list"]) == 0
    assert "room0" in capsys.readouterr().out
    assert main(["scene", "info", str(ball_scene)]) == 0
    shown = capsys.readouterr().out
    assert "12, 48x48 pixels" in shown and "masks" in shown and "neurfield scene check" in shown
    assert main(["scene", "check", str(ball_scene)]) == 0
    shown = capsys.readouterr().out
    assert "neurfield fit --scene" in shown and "--picture coverage.png" in shown
    assert "did you mean 'room" in refusal(capsys, "scene", "make", "room9")
