"""How near the meshes of objects are to the true ones, each within the box of its own. docs/evaluation.md."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import trimesh

from neurfield.evaluation.culling import PosedCameras, Visibility
from neurfield.evaluation.geometry import evaluate_mesh
from neurfield.evaluation.sampling import face_normals, sample_surface

SAMPLES = 10_000  # on each (ObjectSDF++)


def evaluate_object(
    mesh: trimesh.Trimesh | None,
    truth: trimesh.Trimesh,
    cameras: PosedCameras | None = None,
    *,
    thresholds: Sequence[float] = (0.05, 0.01),
    samples: int = SAMPLES,
    seed: int = 0,
) -> dict[str, float] | None:
    """F-scores of an object's mesh within the true one's box, of what cameras saw and of all sides.

    Each of the two hides itself alone: what stands before an object in the scene does not. The box is widened
    by the largest threshold.

    Args:
        mesh: of the object, in the world; None: there is none.
        truth: of the object, in the same world.
        cameras: of the scene; None: all sides are seen.
        thresholds: distances.
        samples: points drawn on each mesh.
        seed: of the points.

    Returns:
        f_score@t of what is seen and whole_f_score@t of everything, 0..1, for each threshold t; 0 where there
        is no mesh in the box. None: no camera sees the true object.
    """
    if not _is_seen(truth, cameras, samples, seed):
        return None
    keys = [f"f_score@{t:g}" for t in thresholds]
    nothing = {**dict.fromkeys(keys, 0.0), **{f"whole_{key}": 0.0 for key in keys}}
    inside = None if mesh is None else cropped(mesh, truth.bounds, max(thresholds))
    if inside is None or not inside.area > 0:
        return nothing
    options = {"thresholds": thresholds, "samples": samples, "seed": seed}
    whole = evaluate_mesh(inside, truth, None, **options)  # type: ignore[arg-type]
    result = {**nothing, **{f"whole_{key}": whole[key] for key in keys}}
    if _is_seen(inside, cameras, samples, seed):
        seen = evaluate_mesh(inside, truth, cameras, **options)  # type: ignore[arg-type]
        result |= {key: seen[key] for key in keys}
    return result


def cropped(mesh: trimesh.Trimesh, box: np.ndarray, margin: float) -> trimesh.Trimesh | None:
    """The triangles of a mesh that lie within a box [2, 3] and a margin around it; None: none does."""
    vertices = np.asarray(mesh.vertices)
    within = ((vertices >= box[0] - margin) & (vertices <= box[1] + margin)).all(axis=1)
    faces = np.asarray(mesh.faces)[within[mesh.faces].all(axis=1)]
    return trimesh.Trimesh(vertices, faces, process=False) if len(faces) else None


def _is_seen(mesh: trimesh.Trimesh, cameras: PosedCameras | None, samples: int, seed: int) -> bool:
    """Whether some camera sees some of a mesh."""
    if cameras is None:
        return True
    drawn = sample_surface(mesh, samples, np.random.default_rng([seed, 1]))
    return bool(Visibility(mesh, cameras).sees(drawn.points, face_normals(mesh)[drawn.faces]).any())
