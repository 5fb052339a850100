"""Clouds as files: what was written is read, of every format, and what is wrong is told in a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from neurfield.errors import UserError
from neurfield.shapes.cloud_files import read_cloud, write_cloud
from neurfield.shapes.shape import Shape
from tests.shapes.known_clouds import sphere


def cloud(away: float = 0.0) -> Shape:
    points, normals = sphere(50)
    colors = np.random.default_rng(0).integers(0, 256, (50, 3)).astype(np.uint8)
    return Shape("cloud", points + away, normals=normals, colors=colors)


@pytest.mark.parametrize("suffix", [".ply", ".npz", ".xyz"])
@pytest.mark.parametrize("away", [0.0, 4e6])
def test_what_is_written_is_read(tmp_path: Path, suffix: str, away: float) -> None:
    given = cloud(away)
    write_cloud(tmp_path / f"cloud{suffix}", given)
    read = read_cloud(tmp_path / f"cloud{suffix}")
    assert np.allclose(read.vertices, given.vertices, rtol=0.0, atol=1e-5)
    assert read.normals is not None and given.normals is not None
    assert np.allclose(read.normals, given.normals, atol=1e-6)
    if suffix != ".xyz":
        assert read.colors is not None and np.array_equal(read.colors, given.colors)


def test_points_alone(tmp_path: Path) -> None:
    for name in ("a.ply", "a.npz", "a.xyz"):
        write_cloud(tmp_path / name, Shape("cloud", cloud().vertices))
        read = read_cloud(tmp_path / name)
        assert np.allclose(read.vertices, cloud().vertices, atol=1e-6)
        assert read.normals is None and read.colors is None


def test_what_trimesh_writes_and_a_shift_beside_it(tmp_path: Path) -> None:
    trimesh.PointCloud(cloud().vertices, colors=cloud().colors).export(tmp_path / "cloud.ply")
    (tmp_path / "cloud.ply.shift.txt").write_text("1000 0 -5\n")
    read = read_cloud(tmp_path / "cloud.ply")
    assert np.allclose(read.vertices, cloud().vertices + np.array([1000, 0, -5]), atol=1e-5)
    assert read.colors is not None and np.array_equal(read.colors, cloud().colors)


def test_what_holds_triangles_and_other_endings_are_refused(tmp_path: Path) -> None:
    trimesh.creation.box().export(tmp_path / "box.ply")
    with pytest.raises(UserError, match="a mesh already"):
        read_cloud(tmp_path / "box.ply")
    with pytest.raises(UserError, match=r"cannot write points as \.obj"):
        write_cloud(tmp_path / "cloud.obj", cloud())
