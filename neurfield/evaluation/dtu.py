"""DTU's protocol: mean distances in millimetres, of what its scanner and its observation mask know.

Jensen et al., Large Scale Multi-view Stereopsis Evaluation, CVPR 2014, as jzhangbs/DTUeval-python computes
it. The ICP that some papers run before is that of zju3dv/PGSR. docs/evaluation.md has all steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from scipy.spatial import cKDTree

from neurfield.errors import UserError
from neurfield.evaluation.dense import dense_points, thinned
from neurfield.evaluation.geometry import check_surface
from neurfield.evaluation.registration import icp, motion_words, moved
from neurfield.evaluation.truth_files import read_points

SPACING = 0.2  # mm, between points of the mesh
CUT = 20.0  # mm; what is farther counts in no mean
ICP_REACHES = (10.0, 2.5, 0.5)  # mm
_BELOW, _ABOVE = 60.0, 120.0  # mm beyond the mask's box; the code adds its patch of 60 twice above
_PLACES = ("", "MVS Data", "SampleSet/MVS Data")  # where the data's archives are unpacked to


@dataclass(frozen=True)
class DtuTruth:
    """What DTU publishes of a scan; millimetres.

    Attributes:
        scan: its number.
        points: [k,3], of the scanner.
        observed: bool [x,y,z], the voxels where the mesh is asked to be right.
        corner: [3], the centre of voxel 0.
        top: [3], the other corner of the mask's box.
        voxel: side of a voxel.
        plane: [4]; a scanned point counts where plane . (x, y, z, 1) is positive, above the table.
    """

    scan: int
    points: np.ndarray
    observed: np.ndarray
    corner: np.ndarray
    top: np.ndarray
    voxel: float
    plane: np.ndarray

    @property
    def region(self) -> np.ndarray:
        """[2,3], the box whose points of the mesh the scanner's are looked for among."""
        return np.stack([self.corner - _BELOW, self.top + _ABOVE])

    def observes(self, points: np.ndarray) -> np.ndarray:
        """Which points [k,3] lie in an observed voxel: bool [k]."""
        cells = np.round((points - self.corner) / self.voxel).astype(np.int64)
        inside = ((cells >= 0) & (cells < self.observed.shape)).all(axis=1)
        result = np.zeros(len(points), bool)
        result[inside] = self.observed[tuple(cells[inside].T)]
        return result


