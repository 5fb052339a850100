"""MonoSDF's protocol for Replica: culled by projection, cut to the truth's box, points against points.

`replica_eval/cull_mesh.py` and `eval_recon.py` of autonomousvision/monosdf (Yu et al., NeurIPS 2022), after
NICE-SLAM's. docs/evaluation.md has all steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import trimesh
from scipy.spatial import cKDTree

from neurfield.errors import UserError
from neurfield.evaluation.culling import PosedCameras, spread_out
from neurfield.evaluation.geometry import Surface, check_surface
from neurfield.evaluation.sampling import MeshSamples, face_normals, sample_surface

SAMPLES = 200_000
THRESHOLD = 0.05  # m
WIDER = 1.05  # of the truth's box; beyond it the mesh is cut off
_HALF = 0.5  # the protocol's first pixel has its middle at (0, 0)


def evaluate_replica(
    mesh: trimesh.Trimesh, truth: Surface, cameras: PosedCameras, *, samples: int = SAMPLES, seed: int = 0
) -> dict[str, Any]:
    """Numbers of a mesh by MonoSDF's protocol for Replica, with what they rest on.

    Args:
        mesh: the reconstruction, in the world of the truth, metres.
        truth: the true mesh, culled already or not.
        cameras: all of the trajectory, not the fitted frames alone.
        samples: points on each mesh.
        seed: of the points.

    Returns:
        accuracy_cm, completeness_cm, chamfer_l1_cm: mean distance from the mesh's points to the truth's, the
            other way, and the mean of the two.
        precision_percent, recall_percent, f_score_percent: of points within 5 cm.
        normal_consistency_percent: mean |n . n'| of nearest points, both ways.
        mesh_kept, truth_kept: shares of the faces that are left.
        protocol, cameras, samples, threshold_cm: the conventions.

    Raises:
        UserError: a mesh has no surface or is not finite, the truth has no faces, or nothing of one is left.
    """
    check_surface(mesh, "the mesh")
    if not isinstance(truth, trimesh.Trimesh):
        raise UserError("Replica's protocol measures against a mesh, and the true surface has points alone")
    check_surface(truth, "the true surface")
    seen, true = culled(mesh, cameras), culled(truth, cameras)
    if not len(seen.faces) or not len(true.faces):
        what = "the mesh" if len(true.faces) else "the true surface"
        raise UserError(f"no camera has {what} in its picture: is it in the world of the trajectory?")
    kept, true = cut_to_box(seen, true)
    if not len(kept.faces):
        raise UserError("nothing of the mesh is in the box of the true surface: is it in the same world?")
    # The last two for normals, as the original draws them anew.
    rec, gt, rec_again, gt_again = (
        sample_surface(part, samples, np.random.default_rng([seed, k]), even=False)
        for k, part in enumerate((kept, true, kept, true))
    )
    accuracy, completeness = _distances(gt.points, rec.points), _distances(rec.points, gt.points)
    precision, recall = float((accuracy < THRESHOLD).mean()), float((completeness < THRESHOLD).mean())
    both = precision + recall
    consistency = _consistency(kept, true, rec_again, gt_again)
    return {
        "protocol": "MonoSDF's of Replica", "cameras": len(cameras), "samples": samples,
        "accuracy_cm": 100.0 * float(accuracy.mean()), "completeness_cm": 100.0 * float(completeness.mean()),
        "chamfer_l1_cm": 50.0 * float(accuracy.mean() + completeness.mean()),
        "precision_percent": 100.0 * precision, "recall_percent": 100.0 * recall,
        "f_score_percent": 200.0 * precision * recall / both if both else 0.0,
        "normal_consistency_percent": 100.0 * consistency,
        "mesh_kept": len(kept.faces) / len(mesh.faces), "truth_kept": len(true.faces) / len(truth.faces),
        "threshold_cm": 100.0 * THRESHOLD,
    }  # fmt: skip


def culled(mesh: trimesh.Trimesh, cameras: PosedCameras) -> trimesh.Trimesh:
    """The faces of which some vertex lies in the picture of a camera, before it; hidden or not."""
    vertices = np.asarray(mesh.vertices, dtype=np.float64)
    seen = np.zeros(len(vertices), dtype=bool)
    rest = np.unique(mesh.faces)
    for i in spread_out(len(cameras)):
        if not len(rest):
            break
        uv, z = cameras.project(i, vertices[rest])
        edge = np.array([cameras.width[i], cameras.height[i]]) + _HALF
        with np.errstate(invalid="ignore"):
            inside = (z > 0) & (uv > _HALF).all(axis=1) & (uv < edge).all(axis=1)
        seen[rest[inside]] = True
        rest = rest[~inside]
    faces = np.asarray(mesh.faces)
    return trimesh.Trimesh(vertices, faces[seen[faces].any(axis=1)], process=False)


def cut_to_box(mesh: trimesh.Trimesh, truth: trimesh.Trimesh) -> tuple[trimesh.Trimesh, trimesh.Trimesh]:
    """Both in the axes of the truth's oriented box, the mesh without faces that leave 1.05 times it."""
    used = trimesh.Trimesh(*_compact(truth), process=False)
    to_box, _ = trimesh.bounds.oriented_bounds(used)
    turned, true = (
        trimesh.Trimesh(trimesh.transform_points(part.vertices, to_box), part.faces, process=False)
        for part in (mesh, used)
    )
    low, high = WIDER * true.vertices.min(axis=0), WIDER * true.vertices.max(axis=0)
    inside = ((turned.vertices > low) & (turned.vertices < high)).all(axis=1)
    faces = np.asarray(turned.faces)
    return trimesh.Trimesh(turned.vertices, faces[inside[faces].all(axis=1)], process=False), true


def _compact(mesh: trimesh.Trimesh) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and faces without vertices of no face."""
    used, faces = np.unique(mesh.faces, return_inverse=True)
    return np.asarray(mesh.vertices)[used], faces.reshape(-1, 3)


def _distances(to: np.ndarray, points: np.ndarray) -> np.ndarray:
    """From points [k,3] to the nearest of others: [k]."""
    distance, _ = cKDTree(to).query(points, workers=-1)
    return np.asarray(distance)


def _consistency(mesh: trimesh.Trimesh, truth: trimesh.Trimesh, rec: MeshSamples, gt: MeshSamples) -> float:
    """Mean |n . n'| of each sample and the other mesh's nearest, both ways."""
    ours, theirs = face_normals(mesh)[rec.faces], face_normals(truth)[gt.faces]
    _, of_rec = cKDTree(gt.points).query(rec.points, workers=-1)
    _, of_gt = cKDTree(rec.points).query(gt.points, workers=-1)
    pairs = ((ours, theirs[of_rec]), (theirs, ours[of_gt]))
    return float(np.mean([np.abs(np.einsum("ki,ki->k", a, b)).mean() for a, b in pairs]))
