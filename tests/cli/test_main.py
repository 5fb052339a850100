"""Exit codes, and that a mistake gets one line."""

from __future__ import annotations

import errno
import io
import subprocess
import sys

import pytest

from neurfield.cli import main as cli
from neurfield.cli.dispatch import Verb
from neurfield.errors import UserError


@pytest.fixture
def verb_that(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Make `neurfield doctor` raise something."""

    def arrange(error: BaseException) -> None:
        def doctor() -> None:
            """Raise."""
            raise error

        monkeypatch.setattr(Verb, "load", lambda self: doctor)

    return arrange


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (UserError("no scene 'x': give a name"), 2, "neurfield: no scene 'x': give a name"),
        (UserError("two\n  lines"), 2, "neurfield: two lines"),
        (KeyboardInterrupt(), 130, "neurfield: interrupted"),
        (OSError(errno.ENOSPC, "No space left on device", "runs/x"), 2, "runs/x: No space left on device"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), 2, "/x: Permission denied"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), 2, "No space left on device"),
        (RuntimeError("broken"), 1, "failed: RuntimeError: broken (NEURFIELD_DEBUG=1 shows where)"),
    ],
)
def test_exit_codes(  # type: ignore[no-untyped-def]
    error,
    code: int,
    says: str,
    verb_that,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NEURFIELD_DEBUG", raising=False)
    verb_that(error)
    assert cli.main(["doctor"]) == code
    told = capsys.readouterr()
    assert says in told.err
    assert told.err.count("\n") == 1
    assert told.out == ""


def test_debug_shows_where(verb_that, capsys, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("NEURFIELD_DEBUG", "1")
    verb_that(RuntimeError("broken"))
    assert cli.main(["doctor"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_every_verb_exists_and_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for name, verb in cli.VERBS.items():
        assert verb.load().__doc__
        assert cli.main([name, "--help"]) == 0
        assert f"neurfield {name}" in capsys.readouterr().out


def test_no_help_shows_the_languages_none_or_braces(capsys: pytest.CaptureFixture[str]) -> None:
    from neurfield.cli.scene import VERBS as OF_SCENES
    from neurfield.cli.shape import VERBS as OF_SHAPES
    from neurfield.cli.slices import VERBS as OF_SLICES
    from neurfield.cli.triplane import VERBS as OF_TRIPLANES

    verbs = [[name] for name in cli.VERBS]
    groups = {"scene": OF_SCENES, "shape": OF_SHAPES, "slices": OF_SLICES, "triplane": OF_TRIPLANES}
    verbs += [[group, name] for group, of in groups.items() for name in of]
    for words in verbs:
        assert cli.main([*words, "--help"]) == 0
        shown = " ".join(capsys.readouterr().out.split())
        assert "default: None" not in shown and "{" not in shown, words


def test_every_kind_of_input_is_in_the_first_words_of_fit() -> None:
    from neurfield.inputs.registry import INPUTS

    for name in INPUTS:
        assert name in cli.VERBS["fit"].summary
        assert name in (cli.VERBS["fit"].load().__doc__ or "").splitlines()[0]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    import neurfield

    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"neurfield {neurfield.__version__}\n"


def test_as_a_module_with_a_misspelt_verb() -> None:
    ran = subprocess.run([sys.executable, "-m", "neurfield", "ffit"], capture_output=True, text=True)
    assert ran.returncode == 2
    assert ran.stderr == (
        "neurfield: there is no verb 'ffit', did you mean 'fit'?; there are: "
        "fit, mesh, eval, view, render, distill, scene, shape, slices, triplane, "
        "generate, methods, parts, settings, bench, doctor\n"
    )
    assert ran.stdout == ""


def test_reader_that_goes_away() -> None:
    ran = subprocess.run(
        f"{sys.executable} -m neurfield scene list | head -c 1", shell=True, capture_output=True, text=True
    )
    assert "Traceback" not in ran.stderr and "Exception" not in ran.stderr


def test_a_file_or_another_program_gets_a_row_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from neurfield.cli.console import table

    monkeypatch.delenv("COLUMNS", raising=False)
    told = io.StringIO()
    monkeypatch.setattr("sys.stdout", told)
    table("long", ("name", "words"), [("one", "many words " * 60), ("two", "few")])
    rows = [line for line in told.getvalue().splitlines() if "many words" in line or "few" in line]
    assert len(rows) == 2 and rows[0].count("many words") == 60


def test_a_window_gets_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    from neurfield.cli.console import table

    monkeypatch.setenv("COLUMNS", "60")
    told = io.StringIO()
    monkeypatch.setattr("sys.stdout", told)
    table("long", ("name", "words"), [("one", "many words " * 60)])
    assert max(map(len, told.getvalue().splitlines())) <= 60 and told.getvalue().count("many") == 60


def test_the_state_of_a_fit_stays_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from neurfield.fitting.progress import ProgressLine

    told = io.StringIO()
    monkeypatch.setattr("sys.stdout", told)
    with ProgressLine(200, 0, False) as line:
        line.update(200, {"loss": 0.0386, "rays": 65900.0, "samples_per_ray": 1.0, "psnr": 21.2})
    assert len(told.getvalue().splitlines()) == 1 and len(told.getvalue()) > 80
