"""`neurfield methods` and `neurfield parts`."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurfield.cli.main import main


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command prints, in one line; it must end well."""
    assert main(words) == 0
    return " ".join(capsys.readouterr().out.split())


def complaint(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line that a command ends with."""
    assert main(words) == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err.count("\n") == 1
    return told.err


def test_methods_are_listed_with_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(capsys, "methods")
    assert "neus NeuS (Wang et al. 2021)" in shown and "monosdf MonoSDF (Yu et al. 2022)" in shown
    assert "volsdf VolSDF" in shown
    surfaces, _, pictures = shown.partition("methods for pictures")
    assert "methods for surfaces" in surfaces and "hash A multiresolution hash grid" in pictures


def test_parts_are_listed_by_slot(capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(capsys, "parts")
    assert "passes: opacities" in shown and "neus Logistic opacity." in shown and "heads: " in shown
    only = said(capsys, "parts", "losses")
    assert "s3im Structure over random patches" in only and "Logistic" not in only
    assert "there is none yet" in said(capsys, "parts", "heads")


def test_a_part_is_shown_with_its_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(capsys, "parts", "losses.s3im")
    assert "losses.s3im: Structure over random patches (S3IM, Xie et al. 2023, Sec. 3)." in shown
    assert "looks at pixels.rgb" in shown and "idles" not in shown
    assert "weight float >= 0 must be given" in shown
    assert "kernel int >= 1 4 pixels along a side of the window (their 4)" in shown
    assert "repeats int >= 1 10 shuffled pictures per step" in shown
    assert "idles without pixels.prior_depth" in said(capsys, "parts", "losses.prior_depth")
    assert "weight" not in said(capsys, "parts", "mesh.level_set")
    assert "learn bool false" in said(capsys, "parts", "passes.neus")


def test_parts_of_a_plugin_say_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "my_lab.py").write_text('def f(seen):\n    """Mine."""\nPARTS = {"losses.mine": f}\n')
    assert "mine Mine. my_lab" in said(capsys, "parts", "losses", "--plugin", str(tmp_path / "my_lab.py"))


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("methods", "nues"), "no method is called 'nues', did you mean 'neus'?"),
        (("methods", "neus", "--preset", "bets"), "no preset is called 'bets', did you mean 'best'?"),
        (("parts", "looses"), "there is no slot 'looses', did you mean 'losses'?"),
        (("parts", "losses.s3m"), "no loss is called 's3m', did you mean 's3im'?"),
        (("parts", "heads.semantic"), "no head is called 'semantic'; there is no head at all"),
        (("parts", "--plugin", "nowhere_lab"), "--plugin nowhere_lab: it cannot be imported"),
    ],
)
def test_mistakes_are_one_line(words: tuple[str, ...], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert line in complaint(capsys, *words)
