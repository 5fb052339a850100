"""Which part of an object's true surface is inside it (a mug's inner wall and floor), and how much is found.

A point of the surface counts as interior where less than half of the sky above it is open: of rays that leave
it outwards, drawn with a cosine's weight, more than half meet the object again. A mug's inner wall and floor
do so, its outside, its rim and the underside of its handle do not. Only what some camera sees is asked for.
"""

from __future__ import annotations

import warnings

import numpy as np
import trimesh

from benchmarks.photos.ours import LUMA
from neurfield.evaluation.culling import PosedCameras, Visibility
from neurfield.evaluation.nearest import NearestSurface
from neurfield.evaluation.sampling import face_normals, sample_surface
from neurfield.scenes.scene import Scene
from neurfield.scenes.synthesis.raycast import RayCaster

OPEN_SKY = 0.5
RAYS = 64
LEAVE = 1e-4  # of the diagonal: rays start this far above the surface


def open_sky(mesh: trimesh.Trimesh, points: np.ndarray, normals: np.ndarray, seed: int = 0) -> np.ndarray:
    """The share [k] of a cosine's hemisphere above points [k,3] of a mesh from which rays get away from it.

    Normals [k,3] are unit and point out of the material.
    """
    random = np.random.default_rng(seed)
    middle, diagonal = mesh.bounds.mean(axis=0), float(np.linalg.norm(mesh.extents))
    caster = RayCaster((np.asarray(mesh.vertices) - middle) / diagonal, np.asarray(mesh.faces))
    starts = (points - middle) / diagonal + LEAVE * normals
    away = np.zeros(len(points))
    for _ in range(RAYS):
        # A point on the unit sphere about the normal's tip has a cosine's weight.
        direction = random.normal(size=points.shape)
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        direction += (1 + 1e-6) * normals
        away += caster.first_hits(starts, direction).face < 0
    return away / RAYS


def interior_samples(
    truth: trimesh.Trimesh, cameras: PosedCameras, count: int = 50_000, seed: int = 0
) -> tuple[np.ndarray, float]:
    """Points [k,3] spread over the interior that some camera sees, and its share of all that is seen."""
    drawn = sample_surface(truth, count, np.random.default_rng([seed, 1]))
    normals = face_normals(truth)[drawn.faces]
    seen = Visibility(truth, cameras).sees(drawn.points, normals)
    points, normals = drawn.points[seen], normals[seen]
    inside = open_sky(truth, points, normals, seed) < OPEN_SKY
    return points[inside], float(inside.mean()) if len(inside) else 0.0


def shown_grey(truth: trimesh.Trimesh, scene: Scene, points: np.ndarray) -> np.ndarray:
    """The median grey level [k] of points [k,3] of the truth in the pictures that see them; NaN: in none."""
    visibility = Visibility(truth, scene.cameras)
    greys = np.full((len(scene), len(points)), np.nan, dtype=np.float32)
    for i in range(len(scene)):
        seen = visibility.seen_from(i, points)
        column, row = scene.cameras.project(i, points[seen])[0].astype(int).T
        greys[i, seen] = (scene.image(i) @ LUMA)[row, column]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of what no picture shows
        return np.asarray(np.nanmedian(greys, axis=0))


def interior_recall(mesh: trimesh.Trimesh, samples: np.ndarray, threshold: float) -> float:
    """The share of interior points [k,3] with the mesh nearer than the threshold (metres)."""
    drawn = sample_surface(mesh, 200_000, np.random.default_rng(0))
    distance, _, _ = NearestSurface(np.asarray(mesh.triangles), drawn.points, drawn.faces)(samples)
    return float((distance < threshold).mean())
