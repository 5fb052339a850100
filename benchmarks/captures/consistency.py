"""How a mesh agrees with what its photos say, and with the truth where a rendering has one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from benchmarks import object_table
from benchmarks.common import say
from neurfield.errors import UserError
from neurfield.evaluation import evaluate_mesh, pose_errors
from neurfield.evaluation.nearest import NearestSurface
from neurfield.evaluation.registration import moved, similarity
from neurfield.evaluation.sampling import sample_surface, triangle_areas
from neurfield.scenes.cameras import Cameras
from neurfield.scenes.scene import Scene

_ANCHORS = 100_000


def points_to_mesh(mesh: trimesh.Trimesh, points: np.ndarray, box: np.ndarray) -> dict[str, float | None]:
    """How far structure from motion's points [k,3] in a box [2,3] are from a mesh.

    Returns:
        inside: percent of the points that lie in the box. median: percent of the box's diagonal. near:
        percent of those inside that are within 1 % of the diagonal. The last two None where no point is
        inside.
    """
    inside = points[((points > box[0]) & (points < box[1])).all(axis=1)]
    found: dict[str, float | None] = {"inside": 100 * len(inside) / max(1, len(points))}
    if not len(inside) or not len(mesh.faces):
        return {**found, "median": None, "near": None}
    drawn = sample_surface(mesh, _ANCHORS, np.random.default_rng(0))
    distance, _, _ = NearestSurface(np.asarray(mesh.triangles), drawn.points, drawn.faces)(inside)
    share = 100 * distance / np.linalg.norm(box[1] - box[0])
    return {**found, "median": float(np.median(share)), "near": float(100 * (share < 1).mean())}


def true_cameras(record: Path, scene: Scene) -> np.ndarray:
    """True poses [n,4,4] of the frames of a scene that was imported from photos of `shots.write_shots`."""
    poses = np.array(json.loads(record.read_text())["world_from_cam"])
    numbers = [int(Path(path).stem.removeprefix("IMG_")) for path in scene.files["image"].paths]
    return poses[numbers]


def poses_against(record: Path, scene: Scene) -> dict[str, float]:
    """Medians of what poses are off after a similarity: degrees, and centimetres of the camera's place."""
    degrees, metres = pose_errors(scene.cameras.world_from_cam, true_cameras(record, scene))
    return {"degrees": float(np.median(degrees)), "cm": 100 * float(np.median(metres))}


def against_truth(
    mesh: trimesh.Trimesh, scene: Scene, record: Path, truth: trimesh.Trimesh
) -> dict[str, Any]:
    """A mesh of a scene with poses of its own, laid onto the truth by its cameras, and compared.

    What lies below 1 % of the object's diagonal above the ground, or beyond its box, is cut off both.

    Returns:
        of_object: percent of the mesh's area that is left by that cut; chamfer: percent of the diagonal; f_1,
        f_2: F-scores at 1 and 2 % of it; precision, recall: at 1 %; normals. Without the last ones where
        nothing is left.
    """
    poses = true_cameras(record, scene)
    transform = similarity(scene.cameras.centers, poses[:, :3, 3])
    laid = trimesh.Trimesh(moved(np.asarray(mesh.vertices), transform), mesh.faces, process=False)
    bounds = np.asarray(truth.bounds)
    diagonal = float(np.linalg.norm(bounds[1] - bounds[0]))
    own, true = object_table.cut_out(laid, bounds), object_table.cut_out(truth, bounds)
    found = {"of_object": 100 * float(own.area / max(laid.area, 1e-12))}
    if not len(own.faces):
        return found
    one = scene.cameras
    cameras = Cameras(poses, one.fx, one.fy, one.cx, one.cy, one.width, one.height, one.distortion)
    near = (0.01 * diagonal, 0.02 * diagonal)
    try:
        numbers = evaluate_mesh(own, true, cameras=cameras, thresholds=near)
    except UserError as reason:
        say(f"{scene.name}: {reason}")
        return found
    return found | {
        "chamfer": 100 * numbers["chamfer_l1"] / diagonal, "normals": numbers["normal_consistency"],
        "f_1": numbers[f"f_score@{near[0]:g}"], "f_2": numbers[f"f_score@{near[1]:g}"],
        "precision": numbers[f"precision@{near[0]:g}"], "recall": numbers[f"recall@{near[0]:g}"],
    }  # fmt: skip


def floaters(mesh: trimesh.Trimesh) -> float:
    """Percent of a mesh's area that does not hang together with its largest piece."""
    labels = trimesh.graph.connected_component_labels(mesh.face_adjacency, node_count=len(mesh.faces))
    areas = np.bincount(labels, weights=triangle_areas(np.asarray(mesh.triangles)))
    return float(100 * (1 - areas.max() / areas.sum()))
