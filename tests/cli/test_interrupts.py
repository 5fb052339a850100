"""Ctrl-C during imports is neither swallowed nor does it tear a module apart."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SWALLOWS = """
import os, signal, time
try:
    for press in range({presses}):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)
    whole = True
except BaseException:
    whole = False
"""

WAITS = """
import sys, time
from neurfield.cli.interrupts import kept_while_importing
try:
    with kept_while_importing():
        import swallows
        for turn in range(100):
            time.sleep(0.1)
        print("went on")
except KeyboardInterrupt:
    print("interrupted", swallows.whole)
"""

COMMAND = """
import os, signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "networkx":  # which trimesh tries
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
from neurfield.cli.main import main
sys.exit(main(["mesh", "ball.ply", "--output", "there.ply"]))
"""


def python(words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", words], cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize(("presses", "ends"), [(1, "interrupted True"), (2, "interrupted False")])
def test_it_waits_for_the_end_of_an_import_and_a_second_one_does_not(
    presses: int, ends: str, tmp_path: Path
) -> None:
    (tmp_path / "swallows.py").write_text(SWALLOWS.format(presses=presses))
    # The second is raised at once, and this module swallows it; the first is not lost by that.
    ended = python(WAITS, tmp_path)
    assert ended.stdout.strip() == ends, ended.stderr


def test_a_command_is_interrupted_though_a_library_swallows_it(tmp_path: Path) -> None:
    import trimesh

    trimesh.creation.icosphere(subdivisions=2).export(tmp_path / "ball.ply")
    ended = python(COMMAND, tmp_path)
    assert (ended.returncode, ended.stderr.strip()) == (130, "neurfield: interrupted")
    assert not (tmp_path / "there.ply").exists()


def test_handlers_are_put_back(tmp_path: Path) -> None:
    words = (
        "import signal; from neurfield.cli.interrupts import kept_while_importing as kept\n"
        "before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGALRM)]\n"
        "with kept(): assert signal.getsignal(signal.SIGINT) is not before[0]\n"
        "print(before == [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGALRM)])\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "with kept(): print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)\n"
    )
    assert python(words, tmp_path).stdout.split() == ["True", "True"]
