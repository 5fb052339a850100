"""The protocol of Tanks and Temples' training scenes: the F-score at a scene's tau, in a crop volume.

Knapitsch et al., Tanks and Temples, SIGGRAPH 2017, as isl-org/TanksAndTemples computes it.
docs/evaluation.md has all steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from scipy.spatial import cKDTree

from neurfield.errors import UserError
from neurfield.evaluation.dense import dense_points, voxel_means
from neurfield.evaluation.geometry import check_surface
from neurfield.evaluation.registration import MatchedCameras, icp, match_cameras, motion_words, moved
from neurfield.evaluation.truth_files import (
    CropVolume,
    read_crop,
    read_mapping,
    read_points,
    read_similarity,
    read_trajectory,
)

TAU = {
    "Barn": 0.01, "Caterpillar": 0.005, "Church": 0.025, "Courthouse": 0.025, "Ignatius": 0.003,
    "Meetingroom": 0.01, "Truck": 0.005,
}  # fmt: skip
NEAR_CAMERA = 0.2  # m: cameras nearer than this to their partner agree
_VIDEO = 1600  # a longer trajectory has all frames of the video
_MOST_POINTS = 4_000_000  # in the last round of ICP


@dataclass(frozen=True)
class TanksTruth:
    """What Tanks and Temples publishes of a training scene; metres, in the laser's frame.

    Attributes:
        scene: its name.
        tau: the distance at which precision and recall are taken.
        points: [k,3], of the laser.
        crop: what counts, of either cloud.
        centers: [n,3], of the reference's cameras, one a picture in the order of their names.
        mapping: where SCENE_mapping_reference.txt lies, for trajectories of all frames of the video.
    """

    scene: str
    tau: float
    points: np.ndarray
    crop: CropVolume
    centers: np.ndarray
    mapping: Path

    def align(self, trajectory: np.ndarray, seed: int = 0) -> MatchedCameras:
        """How a trajectory [n,3] lies in the laser's frame.

        Args:
            trajectory: camera centres of the pictures in their order, or of all frames of the video.
            seed: of draws.

        Raises:
            UserError: it is of other cameras.
        """
        if len(trajectory) > _VIDEO:
            frames = read_mapping(self.mapping)
            if frames.min(initial=0) < 0 or frames.max(initial=0) >= len(trajectory):
                raise UserError(
                    f"{self.mapping}: names frames that a trajectory of {len(trajectory)} has not"
                )
            trajectory = trajectory[frames]
        if len(trajectory) != len(self.centers):
            raise UserError(
                f"{len(trajectory)} cameras, the reference of {self.scene} has {len(self.centers)}: give a "
                "trajectory of all its pictures (--align FILE.log), or --align MATRIX.txt"
            )
        matched = match_cameras(trajectory, self.centers, NEAR_CAMERA, seed)
        if matched.share < 0.5:
            raise UserError(
                f"only {100 * matched.share:.0f} % of the cameras agree with the reference of {self.scene} "
                f"to {NEAR_CAMERA:g} m: are they in the order of the pictures' names, and world_from_cam?"
            )
        return matched


def read_tanks(folder: str | Path) -> TanksTruth:
    """The true surface of a training scene out of the benchmark's own files.

    They are SCENE.ply, SCENE.json, SCENE_trans.txt and SCENE_COLMAP_SfM.log.

    Args:
        folder: that holds them.

    Raises:
        UserError: a file is missing, or holds something else, or it is no training scene.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder of a scene of Tanks and Temples")
    scenes = [name for name in TAU if (folder / f"{name}_trans.txt").is_file()]
    if len(scenes) != 1:
        raise UserError(
            f"{folder}: expected SCENE_trans.txt, SCENE.ply, SCENE.json and SCENE_COLMAP_SfM.log of one of "
            f"{', '.join(TAU)}: the training scenes"
        )
    (scene,) = scenes
    crop = read_crop(folder / f"{scene}.json")
    laser_from_reference = read_similarity(folder / f"{scene}_trans.txt")
    centers = moved(read_trajectory(folder / f"{scene}_COLMAP_SfM.log"), laser_from_reference)
    points = read_points(folder / f"{scene}.ply")
    return TanksTruth(scene, TAU[scene], points, crop, centers, folder / f"{scene}_mapping_reference.txt")


