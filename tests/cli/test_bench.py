"""The verb finds the checkout's benchmarks, runs each in a process of its own, and says where things are."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurfield.cli import bench
from neurfield.cli.main import main

Capture = pytest.CaptureFixture[str]
SCRIPT = '''"""Writes down how it was called.

More words.
"""
import pathlib, sys
out = pathlib.Path(sys.argv[sys.argv.index("--out") + 1])
out.parent.mkdir(parents=True, exist_ok=True)
out.write_text(" ".join(sys.argv[3:]))
print("a table")
sys.exit({code})
'''


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with two benchmarks, one of which fails."""
    (tmp_path / "benchmarks").mkdir()
    for name, code in (("good", 0), ("poor", 3)):
        (tmp_path / "benchmarks" / f"bench_{name}.py").write_text(SCRIPT.format(code=code))
    monkeypatch.setattr(bench, "checkout", lambda: tmp_path)
    return tmp_path


def test_one_by_name(checkout: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "good", "--out", str(tmp_path / "out")]) == 0
    told = capfd.readouterr().out
    assert "a table" in told and str(tmp_path / "out") in told and "neurfield bench --all" in told
    assert (tmp_path / "out" / "good.json").read_text() == ""


def test_quick_looks_lie_apart(checkout: Path, tmp_path: Path) -> None:
    assert main(["bench", "good", "--quick", "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "quick" / "good.json").read_text() == "--quick"
    assert not (tmp_path / "out" / "good.json").exists()


def test_without_a_name_lists_and_looks_at_all(
    checkout: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "--out", str(tmp_path / "out")]) == 1
    told = capfd.readouterr()
    assert "  good  Writes down how it was called.\n" in told.out
    assert {path.name for path in (tmp_path / "out" / "quick").iterdir()} == {"good.json", "poor.json"}
    assert told.err == "neurfield: bench: poor did not end well, see above\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["goood"], "there is no benchmark 'goood', did you mean 'good'?; there are: good, poor"),
        (["good", "--all"], "give names or --all, not both"),
        (["--publish"], "--publish wants figures"),
        (["good", "--quick", "--publish"], "--publish wants figures"),
    ],
)
def test_mistakes(checkout: Path, words: list[str], says: str, capsys: Capture) -> None:
    assert main(["bench", *words]) == 2
    told = capsys.readouterr().err
    assert says in told and told.count("\n") == 1


def test_installed_without_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(bench, "__file__", str(tmp_path / "neurfield" / "cli" / "bench.py"))
    assert main(["bench"]) == 2
    told = capsys.readouterr().err
    assert "source checkout" in told and "pip install -e ." in told and told.count("\n") == 1


def test_this_checkout_has_what_the_issue_asks_for() -> None:
    assert {"encoding", "field", "marching", "roofline", "scaling"} <= set(
        bench.benchmarks_in(bench.checkout())
    )
