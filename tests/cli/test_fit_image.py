"""`neurfield fit --image` as it is typed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from neurfield import fitting, inputs
from neurfield.cli.main import main
from tests.cli.test_verbs import Capture, refusal
from tests.images.conftest import smooth, write

SETTINGS = ("encoding.levels=6", "field.hidden=[16]", "points.picture.count=512")


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("pictures") / "waves.png", smooth(40, 50))


def arguments(picture: Path, out: Path, *more: str) -> list[str]:
    settings = [word for item in SETTINGS for word in ("--set", item)]
    return ["fit", "--image", str(picture), "--out", str(out), "--steps", "12", *settings, *more]


@pytest.fixture(scope="module")
def image_run(picture: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs")
    assert main(arguments(picture, out)) == 0
    return out / "waves" / "latest"


def test_fit_leaves_everything(image_run: Path, picture: Path) -> None:
    for name in (
        "config.yaml", "run.json", "log.jsonl", "metrics.json", "reconstruction.png", "side_by_side.png",
        "model.safetensors", "report.html",
    ):  # fmt: skip
        assert (image_run / name).is_file(), name
    page = re.sub('<span class="flag">([^<]*)</span>', r"\1", (image_run / "report.html").read_text())
    assert f"neurfield fit --image {picture}" in page and "PSNR over all pixels" in page
    assert "--set encoding.levels=6" in page and "<polyline" not in page.split("The fit")[0]


def test_it_says_what_there_is_and_what_next(picture: Path, tmp_path: Path, capsys: Capture) -> None:
    assert main(arguments(picture, tmp_path)) == 0
    said = capsys.readouterr().out
    assert "50 x 40 pixels" in said and "PSNR" in said and "JPEG of equal quality" in said
    assert "neurfield fit --resume" in said


def test_resume_recognises_an_image(picture: Path, tmp_path: Path, capsys: Capture) -> None:
    assert main(arguments(picture, tmp_path)) == 0
    run = tmp_path / "waves" / "latest"
    assert main(["fit", "--resume", str(run), "--steps", "15"]) == 0
    assert json.loads((run / "metrics.json").read_text())["fit"]["steps"] == 15
    assert "--encoding" in refusal(capsys, "fit", "--resume", str(run), "--encoding", "hash")
    assert "--seed" in refusal(capsys, "fit", "--resume", str(run), "--seed", "3")


def test_other_verbs_say_what_it_is(image_run: Path, capsys: Capture) -> None:
    for verb in (["mesh"], ["eval"], ["view", "--screenshot", "a.png"], ["render"]):
        assert "a fit of an image" in refusal(capsys, verb[0], str(image_run), *verb[1:])


def test_combinations_that_make_no_sense(picture: Path, tmp_path: Path, capsys: Capture) -> None:
    image = str(picture)
    assert "--image photo.png" in refusal(capsys, "fit")
    assert "--scene and --image" in refusal(capsys, "fit", "--scene", "room0", "--image", image)
    assert "--image and --resume" in refusal(capsys, "fit", "--resume", "x", "--image", image)
    assert "it fits surfaces, and an image wants one for pictures" in refusal(
        capsys, "fit", "--image", image, "--method", "neus"
    )
    assert "--encoding goes with --image" in refusal(capsys, "fit", "--scene", "room0", "--encoding", "hash")
    out = tmp_path / "out"
    assert "did you mean 'simplex'" in refusal(capsys, *arguments(picture, out, "--encoding", "simpelx"))
    assert "did you mean 'levels'" in refusal(capsys, *arguments(picture, out, "--set", "encoding.levls=3"))
    assert "no such file" in refusal(capsys, *arguments(tmp_path / "none.png", out))
    assert not out.exists()
    (tmp_path / "file").write_text("")
    assert "file" in refusal(capsys, *arguments(picture, tmp_path / "file"))


def test_interrupted_fit_says_how_to_go_on(
    picture: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = tmp_path / "run" / "checkpoints" / "step-000007.safetensors"

    def interrupted(*_: object, **__: object) -> None:
        raise fitting.FitInterrupted(7, checkpoint)

    monkeypatch.setattr(inputs, "fit", interrupted)
    assert main(arguments(picture, tmp_path)) == 130
    assert f"neurfield fit --resume {tmp_path / 'run'}" in capsys.readouterr().out


def test_of_a_small_picture_no_more_pixels_are_told_than_it_has(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["fit", str(picture), "--out", str(tmp_path), "--steps", "3", "--set", "encoding.levels=4"]
    assert main(words) == 0
    assert "steps 0 to 3 of 2000 pixels: each is seen 3.0 times" in capsys.readouterr().out