def read_dtu(folder: str | Path, scan: int) -> DtuTruth:
    """The true surface of a scan out of DTU's own files.

    They are Points/stl/stl024_total.ply, ObsMask/ObsMask24_10.mat and ObsMask/Plane24.mat, for scan 24.

    Args:
        folder: that holds Points and ObsMask; "MVS Data" in it, or "SampleSet/MVS Data", will do.
        scan: the number.

    Raises:
        UserError: a file is missing, or holds something else.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder of DTU's data")
    mask = _file(folder, f"ObsMask/ObsMask{scan}_10.mat")
    plane = _file(folder, f"ObsMask/Plane{scan}.mat")
    points = _file(folder, f"Points/stl/stl{scan:03d}_total.ply")
    observed, box, voxel = _arrays(mask, "ObsMask", "BB", "Res")
    (equation,) = _arrays(plane, "P")
    box, voxel = box.astype(np.float64), voxel.astype(np.float64).ravel()
    if observed.ndim != 3 or box.shape != (2, 3) or voxel.size != 1 or not voxel[0] > 0:
        raise UserError(f"{mask}: expected ObsMask of three dimensions, BB of 2 x 3 and Res of one number")
    if equation.size != 4 or not np.isfinite(equation).all():
        raise UserError(f"{plane}: expected P of four numbers")
    return DtuTruth(
        scan,
        read_points(points),
        observed != 0,
        box[0],
        box[1],
        float(voxel[0]),
        equation.astype(float).ravel(),
    )


def evaluate_dtu(
    mesh: trimesh.Trimesh, truth: DtuTruth, *, with_icp: bool = False, seed: int = 0
) -> dict[str, Any]:
    """Numbers of a mesh by DTU's protocol, with what they rest on.

    Args:
        mesh: in DTU's own frame, millimetres.
        truth: of the scan.
        with_icp: lay the mesh onto the scanner's points first (three rounds, with scale), which the protocol
            does not, but some papers do.
        seed: of the order in which points are thinned out.

    Returns:
        accuracy_mm: mean distance from the mesh's points in the observation mask to the scanner's.
        completeness_mm: mean distance from the scanner's points above the plane to the mesh's.
        overall_mm: the mean of these two, which papers call the Chamfer distance.
        mesh_beyond, truth_beyond: shares of the points that are farther than the cut, and in no mean.
        mesh_points, truth_points: how many points count of each.
        protocol, scan, icp, spacing_mm, cut_mm: the conventions.

    Raises:
        UserError: the mesh has no surface, is not finite, or is not where the scan is.
    """
    check_surface(mesh, "the mesh")
    scanned = cKDTree(truth.points)
    aligned = "none"
    region = truth.region
    if with_icp:
        transform = _icp(np.asarray(mesh.vertices)[np.unique(mesh.faces)], scanned)
        mesh = trimesh.Trimesh(moved(np.asarray(mesh.vertices), transform), mesh.faces, process=False)
        aligned = f"within {', '.join(f'{reach:g}' for reach in ICP_REACHES)} mm; {motion_words(transform)}"
    points = thinned(dense_points(mesh, SPACING, region), SPACING, np.random.default_rng(seed))
    observed = points[truth.observes(points)]
    above = truth.points[truth.points @ truth.plane[:3] + truth.plane[3] > 0]
    if not len(observed):
        raise UserError(
            f"nothing of the mesh is in the observation mask of DTU's scan {truth.scan}: its vertices must "
            "be in DTU's own frame, in millimetres; --align MATRIX.txt takes them there"
        )
    if not len(above):
        raise UserError(
            f"no scanned point of DTU's scan {truth.scan} is above its plane: copy the data again"
        )
    to_truth = scanned.query(observed, workers=-1)[0]
    to_mesh = cKDTree(points).query(above, workers=-1)[0]
    for distance, what in ((to_truth, "point of the mesh"), (to_mesh, "scanned point")):
        if not (distance < CUT).any():
            raise UserError(
                f"no {what} is within {CUT:g} mm of its partner in DTU's scan {truth.scan}: is the mesh in "
                "DTU's own frame, in millimetres?"
            )
    accuracy, completeness = (float(d[d < CUT].mean()) for d in (to_truth, to_mesh))
    return {
        "protocol": "DTU", "scan": truth.scan, "icp": aligned,
        "accuracy_mm": accuracy, "completeness_mm": completeness, "overall_mm": (accuracy + completeness) / 2,
        "mesh_beyond": float((to_truth >= CUT).mean()), "truth_beyond": float((to_mesh >= CUT).mean()),
        "mesh_points": len(observed), "truth_points": len(above),
        "spacing_mm": SPACING, "cut_mm": CUT,
    }  # fmt: skip


def _icp(vertices: np.ndarray, scanned: cKDTree) -> np.ndarray:
    """The transform [4,4] of the rounds of ICP, each from where the one before it ended."""
    transform = np.eye(4)
    for reach in ICP_REACHES:
        transform = icp(moved(vertices, transform), scanned, reach) @ transform
    return transform


def _file(folder: Path, name: str) -> Path:
    found = [folder / place / name for place in _PLACES if (folder / place / name).is_file()]
    if not found:
        raise UserError(f"{folder / name}: there is no such file: put DTU's Points and ObsMask into {folder}")
    return found[0]


def _arrays(path: Path, *names: str) -> list[np.ndarray]:
    """Arrays of a .mat file by name."""
    from scipy.io import loadmat

    try:
        data = loadmat(str(path))
    except Exception as reason:  # whatever its parsers meet; version 7.3 raises NotImplementedError
        raise UserError(
            f"{path}: not a readable .mat file ({type(reason).__name__}): copy it again"
        ) from reason
    missing = [name for name in names if name not in data]
    if missing:
        there = ", ".join(name for name in data if not name.startswith("__")) or "nothing"
        raise UserError(f"{path}: has no {missing[0]}, but {there}: copy it again")
    return [np.asarray(data[name]) for name in names]
