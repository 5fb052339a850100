"""Files of the true surface: triangles, points, and what is neither."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from neurfield.errors import UserError
from neurfield.far import write_shift
from neurfield.scenes.truth import read_truth

POINTS = np.random.default_rng(0).normal(size=(30, 3))


@pytest.mark.parametrize("ending", ["ply", "obj", "glb", "stl"])
def test_triangles(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"true.{ending}"
    trimesh.creation.box((1, 2, 3)).export(path)
    found = read_truth(path)
    assert isinstance(found, trimesh.Trimesh) and len(found.faces) == 12


def test_points(tmp_path: Path) -> None:
    trimesh.PointCloud(POINTS).export(tmp_path / "true.ply")
    np.savetxt(tmp_path / "true.xyz", POINTS)
    for name in ("true.ply", "true.xyz"):
        found = read_truth(tmp_path / name)
        assert isinstance(found, trimesh.PointCloud)
        np.testing.assert_allclose(found.vertices, POINTS, atol=1e-6)


@pytest.mark.parametrize("ending", ["stl", "ply"])
def test_what_is_written_beside_it_moves_it(tmp_path: Path, ending: str) -> None:
    surfaces = {"stl": trimesh.creation.box((1, 2, 3)), "ply": trimesh.PointCloud(POINTS)}
    path, shift = tmp_path / f"true.{ending}", np.array([5e5, 4.2e6, 100.0])
    surfaces[ending].export(path)
    before = np.asarray(read_truth(path).vertices)
    write_shift(path, shift)
    np.testing.assert_allclose(read_truth(path).vertices, before + shift, rtol=0, atol=1e-6)


def test_neither(tmp_path: Path) -> None:
    (tmp_path / "true.ply").write_bytes(b"ply\nformat ascii 1.0\n")
    with pytest.raises(UserError, match=r"true\.ply: not a readable mesh|neither triangles nor points"):
        read_truth(tmp_path / "true.ply")
    with pytest.raises(UserError, match="no such mesh"):
        read_truth(tmp_path / "none.ply")
