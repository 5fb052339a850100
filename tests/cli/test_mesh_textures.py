"""`neurfield mesh RUN --texture`, and how a .glb stands."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import trimesh

from neurfield.cli.main import main
from neurfield.report.mesh_file import read_mesh
from neurfield.surfaces.texture_files import texture_of

Capture = pytest.CaptureFixture[str]


def test_a_texture_from_the_runs_photographs(ball_run: Path, tmp_path: Path, capsys: Capture) -> None:
    pytest.importorskip("xatlas")
    run = Path(shutil.copytree(ball_run, tmp_path / "run"))
    assert main(["mesh", str(run), "--resolution", "32", "--texture", "64", "--faces", "300"]) == 0
    said = capsys.readouterr().out
    assert "mesh.glb" in said and "texture of 64 x 64" in said and "upright" in said
    made = read_mesh(run / "mesh.glb")
    picture = texture_of(made)
    assert picture is not None and picture.size == (64, 64) and len(made.faces) <= 300
    assert np.asarray(picture).std() > 2.0  # it shows something
    plain = tmp_path / "plain.ply"
    assert main(["mesh", str(run), "--resolution", "32", "--output", str(plain)]) == 0
    np.testing.assert_allclose(made.bounds, trimesh.load(plain).bounds, atol=0.1 * made.extents.max())


def test_up_is_what_was_asked_for(ball_run: Path, tmp_path: Path, capsys: Capture) -> None:
    bounds = {}
    for up in ("keep", "z"):
        path = tmp_path / f"{up}.glb"
        words = ["mesh", str(ball_run), "--resolution", "24", "--up", up, "--output", str(path)]
        assert main(words) == 0
        bounds[up] = trimesh.load(path, force="mesh").bounds
    low, high = bounds["keep"]
    turned = [[low[0], low[2], -high[1]], [high[0], high[2], -low[1]]]
    np.testing.assert_allclose(bounds["z"], turned, atol=1e-5)
    assert "axes are kept" in capsys.readouterr().out


def test_an_obj_says_which_way_is_up(ball_run: Path, tmp_path: Path, capsys: Capture) -> None:
    """It has no word for it, and importers lay it on its side."""
    out = tmp_path / "not there" / "ball.obj"
    assert main(["mesh", str(ball_run), "--resolution", "24", "--output", str(out)]) == 0
    assert out.is_file() and "is up: tell it an importer" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--texture", "3"], "texels a side"),
        (["--texture", "64", "--format", "stl"], "holds no texture"),
        (["--texture", "64", "--objects"], "leave out"),
        (["--up", "z", "--format", "ply"], "only a .glb"),
        (["--faces", "0"], "at least 1"),
        (["--texture", "64", "--scene", "nowhere"], "nowhere"),
    ],
)
def test_what_cannot_be_is_one_line(ball_run: Path, capsys: Capture, words: list[str], says: str) -> None:
    pytest.importorskip("xatlas")
    assert main(["mesh", str(ball_run), "--resolution", "24", *words]) == 2
    said = capsys.readouterr().err
    assert says in said and len(said.strip().splitlines()) == 1


def test_a_texture_does_not_ask_for_more_triangles_than_the_surface_does(
    ball_run: Path, tmp_path: Path, capsys: Capture
) -> None:
    pytest.importorskip("xatlas")
    plain, textured = tmp_path / "plain.ply", tmp_path / "textured.glb"
    words = ["mesh", str(ball_run), "--resolution", "48", "--output"]
    assert main([*words, str(plain), "--color", "none"]) == 0
    assert main([*words, str(textured), "--texture", "64"]) == 0
    assert len(read_mesh(textured).faces) == len(read_mesh(plain).faces)
    assert capsys.readouterr().out.count("(--faces all keeps all)") == 2
