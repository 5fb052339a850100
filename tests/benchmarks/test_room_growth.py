"""The growth of a room: which frames are taken, and the first surface as a mesh, without fitting anything."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks import room_growth
from benchmarks.first_surface import mesh_of_points
from neurfield.errors import UserError
from neurfield.points.fuse_scene import VolumePoints
from neurfield.rays import UnitFrame
from tests.fusion.box_room import cameras_of, pose_looking


def ball(radius: float = 0.5, voxel: float = 0.04) -> VolumePoints:
    """Voxels around a sphere, apart from those with x above 0.3."""
    axis = torch.arange(-20, 20) * voxel + 0.01
    points = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1).view(-1, 3)
    sdf = points.norm(dim=1) - radius
    near = (sdf.abs() < 3 * voxel) & (points[:, 0] < 0.3)
    none = torch.zeros(0, 3)
    return VolumePoints(
        points[near], sdf[near], torch.ones(int(near.sum())), None, None, 0.1, none, 4 * voxel, ""
    )  # fmt: skip


def test_the_first_surface_is_where_distances_are_zero_and_open_where_nothing_is_known() -> None:
    pytest.importorskip("skimage")
    mesh = mesh_of_points(ball(), UnitFrame(np.array([10.0, 0.0, -2.0]), 3.0))
    used = mesh.vertices[np.unique(mesh.faces)]
    away = np.linalg.norm(used - [10.0, 0.0, -2.0], axis=1)
    assert abs(away - 1.5).max() < 0.03 * 3.0 * 0.5
    assert used[:, 0].max() < 10.0 + 3.0 * 0.34 and used[:, 0].min() < 10.0 - 1.4
    outwards = ((mesh.triangles_center - [10.0, 0.0, -2.0]) * mesh.face_normals).sum(axis=1)
    assert (abs(outwards) > 1.3).all()


def test_frames_are_spread_over_the_walk() -> None:
    cameras = cameras_of([pose_looking(0.0, 0.0, np.array([k, 0.0, 0.0])) for k in range(10)], (4, 6), 5.0)
    scene = room_growth.Scene("walk", Path("walk"), cameras, {})
    np.testing.assert_allclose(room_growth.every(scene, 4).cameras.centers[:, 0], [0, 3, 6, 9])
    with pytest.raises(UserError, match="10 frames, 11 are asked for"):
        room_growth.every(scene, 11)


def test_a_table_of_all_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Frames that did not all fit get a row that holds them all; the other kind of priors gets one."""
    asked = []

    def run(command: list[str]) -> SimpleNamespace:
        asked.append(command)
        count = int(command[command.index("--frames") + 1])
        fitted = count if "--hold-all" in command else min(count, 526)
        row = {"frames": count, "fitted": fitted, "seconds": 0.05 * fitted, "peak_gb": 1.0, "F@5cm": 0.8}
        return SimpleNamespace(status=0, output=f"said before\n{json.dumps({**row, 'normals': 0.9})}\n")

    monkeypatch.setattr(room_growth, "run_measured", run)
    monkeypatch.setattr(room_growth, "made", lambda folder, frames: folder / "walk")
    monkeypatch.setattr(
        "sys.argv",
        ["x", "--methods", "monosdf", "--folder", str(tmp_path), "--out", str(tmp_path / "a.json")],
    )
    room_growth.main()
    rows = json.loads((tmp_path / "a.json").read_text())["rows"]
    assert [row["fitted"] for row in rows] == [100, 200, 500, 526, 1000, 500]
    assert [row["priors"] for row in rows] == [*["independent"] * 5, "repeating"]
    assert str(tmp_path / "walk" / "priors_repeating") in asked[-1]
    assert "50.0" in capsys.readouterr().out  # ms a frame
