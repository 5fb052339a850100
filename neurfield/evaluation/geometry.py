"""How near a mesh is to the true surface. The protocol is spelled out in docs/evaluation.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import trimesh

from neurfield.errors import UserError
from neurfield.evaluation.culling import PosedCameras, Visibility
from neurfield.evaluation.nearest import Nearest, NearestSurface
from neurfield.evaluation.points import PointSide
from neurfield.evaluation.sampling import MeshSamples, face_normals, sample_surface
from neurfield.surface_file import Surface, read_surface

__all__ = ["Surface", "check_surface", "distances_to_mesh", "evaluate_mesh"]


def evaluate_mesh(
    mesh: Surface | str | Path,
    ground_truth: Surface | str | Path,
    cameras: PosedCameras | None = None,
    *,
    thresholds: Sequence[float] = (0.05, 0.01),
    samples: int = 200_000,
    seed: int = 0,
) -> dict[str, float]:
    """Numbers of a reconstruction against the true surface, both in one world; lengths in metres.

    The same seed gives the same numbers. docs/evaluation.md has the formulas.

    Args:
        mesh: the reconstruction: a mesh, or a cloud of points, which has no normals and hides nothing, or the
            file of either (ply, obj, glb, stl, off, xyz).
        ground_truth: the true surface, in the same ways.
        cameras: only what they saw counts, of either mesh (`neurfield.evaluation.culling`); None: everything.
        thresholds: distances for precision, recall and F-score.
        samples: points drawn on each mesh, and at most of a cloud.
        seed: of the points.

    Returns:
        accuracy: mean distance from the mesh to the truth.
        completeness: mean distance from the truth to the mesh.
        chamfer_l1: the mean of these two.
        normal_consistency: mean |n . n'| of nearest points, both ways; between meshes alone.
        precision@t, recall@t, f_score@t: shares 0..1 for each threshold t, "f_score@0.05" for 0.05.
        mesh_seen, truth_seen: the shares of the two areas that count.

    Raises:
        UserError: a file cannot be read; a mesh has no surface, is not finite, or is not seen by any camera.
    """
    rec = _side(mesh, "the mesh", cameras, samples, np.random.default_rng([seed, 0]))
    truth = _side(ground_truth, "the ground truth", cameras, samples, np.random.default_rng([seed, 1]))
    to_truth, to_mesh = truth.nearest(rec.samples), rec.nearest(truth.samples)
    result = {
        "accuracy": float(to_truth.distance.mean()),
        "completeness": float(to_mesh.distance.mean()),
    }
    result["chamfer_l1"] = (result["accuracy"] + result["completeness"]) / 2
    if rec.normals is not None and truth.normals is not None:
        result["normal_consistency"] = float(
            (
                _alignment(rec.normals[rec.samples.faces], truth.normals[to_truth.faces])
                + _alignment(truth.normals[truth.samples.faces], rec.normals[to_mesh.faces])
            )
            / 2
        )
    for threshold in thresholds:
        precision = float((to_truth.distance < threshold).mean())
        recall = float((to_mesh.distance < threshold).mean())
        both = precision + recall
        result[f"precision@{threshold:g}"] = precision
        result[f"recall@{threshold:g}"] = recall
        result[f"f_score@{threshold:g}"] = 2 * precision * recall / both if both else 0.0
    result["mesh_seen"], result["truth_seen"] = rec.seen_share, truth.seen_share
    return result


def distances_to_mesh(
    points: np.ndarray,
    mesh: trimesh.Trimesh,
    cameras: PosedCameras | None = None,
    *,
    samples: int = 200_000,
    seed: int = 0,
) -> np.ndarray:
    """Distances [k] of points [k,3] to what the cameras saw of a mesh, as `evaluate_mesh` measures them.

    For the recall of a part of the true surface: the share of its points that the mesh comes near to.

    Args:
        points: in the world of the mesh.
        mesh: the reconstruction.
        cameras: only what they saw of it counts; None: all of it.
        samples: points drawn on the mesh, which tell what of it is seen.
        seed: of these.

    Raises:
        UserError: the mesh has no surface, is not finite, or is not seen by any camera.
    """
    rec = _Side(mesh, "the mesh", cameras, samples, np.random.default_rng([seed, 0]))
    places = np.asarray(points, dtype=np.float64).reshape(-1, 3)
    return rec.nearest(MeshSamples(places, np.zeros(len(places), dtype=np.int64))).distance


def _side(
    surface: Surface | str | Path,
    what: str,
    cameras: PosedCameras | None,
    count: int,
    rng: np.random.Generator,
) -> _Side | PointSide:
    """One of the two surfaces, read where it is a file's path, which errors then name instead of `what`."""
    if isinstance(surface, (str, Path)):
        surface, what = read_surface(surface), str(surface)
    if isinstance(surface, trimesh.PointCloud):
        return PointSide(surface, what, cameras, count, rng)
    if not isinstance(surface, trimesh.Trimesh):
        raise UserError(
            f"{what} is a {type(surface).__name__}: give a mesh or cloud of trimesh, or a file's path"
        )
    return _Side(surface, what, cameras, count, rng)