def evaluate_tanks(
    mesh: trimesh.Trimesh, truth: TanksTruth, laser_from_mesh: np.ndarray, *, with_icp: bool = True
) -> dict[str, Any]:
    """Numbers of a mesh by the protocol of Tanks and Temples, with what they rest on.

    Args:
        mesh: in any frame.
        truth: of the scene.
        laser_from_mesh: [4,4], similarity, as `TanksTruth.align` finds it.
        with_icp: refine it by three rounds of ICP, as the protocol does.

    Returns:
        precision@tau, recall@tau, f_score@tau: shares 0..1, "f_score@0.01" for a tau of 0.01 m.
        mesh_points, truth_points: how many points count of each.
        protocol, scene, icp, tau, voxel: the conventions.

    Raises:
        UserError: the mesh has no surface or is not finite, or nothing of it, or of the laser's points, is in
            the crop volume.
    """
    check_surface(mesh, "the mesh")
    tau, crop = truth.tau, truth.crop
    in_laser = trimesh.Trimesh(moved(np.asarray(mesh.vertices), laser_from_mesh), mesh.faces, process=False)
    points = dense_points(in_laser, tau / 2, crop.box + 80 * tau * np.array([[-1.0], [1.0]]))
    laser = truth.points[crop.holds(truth.points)]
    if not crop.holds(points).any():
        raise UserError(f"nothing of the mesh is in the crop volume of {truth.scene}: is it of this scene?")
    if not len(laser):
        raise UserError(f"no point of the laser is in the crop volume of {truth.scene}: copy the data again")
    aligned = "none"
    if with_icp:
        transform = _refined(points, laser, truth)
        points = moved(points, transform)
        aligned = f"within 80, 20, 2 tau; {motion_words(transform)}"
    mesh_points = voxel_means(points[crop.holds(points)], tau / 2)
    laser = voxel_means(laser, tau / 2)
    if not len(mesh_points):
        raise UserError(
            f"ICP took the mesh out of the crop volume of {truth.scene}: it is too far from the laser's"
        )
    to_laser = cKDTree(laser).query(mesh_points, workers=-1)[0]
    to_mesh = cKDTree(mesh_points).query(laser, workers=-1)[0]
    precision, recall = float((to_laser < tau).mean()), float((to_mesh < tau).mean())
    both = precision + recall
    return {
        "protocol": "Tanks and Temples", "scene": truth.scene, "icp": aligned,
        f"precision@{tau:g}": precision, f"recall@{tau:g}": recall,
        f"f_score@{tau:g}": 2 * precision * recall / both if both else 0.0,
        "mesh_points": len(mesh_points), "truth_points": len(laser), "tau": tau, "voxel": tau / 2,
    }  # fmt: skip


def _refined(points: np.ndarray, laser: np.ndarray, truth: TanksTruth) -> np.ndarray:
    """What three rounds of ICP add to the alignment, [4,4]; the laser's points are cropped already."""
    tau, transform = truth.tau, np.eye(4)
    for voxel, reach in ((tau, 80 * tau), (tau / 2, 20 * tau), (None, 2 * tau)):
        source = moved(points, transform)
        source, target = source[truth.crop.holds(source)], laser
        if voxel is None:
            source, target = _every(source), _every(target)
        else:
            source, target = voxel_means(source, voxel), voxel_means(target, voxel)
        transform = icp(source, cKDTree(target), reach) @ transform
    return transform


def _every(points: np.ndarray) -> np.ndarray:
    """Every n-th point, so that there are some four millions at most."""
    return points[:: max(1, round(len(points) / _MOST_POINTS))]
