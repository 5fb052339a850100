"""MonoSDF's protocols for rooms of Replica and scans of ScanNet, as `neurfield eval` runs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import trimesh

from neurfield.errors import UserError
from neurfield.evaluation import Surface, evaluate_replica, evaluate_scannet
from neurfield.inputs.protocol import Protocol, Trajectory
from neurfield.scenes import builtin, replica
from neurfield.scenes.cameras import Cameras
from neurfield.scenes.layouts import monosdf, scannet
from neurfield.scenes.truth import read_truth

EVERY = 10  # poses of a scan of ScanNet


class Replica(Protocol):
    """That for Replica (`neurfield.evaluation.replica`).

    Args:
        room: a room's folder, with traj.txt, or the name of a built-in one.
        against: the true surface and its name; None: it lies in the folder or beside it.
    """

    key = "replica"
    has_icp = False

    def __init__(self, room: str, against: tuple[Surface, str] | None) -> None:
        folder = builtin.ensure_builtin(room) if room in builtin.BUILTIN else _folder(room)
        self._cameras = replica.trajectory_cameras(folder)
        found = replica.true_surface(folder) or monosdf.true_surface(folder)
        self._truth, self._name = against or _read(
            found, f"{folder}: no true surface in it, and no cull_GTmesh/ or {folder.name}_mesh.ply beside it"
        )

    def numbers(self, mesh: trimesh.Trimesh, trajectory: Trajectory, with_icp: bool) -> dict[str, Any]:
        """As `evaluate_replica`, and which file is the truth."""
        return {**evaluate_replica(mesh, self._truth, self._cameras), "truth": self._name}


class Scannet(Protocol):
    """That for ScanNet (`neurfield.evaluation.scannet`).

    Args:
        scan: a scan's folder, with pose/ and intrinsic/.
        against: the true surface and its name; None: it lies beside the folder, or in it.
    """

    key = "scannet"
    has_icp = False

    def __init__(self, scan: str, against: tuple[Surface, str] | None) -> None:
        folder = _folder(scan)
        self._cameras: Cameras = scannet.scan_cameras(folder, EVERY)
        found = monosdf.true_surface(folder) or scannet.true_surface(folder)
        self._truth, self._name = against or _read(
            found, f"{folder}: no *_vh_clean_2.ply in it, and no GTmesh_lowres/ beside it"
        )

    def numbers(self, mesh: trimesh.Trimesh, trajectory: Trajectory, with_icp: bool) -> dict[str, Any]:
        """As `evaluate_scannet`, and which file is the truth."""
        return {**evaluate_scannet(mesh, self._truth, self._cameras), "truth": self._name}


def _folder(name: str) -> Path:
    folder = Path(name).expanduser().resolve()
    if not folder.is_dir():
        raise UserError(f"{name}: there is no such folder of a scene")
    return folder


def _read(file: Path | None, lacking: str) -> tuple[Surface, str]:
    if file is None:
        raise UserError(f"{lacking}: give it with --against MESH")
    return read_truth(file), file.name
