"""`neurfield mesh` with clean-up flags: of a run, and of a file of triangles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from neurfield.cli.main import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def shells(tmp_path: Path) -> Path:
    """A large ball with a hole, coloured, and a small whole one, as a file."""
    large, small = trimesh.creation.icosphere(3), trimesh.creation.icosphere(1, radius=0.1)
    large.update_faces(large.triangles_center[:, 2] < 0.95)
    mesh = trimesh.util.concatenate([large, small.apply_translation([3.0, 0, 0])])
    mesh.remove_unreferenced_vertices()
    mesh.visual.vertex_colors = np.tile(np.array([10, 20, 200, 255], np.uint8), (len(mesh.vertices), 1))
    mesh.export(tmp_path / "shells.ply")
    return tmp_path / "shells.ply"


def test_a_file_of_triangles_is_cleaned_up_beside_it(shells: Path, capsys: Capture) -> None:
    assert main(["mesh", str(shells), "--component", "largest", "--holes", "3"]) == 0
    said = capsys.readouterr().out
    assert "2 pieces" in said and "1 hole filled, 0 borders are left" in said
    assert "closed: every edge has two faces; Euler number 2" in said
    made = trimesh.load(shells.with_name("shells_clean.ply"), process=False)
    assert made.is_watertight and made.body_count == 1
    assert (made.visual.vertex_colors[:, :3] == [10, 20, 200]).all()


def test_fewer_triangles_and_another_format(shells: Path, capsys: Capture) -> None:
    assert main(["mesh", str(shells), "--faces", "200", "--format", "glb", "--color", "none"]) == 0
    assert "triangles made" in capsys.readouterr().out
    made = trimesh.load(shells.with_name("shells_clean.glb"), force="mesh")
    assert 100 < len(made.faces) <= 200
    assert not getattr(made.visual, "vertex_attributes", {})  # of colours


def test_the_file_to_write_may_be_named_as_with_other_verbs(shells: Path, tmp_path: Path) -> None:
    assert main(["mesh", str(shells), "--faces", "200", "--out", str(tmp_path / "few.ply")]) == 0
    assert 100 < len(trimesh.load(tmp_path / "few.ply", process=False).faces) <= 200


def test_of_a_run(ball_run: Path, tmp_path: Path, capsys: Capture) -> None:
    words = ["mesh", str(ball_run), "--resolution", "32", "--output", str(tmp_path / "a.ply")]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "Euler number" in said and "lattice points asked, peak memory" in said
    whole = trimesh.load(tmp_path / "a.ply", process=False)
    normals = np.asarray(whole.vertex_normals)
    assert np.allclose(np.linalg.norm(normals, axis=1), 1.0, atol=1e-3)
    agree = np.einsum("fi,fi->f", normals[whole.faces[:, 0]], whole.face_normals)
    assert np.median(agree[whole.area_faces > 0]) > 0.8
    assert main([*words, "--memory", "64GB"]) == 0
    again = trimesh.load(tmp_path / "a.ply", process=False)
    assert np.array_equal(whole.vertices, again.vertices) and np.array_equal(whole.faces, again.faces)
    assert main([*words, "--holes", "500edges"]) == 0
    assert " filled, " in capsys.readouterr().out
    assert main([*words, "--faces", "all"]) == 0
    every = trimesh.load(tmp_path / "a.ply", process=False)
    assert len(every.faces) > len(whole.faces)
    capsys.readouterr()
    assert main([*words, "--faces", "300"]) == 0
    small = trimesh.load(tmp_path / "a.ply", process=False)
    assert 200 < len(small.faces) <= 300 and small.visual.kind == "vertex"


def test_mistakes_are_one_line(shells: Path, ball_run: Path, capsys: Capture) -> None:
    for words, says in {
        (str(shells),): "it is a mesh already",
        (str(shells), "--faces", "0"): "at least 1",
        (str(shells), "--holes", "wide"): "20edges",
        (str(shells), "--faces", "9", "--voxel", "1"): "this file is a mesh",
        (str(shells), "--component", "object"): "use all or largest",
        (str(shells), "--memory", "4GB", "--faces", "9"): "leave them out",
        (str(ball_run), "--memory", "much"): "4GB or 500MB",
        (str(ball_run), "--memory", "1MB"): "needs",
        (str(ball_run), "--memory", "8GB", "--extractor", "dual-contouring"): "only marching-cubes",
        (str(ball_run), "--objects", "--texture", "64"): "leave out --texture",
        (str(ball_run), "--holes", "-1"): "20edges",
    }.items():
        capsys.readouterr()
        assert main(["mesh", *words]) == 2, words
        told = capsys.readouterr().err.strip().splitlines()
        assert len(told) == 1 and says in told[0], told
