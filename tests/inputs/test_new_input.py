"""A new kind of input needs a class and an entry: fit, resume, run, report and verbs do not know it."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from neurfield import inputs
from neurfield.cli import fit as verb
from neurfield.cli.input_flags import with_input_flags
from neurfield.cli.main import main
from neurfield.errors import UserError
from neurfield.fitting.task import Task
from neurfield.inputs.registry import INPUTS, Entry
from neurfield.report import write_report
from neurfield.viewer.content import content_of
from tests.cli.test_verbs import Capture, refusal
from tests.inputs.points_input import ENTRY

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = (
    "mesh.voxel=0.1", "device=cpu", "field.levels=4", "field.log2_table_size=11",
    "field.finest_resolution=32", "field.hidden=[16,16]",
)  # fmt: skip


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an input does to be there."""
    monkeypatch.setitem(INPUTS, "points", ENTRY)
    monkeypatch.setattr(verb, "fit", with_input_flags(verb.fit_input))


@pytest.fixture
def ball(tmp_path: Path) -> Path:
    """Points around a sphere of radius 0.6."""
    points = np.random.default_rng(0).uniform(-1, 1, (4096, 3))
    np.savez(tmp_path / "ball.npz", points=points, sdf=np.linalg.norm(points, axis=1) - 0.6)
    return tmp_path / "ball.npz"


def fitted(ball: Path, out: Path, steps: int, *more: str) -> inputs.Run:
    overrides = [*SETTINGS, *more]
    return inputs.fit(str(ball), input="points", steps=steps, out=out, overrides=overrides, quiet=True)


def test_it_is_fitted_meshed_and_reported(ball: Path, tmp_path: Path) -> None:
    run = fitted(ball, tmp_path / "runs", 400)
    outcome = inputs.finish(run)
    assert not outcome.troubles and outcome.mesh is not None
    radii = np.linalg.norm(trimesh.load(run.folder / "mesh.ply").vertices, axis=1)
    assert radii.mean() == pytest.approx(0.6, abs=0.03) and radii.std() < 0.03
    page = re.sub('<span class="flag">([^<]*)</span>', r"\1", write_report(run.folder).read_text())
    assert f"neurfield fit --points {ball}" in page and "points with an SDF" in page
    assert page.count("data:image/webp;base64,") == 5 and "loss: sdf" in page
    facts = json.loads((run.folder / "run.json").read_text())
    assert facts["input"] == "points" and facts["points"] == str(ball)
    surface = content_of(run.folder).surface
    assert surface is not None and len(surface.faces) == len(outcome.mesh.faces)


def test_resumed_it_ends_where_an_uninterrupted_fit_ends(
    ball: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, step = fitted(ball, tmp_path / "a", 30, "train.save_every=10"), Task.step

    def stop_at_15(self: Task, number: int, progress: float) -> object:
        if number == 15:
            raise KeyError
        return step(self, number, progress)

    monkeypatch.setattr(Task, "step", stop_at_15)
    with pytest.raises(KeyError):
        fitted(ball, tmp_path / "b", 30, "train.save_every=10")
    monkeypatch.setattr(Task, "step", step)
    continued = inputs.resume(tmp_path / "b" / "ball" / "latest", quiet=True)
    opened = inputs.Run.load(continued.folder)
    for name, tensor in whole.task.state().items():
        assert torch.equal(continued.task.state()[name], tensor)
        assert torch.equal(opened.task.state()[name], tensor)


def test_every_verb_takes_it_or_says_why_not(ball: Path, tmp_path: Path, capsys: Capture) -> None:
    settings = [word for item in SETTINGS for word in ("--set", item)]
    out = tmp_path / "runs"
    assert main(["fit", "--points", str(ball), "--steps", "400", "--out", str(out), *settings]) == 0
    said = capsys.readouterr().out
    assert "ball: 4096 points" in said and "mesh.ply" in said and "neurfield fit --resume" in said
    run = str(out / "ball" / "latest")
    assert main(["fit", "--resume", run, "--steps", "410"]) == 0
    assert main(["mesh", run, "--resolution", "24", "--output", str(tmp_path / "ball.stl")]) == 0
    assert "a fit of points" in refusal(capsys, "eval", run)
    with pytest.raises(UserError, match="a fit of points: it has no 'render'"):
        inputs.Run.load(run).render(0)
    assert "--points" in refusal(capsys, "fit", "--points", str(ball), "--scene", "room0")
    assert "--encoding goes with --image, not with --points" in refusal(
        capsys, "fit", "--points", str(ball), "--encoding", "hash"
    )
    assert "no such file of points" in refusal(capsys, "fit", "--points", str(tmp_path / "none.npz"))
    assert main(["fit", "--help"]) == 0
    assert "or points with an SDF, as .npz." in capsys.readouterr().out


def test_names_in_brackets_are_said_as_they_are(ball: Path, tmp_path: Path, capsys: Capture) -> None:
    named = ball.rename(tmp_path / "[red]ball.npz")
    inputs.fit(str(named), input="points", steps=1, out=tmp_path / "[b]runs", overrides=SETTINGS)
    said = capsys.readouterr().out
    assert "[red]ball: 4096 points" in said and str(tmp_path / "[b]runs") in said


def test_a_run_of_an_input_that_is_not_there(
    ball: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = str(fitted(ball, tmp_path / "runs", 2).folder)
    monkeypatch.delitem(INPUTS, "points")
    picture = ["--screenshot", str(tmp_path / "a.png")]
    for words in (["fit", "--resume"], ["mesh"], ["eval"], ["view", *picture]):
        assert "an input called 'points', which is not installed" in refusal(capsys, *words, run)
    with pytest.raises(UserError, match="no input 'pionts'"):
        inputs.fit(str(ball), input="pionts")
    monkeypatch.setitem(INPUTS, "points", Entry("", "FILE", "or points; not there yet."))
    assert "--points: fitting to points is not there yet" in refusal(capsys, "fit", "--points", str(ball))


@pytest.mark.parametrize("kind", ["scene", "image"])
def test_what_is_done_with_any_input_names_none(kind: str) -> None:
    """A kind is asked, never compared with: its name stands in its own package and in the registry alone."""
    general = [
        *(ROOT / "neurfield" / "inputs").glob("*.py"), *(ROOT / "neurfield" / "report").glob("*.py"),
        *(ROOT / "neurfield" / "cli").glob("*.py"), ROOT / "viewer" / "content.py",
    ]  # fmt: skip
    for path in general:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare):
                parts = [node.left, *node.comparators]
                assert not any(isinstance(part, ast.Constant) and part.value == kind for part in parts), path
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance":
                assert not ast.unparse(node.args[1]).lower().startswith((f"{kind}input", f"opened{kind}")), (
                    path
                )
