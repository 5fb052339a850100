"""`neurfield distill`: a student that is a run as any other; what is refused, in one line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import neurfield as nf
from neurfield.cli.main import main
from neurfield.fitting.distill import Distillation
from tests.cli.test_verbs import Capture, refusal


@pytest.fixture(scope="module")
def student(ball_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("students") / "ball"
    words = ["distill", str(ball_run), "--cells", "4", "--steps", "120", "--tune", "12", "--out", str(folder)]
    assert main(words) == 0
    return folder


def test_a_student_is_a_run(student: Path, ball_run: Path, capsys: Capture) -> None:
    assert main(["mesh", str(student), "--voxel", "0.05", "--faces", "all"]) == 0
    assert (
        main(["mesh", str(ball_run), "--voxel", "0.05", "--faces", "all", "--output", str(student / "t.ply")])
        == 0
    )
    ours, theirs = (nf.Run.load(folder).mesh(voxel=0.05) for folder in (student, ball_run))
    assert len(ours.faces) > 100
    off = np.abs(np.array(ours.bounds) - np.array(theirs.bounds)).max()
    assert off < 0.1  # voxels of 0.05
    record = json.loads((student / "run.json").read_text())["distilled"]
    assert record["networks"] > 0 and record["steps"] == 120 and record["tuned"] == 12
    assert record["psnr"][1] > record["psnr"][0]
    run = nf.Run.load(student)
    assert f"{record['networks']} networks" in repr(run.field)
    pictures = [r.render(2, 0.5) for r in (run, nf.Run.load(ball_run))]
    solid = (pictures[0]["opacity"] > 0.9) & (pictures[1]["opacity"] > 0.9)
    assert solid.mean() > 0.05
    photo = Image.fromarray(run.used.image(2)).resize(pictures[0]["rgb"].shape[1::-1])
    off, taught = (np.abs(one["rgb"].astype(float) - np.asarray(photo))[solid].mean() for one in pictures)
    assert off < taught + 2.0  # which was fitted for 15 steps: the pictures tell more
    files = list((student / "checkpoints").glob("*.safetensors"))
    assert len(files) == 1
    capsys.readouterr()


def test_verbs_take_a_student(student: Path, capsys: Capture) -> None:
    assert main(["eval", str(student)]) == 0
    assert main(["render", str(student), "--size", "16x12", "--seconds", "1", "--fps", "2"]) == 0
    assert len(list(student.rglob("*.png"))) >= 2
    capsys.readouterr()


def test_it_goes_over_its_own_folder_and_over_no_other(
    student: Path, ball_run: Path, capsys: Capture
) -> None:
    to = ["--tune", "0", "--out", str(student.parent / "again")]
    for steps in ("2", "3"):
        assert main(["distill", str(ball_run), "--cells", "3", "--steps", steps, *to]) == 0
    assert len(list((student.parent / "again" / "checkpoints").glob("*.safetensors"))) == 1
    said = refusal(capsys, "distill", str(ball_run), "--cells", "3", "--out", str(ball_run / "checkpoints"))
    assert "something else stands there" in said


def test_a_stop_keeps_what_there_is(ball_run: Path, tmp_path: Path, monkeypatch, capsys: Capture) -> None:  # type: ignore[no-untyped-def]
    whole = Distillation._loss
    calls = []

    def stopped(self, *given):  # type: ignore[no-untyped-def]
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return whole(self, *given)

    monkeypatch.setattr(Distillation, "_loss", stopped)
    assert (
        main(["distill", str(ball_run), "--cells", "3", "--steps", "50", "--out", str(tmp_path / "s")]) == 130
    )
    assert "stopped at step 4 of 50" in capsys.readouterr().out
    assert len(nf.Run.load(tmp_path / "s").mesh(voxel=0.1).faces) > 0


def test_what_is_refused(student: Path, ball_run: Path, tmp_path: Path, capsys: Capture) -> None:
    assert "two along the longest side" in refusal(capsys, "distill", str(ball_run), "--cells", "1")
    said = refusal(capsys, "distill", str(ball_run), "--cells", "1000")
    assert "some 6,000,000 networks" in said and "give at most" in said
    assert "a number of steps, or 0" in refusal(capsys, "distill", str(ball_run), "--tune", "-1")
    assert "is distilled already" in refusal(capsys, "distill", str(student))
    assert "neurfield distill" in refusal(capsys, "fit", "--resume", str(student), "--steps", "500")
    early = tmp_path / "early"
    shutil.copytree(ball_run, early)
    config = early / "config.yaml"
    config.write_text(config.read_text().replace("steps: 15", "steps: 900"))
    said = refusal(capsys, "distill", str(early))
    assert "stopped at step 15 of 900" in said and "--resume" in said
    assert "no such folder" in refusal(capsys, "distill", str(tmp_path / "nowhere"))


def test_pictures_that_are_gone_are_asked_for(ball_run: Path, tmp_path: Path, capsys: Capture) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(ball_run, moved)
    facts = json.loads((moved / "run.json").read_text())
    (moved / "run.json").write_text(json.dumps({**facts, "scene": str(tmp_path / "gone")}))
    said = refusal(capsys, "distill", str(moved), "--cells", "3", "--steps", "2")
    assert "--scene PATH" in said and "--tune 0" in said and not (moved / "kilo3").exists()
    assert main(["distill", str(moved), "--cells", "3", "--steps", "2", "--tune", "0"]) == 0
    capsys.readouterr()
