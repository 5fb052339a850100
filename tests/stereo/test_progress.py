"""A bar moves on a terminal; a log gets nothing of it."""

from __future__ import annotations

import io
import re

import pytest

from neurfield.stereo.progress import hushed, moving_bar


class Screen(io.StringIO):
    """What is written to a terminal."""

    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, file: io.StringIO, quiet: bool = False) -> str:
    monkeypatch.setattr("sys.stderr", file)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with hushed(quiet), moving_bar() as bar:
        for share in (0.0, 0.25, 0.5):
            bar("asking the field", share)
        bar("making fewer triangles", 0.0)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.getvalue())


def test_a_terminal_sees_stages_shares_and_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, Screen())
    assert "asking the field" in text and "left:" in text
    last = next(line for line in reversed(text.splitlines()) if "making fewer triangles" in line)
    assert "%" not in last  # how far this stage is was not told


def test_a_log_and_who_wants_nothing_get_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, io.StringIO()) == ""
    assert shown(monkeypatch, Screen(), quiet=True) == ""