class _Side:
    """One of the two surfaces: its seen samples, and the nearest seen point of it to any point.

    Attributes:
        normals: [f,3], unit.
        samples: those that some camera sees.
        seen_share: their share of all that were drawn.
    """

    def __init__(
        self,
        mesh: trimesh.Trimesh,
        what: str,
        cameras: PosedCameras | None,
        count: int,
        rng: np.random.Generator,
    ) -> None:
        check_surface(mesh, what)
        self.normals = face_normals(mesh)
        drawn = sample_surface(mesh, count, rng)
        self._visible = None if cameras is None else Visibility(mesh, cameras)
        self.samples = drawn
        if self._visible is not None:
            self.samples = drawn.keep(self._visible.sees(drawn.points, self.normals[drawn.faces]))
        self.seen_share = len(self.samples) / len(drawn)
        if not len(self.samples):
            raise UserError(f"no camera sees {what}: check that it is in the frame of the scene")
        self._triangles = np.asarray(mesh.triangles)
        self._whole = NearestSurface(self._triangles, drawn.points, drawn.faces)

    def nearest(self, queries: MeshSamples) -> Nearest:
        """The nearest seen point of this surface for each query.

        The nearest point of all is looked for first. Where no camera sees it (a layer behind the visible
        one), the nearest point on the triangles of the seen samples stands for it.
        """
        distance, points, faces = self._whole(queries.points)
        if self._visible is not None:
            hidden = np.flatnonzero(~self._visible.nearly_sees(points))
            if len(hidden):
                distance[hidden], faces[hidden] = self._nearest_sampled(queries.points[hidden])
        return Nearest(distance, faces)

    def _nearest_sampled(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distance [k] and face [k] of the nearest point on the triangles that seen samples lie on."""
        faces, anchor_faces = np.unique(self.samples.faces, return_inverse=True)
        distance, _, row = NearestSurface(self._triangles[faces], self.samples.points, anchor_faces)(points)
        return distance, faces[row]


def _alignment(a: np.ndarray, b: np.ndarray) -> float:
    """Mean |a.b| of unit vectors [k,3]."""
    return float(np.abs(np.einsum("ki,ki->k", a, b)).mean())


def check_surface(mesh: trimesh.Trimesh, what: str) -> None:
    """Raise UserError, which begins with `what`, where there is nothing to measure or it is not finite."""
    if not len(mesh.faces):
        raise UserError(f"{what} has no triangles: there is nothing to measure")
    if not np.isfinite(mesh.vertices).all():
        raise UserError(f"{what} has vertices that are NaN or infinite: repair it, or extract it again")
    if not mesh.area > 0:
        raise UserError(f"{what} has no area: all its triangles are degenerate, extract it again")
