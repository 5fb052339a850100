"""Clouds as files: what was written is read, of every format, and what is wrong is told in a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from neurfield.errors import UserError
from neurfield.shapes.cloud_files import CloudFile, read_cloud, write_cloud
from tests.shapes.known_clouds import sphere


def cloud(away: float = 0.0) -> CloudFile:
    points, normals = sphere(50)
    colors = np.random.default_rng(0).integers(0, 256, (50, 3)).astype(np.uint8)
    return CloudFile(points + away, normals, colors)


@pytest.mark.parametrize("suffix", [".ply", ".npz", ".xyz"])
@pytest.mark.parametrize("away", [0.0, 4e6])
def test_what_is_written_is_read(tmp_path: Path, suffix: str, away: float) -> None:
    given = cloud(away)
    write_cloud(tmp_path / f"cloud{suffix}", given)
    read = read_cloud(tmp_path / f"cloud{suffix}")
    assert np.allclose(
        read.points, given.points, rtol=0.0, atol=1e-5 if suffix != ".xyz" or not away else 0.01
    )
    assert read.normals is not None and given.normals is not None
    assert np.allclose(read.normals, given.normals, atol=1e-6)
    if suffix != ".xyz":
        assert read.colors is not None and np.array_equal(read.colors, given.colors)


def test_points_alone(tmp_path: Path) -> None:
    for name in ("a.ply", "a.npz", "a.xyz"):
        write_cloud(tmp_path / name, CloudFile(cloud().points))
        read = read_cloud(tmp_path / name)
        assert np.allclose(read.points, cloud().points, atol=1e-6)
        assert read.normals is None and read.colors is None


def test_text_of_others(tmp_path: Path) -> None:
    path = tmp_path / "scan.xyz"
    path.write_text("# a scan\n0.5, 1, 2, 255, 0, 10\n1.5, 1, 2, 0, 20, 30\n")
    read = read_cloud(path)
    assert read.points.tolist() == [[0.5, 1, 2], [1.5, 1, 2]] and read.normals is None
    assert read.colors is not None and read.colors.tolist() == [[255, 0, 10], [0, 20, 30]]


def test_what_trimesh_writes_and_a_shift_beside_it(tmp_path: Path) -> None:
    trimesh.PointCloud(cloud().points, colors=cloud().colors).export(tmp_path / "cloud.ply")
    (tmp_path / "cloud.ply.shift.txt").write_text("1000 0 -5\n")
    read = read_cloud(tmp_path / "cloud.ply")
    assert np.allclose(read.points, cloud().points + np.array([1000, 0, -5]), atol=1e-5)
    assert read.colors is not None and np.array_equal(read.colors, cloud().colors)


def test_normals_of_no_direction_are_none(tmp_path: Path) -> None:
    np.savez(tmp_path / "cloud.npz", points=cloud().points, normals=np.zeros((50, 3)))
    assert read_cloud(tmp_path / "cloud.npz").normals is None


def test_what_is_wrong_is_told(tmp_path: Path) -> None:
    trimesh.creation.box().export(tmp_path / "box.ply")
    np.savez(tmp_path / "names.npz", place=np.zeros((3, 3)))
    np.savez(tmp_path / "shape.npz", points=np.zeros((3, 3)), normals=np.zeros((2, 3)))
    (tmp_path / "two.xyz").write_text("1 2\n3 4\n")
    (tmp_path / "words.xyz").write_text("one two three\n")
    (tmp_path / "empty.xyz").write_text("")
    (tmp_path / "broken.ply").write_text("no ply")
    for name, says in {
        "none.ply": "no such file", "box.ply": "a mesh already", "names.npz": "it has: place",
        "shape.npz": r"normals must be \[3, 3\]", "two.xyz": "x y z are needed", "words.xyz": "not readable",
        "empty.xyz": "no points", "broken.ply": "not readable",
    }.items():  # fmt: skip
        with pytest.raises(UserError, match=says):
            read_cloud(tmp_path / name)
    with pytest.raises(UserError, match=r"cannot write points as \.obj"):
        write_cloud(tmp_path / "cloud.obj", cloud())
