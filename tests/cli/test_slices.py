"""`neurfield slices`: what it writes is read again, what is wrong is said, mistakes are one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from neurfield.cli.main import main
from neurfield.slices import read_slices


@pytest.fixture
def bone(tmp_path: Path) -> Path:
    """Two balls joined by a bar: a mesh with one inside."""
    path = tmp_path / "my bone.ply"
    trimesh.creation.capsule(2.0, 0.5).export(path)
    return path


def test_a_mesh_is_cut_and_checked(bone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["slices", "cut", str(bone), "--planes", "7"]) == 0
    said = capsys.readouterr().out
    written = bone.with_suffix(".csl")
    assert "7 parallel planes" in said and f"neurfield slices check '{written}'" in said
    assert len(read_slices(written).slices) == 7
    assert main(["slices", "check", str(written)]) == 0
    assert "nothing is wrong with them" in capsys.readouterr().out


def test_random_planes_differ_by_seed(bone: Path, tmp_path: Path) -> None:
    corners = []
    for seed in ("1", "1", "2"):
        out = tmp_path / "r.csl"
        assert main(["slices", "cut", str(bone), "--random", "--seed", seed, "--out", str(out)]) == 0
        corners.append(read_slices(out).corners.mean())
    assert corners[0] == corners[1] != corners[2]


def test_a_stack_of_masks_is_brought_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("contourpy")
    folder = tmp_path / "masks"
    folder.mkdir()
    for k in range(3):
        Image.fromarray(np.pad(np.full((6, 6), 200, np.uint8), 4)).save(folder / f"{k}.png")
    assert main(["slices", "import", str(folder), "--spacing", "1,1,2.5"]) == 0
    assert "3 parallel planes" in capsys.readouterr().out
    assert np.allclose(read_slices(tmp_path / "masks.csl").gaps, 2.5)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["cut", "BONE", "--planes", "0"], "--planes 0"),
        (["cut", "BONE", "--out", "x.ply"], "end it in .csl"),
        (["cut", "gone.ply"], "no such file"),
        (["check", "gone.csl"], "no such file"),
        (["import", "gone", "--spacing", "1,1,1"], "no such folder"),
        (["import", ".", "--spacing", "1,-1,1"], "three lengths above zero"),
    ],
)
def test_mistakes_are_one_line(
    bone: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["slices", *(str(bone) if word == "BONE" else word for word in words)]) == 2
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1


def test_slices_of_which_no_fit_can_be_made_fail_the_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "one.csl"
    path.write_text("CSLC 1 2 1 3 1 0 0 1 0 0 0 0 1 0 0 0 1 0 3 1 0 1 2")
    assert main(["slices", "check", str(path)]) == 1
    assert "CANNOT BE FITTED" in capsys.readouterr().out
