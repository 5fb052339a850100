"""Words to functions: flags, suggestions, one-line complaints."""

from __future__ import annotations

import io
from typing import Annotated, Literal

import pytest
from tyro.conf import Positional, UseAppendAction, arg

from neurfield.cli.dispatch import Verb, dispatch, flags, overview, run_function, suggest
from neurfield.errors import UserError

CALLS: list[dict[str, object]] = []


def verb(
    run: Annotated[Positional[str], arg(metavar="RUN")],
    steps: Annotated[int | None, arg(metavar="N")] = None,
    overrides: Annotated[UseAppendAction[tuple[str, ...]], arg(name="set", metavar="KEY=VALUE")] = (),
) -> int:
    """Do a thing.

    Args:
        run: what to do it to.
        steps: how often.
        overrides: how.
    """
    CALLS.append({"run": run, "steps": steps, "overrides": overrides})
    return 7


def complaint(*arguments: str) -> str:
    """The error of a call that must not reach the verb."""
    before = len(CALLS)
    with pytest.raises(UserError) as caught:
        run_function(verb, "neurfield verb", list(arguments))
    assert len(CALLS) == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_flags_reach_the_function() -> None:
    assert (
        run_function(verb, "neurfield verb", ["a", "--steps", "3", "--set", "b=1", "--set", "c=[1,2]"]) == 7
    )
    assert CALLS[-1] == {"run": "a", "steps": 3, "overrides": ("b=1", "c=[1,2]")}


def test_flags_as_typed() -> None:
    assert flags(verb) == ["--run", "--steps", "--set"]


def test_unknown_flag_gets_the_nearest() -> None:
    assert "--stesp" in complaint("a", "--stesp", "3")
    assert "did you mean '--steps'" in complaint("a", "--stesp", "3")
    assert "did you mean '--set'" in complaint("a", "--sett", "b=1")


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])  # of which the parser draws its boxes
def test_missing_surplus_and_unreadable_are_named(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    assert "RUN is missing" in complaint()
    assert "'b' is one argument too many" in complaint("a", "b")
    assert "quotes" in complaint("my", "run")  # a path with spaces
    assert "--steps: 'many' cannot be read as a whole number" in complaint("a", "--steps", "many")
    assert "--steps" in complaint("a", "--steps")


def test_what_a_value_may_be_is_said() -> None:
    def make(
        run: Positional[str],
        format: Literal["ply", "glb"] | None = None,
        faces: int | Literal["all"] | None = None,
        size: float = 1.0,
        width: int = 64,
    ) -> None:
        """Make it."""

    def said(*words: str) -> str:
        with pytest.raises(UserError) as caught:
            run_function(make, "neurfield make", ["a", *words])
        return str(caught.value)

    assert "--format: there is no 'fbx'; there are: glb, ply;" in said("--format", "fbx")
    assert "--faces: '50k' cannot be read as a whole number or all;" in said("--faces", "50k")
    assert "--size: 'wide' cannot be read as a number;" in said("--size", "wide")
    assert "--width: '4k' cannot be read as a whole number;" in said("--width", "4k")


def test_every_complaint_points_to_the_help() -> None:
    for arguments in ([], ["a", "b"], ["a", "--x"], ["a", "--steps", "many"]):
        assert complaint(*arguments).endswith("see `neurfield verb --help`")


def test_what_a_verb_raises_passes_through() -> None:
    def failing() -> None:
        """Fail."""
        raise UserError("of its own")

    with pytest.raises(UserError, match=r"^of its own$"):
        run_function(failing, "neurfield failing", [])


def test_help_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_function(verb, "neurfield verb", ["--help"]) == 0
    shown = capsys.readouterr().out
    assert "Do a thing." in shown and "how often." in shown and "--set KEY=VALUE" in shown


def test_verbs_are_listed_and_suggested(capsys: pytest.CaptureFixture[str]) -> None:
    verbs = {"mesh": Verb("nowhere:mesh", "makes a mesh"), "eval": Verb("nowhere:eval", "measures it")}
    assert dispatch("neurfield", "About.", verbs, []) == 0
    assert overview("neurfield", "About.", verbs) in capsys.readouterr().out
    with pytest.raises(
        UserError, match=r"there is no verb 'mehs', did you mean 'mesh'\?; there are: mesh, eval"
    ):
        dispatch("neurfield", "About.", verbs, ["mehs"])


def test_no_suggestion_for_what_is_like_nothing() -> None:
    assert suggest("xyzzy", ["mesh", "eval"]) == ""
