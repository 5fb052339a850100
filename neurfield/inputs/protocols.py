"""Benchmarks' protocols as `neurfield eval` runs them: the truth is read first, then the mesh measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from neurfield.errors import UserError
from neurfield.evaluation import Surface, evaluate_dtu, evaluate_tanks, read_dtu, read_tanks
from neurfield.evaluation.registration import moved
from neurfield.evaluation.truth_files import read_similarity, read_trajectory
from neurfield.inputs.outcome import Outcome
from neurfield.inputs.protocol import WITH_ICP, Protocol, Trajectory
from neurfield.inputs.room_protocols import Replica, Scannet


class Dtu(Protocol):
    """DTU's (`neurfield.evaluation.dtu`).

    Args:
        folder: of DTU's data.
        scan: its number.
        align: a matrix that takes the mesh to DTU's frame; None: it is there.
    """

    key = "dtu"

    def __init__(self, folder: Path, scan: int, align: Path | None) -> None:
        if align is not None and align.suffix == ".log":
            raise UserError(f"{align}: DTU's protocol has no trajectories: give --align MATRIX.txt")
        self._dtu_from_mesh = np.eye(4) if align is None else read_similarity(align)
        self._truth = read_dtu(folder, scan)

    def numbers(self, mesh: trimesh.Trimesh, trajectory: Trajectory, with_icp: bool) -> dict[str, Any]:
        """As `evaluate_dtu`."""
        vertices = moved(np.asarray(mesh.vertices), self._dtu_from_mesh)
        return evaluate_dtu(
            trimesh.Trimesh(vertices, mesh.faces, process=False), self._truth, with_icp=with_icp
        )


class Tanks(Protocol):
    """That of Tanks and Temples (`neurfield.evaluation.tanks_and_temples`).

    Args:
        folder: of a training scene.
        align: a matrix that takes the mesh to the laser's frame, or a .log of the mesh's cameras; None: the
            run's own cameras are asked.
    """

    key = "tanks_and_temples"

    def __init__(self, folder: Path, align: Path | None) -> None:
        self._truth = read_tanks(folder)
        self._transform: np.ndarray | None = None
        self._said: dict[str, Any] = {"aligned_by": "a matrix"}
        if align is not None and align.suffix == ".log":
            self._align(read_trajectory(align))
        elif align is not None:
            self._transform = read_similarity(align)

    def numbers(self, mesh: trimesh.Trimesh, trajectory: Trajectory, with_icp: bool) -> dict[str, Any]:
        """As `evaluate_tanks`, and how the mesh was aligned."""
        if self._transform is None:
            self._align(trajectory(len(self._truth.centers)))
        assert self._transform is not None
        return {**evaluate_tanks(mesh, self._truth, self._transform, with_icp=with_icp), **self._said}

    def _align(self, trajectory: np.ndarray) -> None:
        matched = self._truth.align(trajectory)
        self._transform = matched.transform
        self._said = {"aligned_by": "cameras", "cameras_agree": matched.share}


def read_protocols(
    dtu: str | None = None,
    scan: int | None = None,
    tanks: str | None = None,
    align: str | None = None,
    *,
    replica: str | None = None,
    scannet: str | None = None,
    against: tuple[Surface, str] | None = None,
) -> list[Protocol]:
    """Protocols that are asked for, with their truth.

    Args:
        dtu: folder of DTU's data.
        scan: of it.
        tanks: folder of a training scene of Tanks and Temples.
        align: a file that says where the mesh lies, of the one or the other.
        replica: folder of a room of Replica, or the name of a built-in one.
        scannet: folder of a scan.
        against: the true surface of these two and its name; None: they have their own.

    Raises:
        UserError: what is given does not go together, or a file is missing or holds something else.
    """
    if (dtu is None) != (scan is None):
        raise UserError("--dtu FOLDER and --scan N go together: which of DTU's scans is it?")
    if align is not None and (dtu is None) == (tanks is None):
        raise UserError("--align goes with either --dtu FOLDER or --tanks FOLDER")
    at = None if align is None else Path(align)
    protocols: list[Protocol] = []
    if dtu is not None and scan is not None:
        protocols.append(Dtu(Path(dtu), scan, at))
    if tanks is not None:
        protocols.append(Tanks(Path(tanks), at))
    if replica is not None:
        protocols.append(Replica(replica, against))
    if scannet is not None:
        protocols.append(Scannet(scannet, against))
    return protocols


def measure_by(protocols: Sequence[Protocol], outcome: Outcome, trajectory: Trajectory) -> None:
    """Numbers of the outcome's mesh by each protocol; those of an earlier time go, whose mesh was another.

    Args:
        protocols: of `read_protocols`.
        outcome: with the mesh.
        trajectory: of the mesh's cameras, `Input.trajectory`.
    """
    for kind in (Dtu, Tanks, Replica, Scannet):
        for key in (kind.key, kind.key + WITH_ICP):
            outcome.metrics.pop(key, None)
    for protocol in protocols:
        protocol.measure(outcome, trajectory)
