"""`neurfield fit PATH`: what stands without a flag is taken for what it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurfield.cli import fit as verb
from neurfield.cli.main import main
from neurfield.inputs.registry import INPUTS, recognised


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("room0", "scene"), ("a/folder", "scene"), ("scene/transforms.json", "scene"), ("bunny.ply", "shape"),
        ("A/Scan.LAZ", "shape"), ("mesh.glb", "shape"), ("photo.png", "image"), ("a/Photo.JPEG", "image"),
        ("cameras.npz", "scene"),
    ],
)  # fmt: skip
def test_a_path_is_taken_for(path: str, kind: str) -> None:
    assert recognised(path) == kind


def test_an_ending_means_one_kind() -> None:
    endings = [ending for entry in INPUTS.values() for ending in entry.endings]
    assert len(endings) == len(set(endings)) and all(ending == ending.lower() for ending in endings)


def test_it_is_what_the_flag_would_have_said(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, object]] = []

    def stop(named: object, resume: object) -> tuple[str, str]:
        asked.append((named, resume))
        raise KeyboardInterrupt

    monkeypatch.setattr(verb, "one_input", stop)
    for words in (["ball.ply"], ["--shape", "ball.ply"]):
        main(["fit", *words])
    assert asked[0] == asked[1] and asked[0][0] == dict.fromkeys(INPUTS) | {"shape": "ball.ply"}


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["a.ply", "--scene", "room0"], "'a.ply' and --scene room0 stand side by side"),
        (["a.ply", "b.ply"], "'b.ply' is one argument too many"),
        (["nowhere"], "no scene 'nowhere'"),
        (["nothing.ply"], "there is no such file of a mesh or a cloud"),
        ([], "what to? A path, --scene room0"),
    ],
)
def test_mistakes_are_one_line(
    words: list[str],
    line: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["fit", *words]) == 2
    told = capsys.readouterr().err
    assert line in told and told.count("\n") == 1
