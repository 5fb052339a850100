"""MonoSDF's protocols for rooms on a run's mesh: all poses of a folder, and the truth where it lies."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import trimesh

from neurfield.errors import UserError
from neurfield.evaluation import evaluate_replica
from neurfield.inputs import room_protocols
from neurfield.inputs.outcome import Outcome
from neurfield.inputs.protocols import measure_by, read_protocols
from neurfield.report.numbers import numbers_in_words
from neurfield.scenes import Cameras
from neurfield.scenes.layouts import scannet
from neurfield.scenes.replica import trajectory_cameras

SIDES = np.array([1.5, 1.2, 1.0])


def no_cameras(pictures: int) -> np.ndarray:
    raise AssertionError("no alignment is asked for")


def box_room(sides: np.ndarray = SIDES, edge: float = 0.05) -> trimesh.Trimesh:
    """A room whose triangles face its inside."""
    box = trimesh.creation.box(sides)
    vertices, faces = trimesh.remesh.subdivide_to_size(box.vertices, box.faces, edge)
    return trimesh.Trimesh(vertices, faces[:, ::-1], process=False)


def looking_around(count: int = 6) -> np.ndarray:
    """Poses in the middle of the room, one for each wall in turn."""
    poses = np.repeat(np.eye(4)[None], count, axis=0)
    for k, pose in enumerate(poses):
        forward = np.roll([1.0, 0, 0], k % 3) * (1 if k % 6 < 3 else -1)
        right = np.roll(np.abs(forward), 1)
        pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    return poses


def write_room(folder: Path, camera: bool = True) -> Path:
    """What is needed of a room of Replica: its trajectory and its camera, without any picture."""
    folder.mkdir(parents=True)
    lines = [" ".join(f"{v:.9g}" for v in pose.ravel()) for pose in looking_around()]
    (folder / "traj.txt").write_text("\n".join(lines) + "\n")
    if camera:
        own = {"w": 200, "h": 160, "fx": 70.0, "fy": 70.0, "cx": 99.5, "cy": 79.5, "scale": 6553.5}
        (folder / "cam_params.json").write_text(json.dumps({"camera": own}))
    return folder


def write_scan(folder: Path) -> Path:
    """What is needed of a scan: every tenth pose looks at a wall, the others away from everything."""
    (folder / "pose").mkdir(parents=True)
    poses = looking_around()
    for k in range(61):
        pose = poses[k // 10 % 6].copy()
        if k % 10:
            pose[:3, 3] = 900.0
        np.savetxt(folder / f"pose/{k}.txt", np.full((4, 4), -np.inf) if k == 60 else pose)
    (folder / "intrinsic").mkdir()
    matrix = np.diag([70.0, 70.0, 1.0, 1.0])
    matrix[:2, 2] = 99.5, 79.5
    np.savetxt(folder / "intrinsic/intrinsic_color.txt", matrix)
    return folder


def measured(mesh: trimesh.Trimesh, **asked: object) -> dict[str, object]:
    outcome = Outcome({"replica": "of another mesh", "scannet": "of another mesh"}, mesh)
    measure_by(read_protocols(**asked), outcome, no_cameras)  # type: ignore[arg-type]
    assert not outcome.troubles
    return outcome.metrics


@pytest.fixture(autouse=True)
def fewer_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough for a room as small."""
    monkeypatch.setattr(room_protocols, "evaluate_replica", partial(evaluate_replica, samples=20_000))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scannet, "_COLOUR", (200, 160))


def test_a_room_by_its_trajectory_and_the_mesh_beside_it(tmp_path: Path) -> None:
    room = write_room(tmp_path / "office9")
    with pytest.raises(UserError, match=r"no true surface in it.*office9_mesh\.ply beside it: give"):
        read_protocols(replica=str(room))
    box_room().export(tmp_path / "office9_mesh.ply")
    metrics = measured(box_room(), replica=str(room))
    assert list(metrics) == ["replica"]  # neither with ICP nor an old number
    numbers = metrics["replica"]
    assert isinstance(numbers, dict) and numbers["f_score_percent"] > 99.9
    assert numbers["truth"] == "office9_mesh.ply" and numbers["cameras"] == 6


def test_a_folder_of_monosdf_has_replicas_own_camera(tmp_path: Path) -> None:
    room = write_room(tmp_path / "scan5", camera=False)
    (tmp_path / "cull_GTmesh").mkdir()
    box_room().export(tmp_path / "cull_GTmesh/office1.ply")
    assert measured(box_room(), replica=str(room))["replica"]["truth"] == "office1.ply"  # type: ignore[index]
    cameras = trajectory_cameras(room)
    assert (cameras.width[0], cameras.height[0], cameras.fx[0]) == (1200, 680, 600.0)
    assert (cameras.cx == 600.0).all() and (cameras.cy == 340.0).all()


def test_a_true_surface_that_is_given_goes_before_the_folders_own(tmp_path: Path, small: None) -> None:
    room, scan = write_room(tmp_path / "room"), write_scan(tmp_path / "scan")
    box_room(SIDES * 2).export(room / "mesh.ply")
    given = (box_room(), "given.ply")
    metrics = measured(box_room(), replica=str(room), scannet=str(scan), against=given)
    assert metrics["replica"]["truth"] == metrics["scannet"]["truth"] == "given.ply"  # type: ignore[index]
    assert metrics["replica"]["f_score_percent"] > 99.9  # type: ignore[index]
    assert metrics["scannet"]["f_score@0.05"] > 0.99  # type: ignore[index]


def test_every_tenth_pose_of_a_scan_and_no_lost_one(tmp_path: Path, small: None) -> None:
    scan = write_scan(tmp_path / "scene0050_00")
    cameras = scannet.scan_cameras(scan, 10)
    np.testing.assert_allclose(cameras.world_from_cam, looking_around(), atol=1e-12)
    assert isinstance(cameras, Cameras) and (cameras.cx == 100.0).all() and (cameras.height == 160).all()
    with pytest.raises(UserError, match=r"no \*_vh_clean_2.ply in it.*--against MESH"):
        read_protocols(scannet=str(scan))
    (tmp_path / "GTmesh_lowres").mkdir()
    box_room(edge=0.02).export(tmp_path / "GTmesh_lowres/0050_00.obj")
    numbers = measured(box_room(), scannet=str(scan))["scannet"]
    assert isinstance(numbers, dict) and numbers["cameras"] == 6 and numbers["truth"] == "0050_00.obj"
    assert numbers["f_score@0.05"] > 0.99


def test_numbers_are_told_in_words(tmp_path: Path) -> None:
    room = write_room(tmp_path / "room")
    metrics = measured(box_room(), replica=str(room), against=(box_room(), "given.ply"))
    ((title, rows),) = numbers_in_words(metrics)
    said = dict(rows)
    assert title == "MonoSDF's protocol for Replica" and said["F-score"] == "100.00 %"
    assert said["threshold"] == "5 cm" and said["accuracy (mesh to truth)"].endswith(" cm")
    assert said["share of the mesh's faces that is left"] == "100.0 %" and said["true surface"] == "given.ply"


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"replica": "gone"}, "gone: there is no such folder"),
        ({"scannet": "gone"}, "gone: there is no such folder"),
        ({"replica": "."}, r"traj.txt: no such file.*give a room of Replica"),
        ({"scannet": "."}, r"no intrinsic/intrinsic_color.txt: give a scan"),
        ({"replica": ".", "align": "a.txt"}, "--align goes with either --dtu FOLDER or --tanks FOLDER"),
    ],
)
def test_what_is_not_there_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=says) as caught:
        read_protocols(**asked)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
