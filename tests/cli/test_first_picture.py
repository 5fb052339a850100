"""What is imported before one sees a run: no torch, which takes seconds, until something asks the field."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import trimesh

from neurfield.slices.read import ENDINGS
from neurfield.viewer import content

HEAVY = ("torch", "matplotlib", "skimage", "open3d", "neurfield.fitting.surface", "neurfield.report.html")
SHOWN = """
import sys
from neurfield.viewer.content import content_of
from neurfield.viewer.session import Session
import neurfield.viewer.offscreen, neurfield.viewer.web.packed
session = Session(content_of(sys.argv[1]))
print(sum(len(layer.geometry.ends if hasattr(layer.geometry, "ends") else layer.geometry.faces)
          for layer in session.content.layers if layer.on))
print(*(name for name in sys.argv[2:] if name in sys.modules))
if session.has_field:
    box, most = session.field_box, session.most_level  # what the window's sliders want
    print("torch" in sys.modules, most > 0, end=" ")
    print(abs(box + session.content.origin - session.fitted.box).max() < 1e-9)
    session.value_at([[0.0, 0.0, 0.0]])
    print("torch" in sys.modules)
"""


def imported(target: Path) -> list[str]:
    """What a fresh interpreter tells: how much is shown, which of `HEAVY` it took, if a field takes torch."""
    words = [sys.executable, "-c", SHOWN, str(target), *HEAVY]
    ran = subprocess.run(words, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def test_a_run_is_seen_without_torch_and_asked_with_it(ball_run: Path) -> None:
    count, heavy, sliders, asked = imported(ball_run)
    assert int(count) > 100 and heavy == "" and sliders == "False True True" and asked == "True"


@pytest.mark.parametrize("ending", [".ply", ".glb"])
def test_so_is_a_file(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"ball{ending}"
    trimesh.creation.icosphere(3).export(path)
    assert imported(path) == [str(len(trimesh.creation.icosphere(3).faces)), ""]


def test_files_of_slices_are_those_that_are_read_as_such() -> None:
    assert set(content._SLICES) == set(ENDINGS)
