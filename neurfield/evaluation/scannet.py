"""MonoSDF's protocol for ScanNet: the mesh is drawn from the scan's poses and fused again, vertices compared.

`scannet_eval/evaluate.py` of autonomousvision/monosdf (Yu et al., NeurIPS 2022), after Manhattan-SDF's.
docs/evaluation.md has all steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import trimesh
from scipy.spatial import cKDTree

from neurfield.errors import UserError
from neurfield.evaluation.dense import voxel_means
from neurfield.evaluation.depth_volume import DepthVolume
from neurfield.evaluation.geometry import Surface, check_surface
from neurfield.evaluation.rendered_depth import DepthRenderer, PinholeCameras

VOXEL, TRUNCATION = 0.01, 0.03  # m, of the volume
FARTHEST = 5.0  # m: depth beyond it is none
APART = 0.02  # m, between the points that are compared
THRESHOLD = 0.05  # m


def evaluate_scannet(mesh: trimesh.Trimesh, truth: Surface, cameras: PinholeCameras) -> dict[str, Any]:
    """Numbers of a mesh by MonoSDF's protocol for ScanNet, with what they rest on.

    Args:
        mesh: the reconstruction, in the scan's world, metres, its triangles seen from free space.
        truth: the data set's mesh; its vertices count as they are, or a cloud of points.
        cameras: those that the mesh is drawn from, every tenth of the scan's, without distortion.

    Returns:
        accuracy, completeness, chamfer_l1: mean distance in metres from the fused mesh's points to the
            truth's, the other way, and the mean of the two.
        precision@0.05, recall@0.05, f_score@0.05: shares 0..1 of points within 5 cm.
        mesh_points, truth_points: how many points are compared.
        protocol, cameras, voxel, truncation, farthest, apart: the conventions.

    Raises:
        UserError: the mesh has no surface or is not finite, or no camera sees anything of it.
    """
    check_surface(mesh, "the mesh")
    fused = fused_again(mesh, cameras)
    if not len(fused):
        raise UserError(
            "no camera of the scan sees the mesh from its front: is it in the scan's world, with triangles "
            "that face free space?"
        )
    ours, theirs = voxel_means(fused, APART), voxel_means(_vertices(truth), APART)
    accuracy = cKDTree(theirs).query(ours, workers=-1)[0]
    completeness = cKDTree(ours).query(theirs, workers=-1)[0]
    precision, recall = float((accuracy < THRESHOLD).mean()), float((completeness < THRESHOLD).mean())
    both = precision + recall
    at = f"{THRESHOLD:g}"
    return {
        "protocol": "MonoSDF's of ScanNet", "cameras": len(cameras),
        "accuracy": float(accuracy.mean()), "completeness": float(completeness.mean()),
        "chamfer_l1": float(accuracy.mean() + completeness.mean()) / 2,
        f"precision@{at}": precision, f"recall@{at}": recall,
        f"f_score@{at}": 2 * precision * recall / both if both else 0.0,
        "mesh_points": len(ours), "truth_points": len(theirs),
        "voxel": VOXEL, "truncation": TRUNCATION, "farthest": FARTHEST, "apart": APART,
    }  # fmt: skip


def fused_again(mesh: trimesh.Trimesh, cameras: PinholeCameras) -> np.ndarray:
    """Vertices [k,3] of what a volume makes of the mesh's depth, as the cameras see it."""
    renderer = DepthRenderer(mesh, cameras)
    volume = DepthVolume(np.asarray(mesh.bounds, np.float64), VOXEL, TRUNCATION)
    for i in range(len(cameras)):
        depth = renderer.depth(i)
        depth[depth > FARTHEST] = 0.0
        lens = np.array([cameras.fx[i], cameras.fy[i], cameras.cx[i], cameras.cy[i]])
        volume.add(depth, cameras.world_from_cam[i], lens)
    return volume.vertices()


def _vertices(truth: Surface) -> np.ndarray:
    """The places [k,3] of a mesh's used vertices, each once; of a cloud all points."""
    points = np.asarray(truth.vertices, np.float64)
    if isinstance(truth, trimesh.Trimesh) and len(truth.faces):
        points = points[np.unique(truth.faces)]
    if not len(points) or not np.isfinite(points).all():
        raise UserError("the true surface has no points, or some that are NaN or infinite: copy it again")
    return np.unique(points, axis=0)
