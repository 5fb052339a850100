"""What tells meshes of slices apart beside Chamfer and IoU, shapes that have it in truth, and a rival."""

from __future__ import annotations

import numpy as np
import torch
import trimesh

from benchmarks.bench_shapes import run_poisson
from neurfield.errors import UserError
from neurfield.ops import TriangleTree
from neurfield.shapes import UnitShape
from neurfield.slices.unit_slices import UnitSlices
from neurfield.surfaces import manifoldness

COLUMNS = ("Hausdorff %", "volume %", "Euler", "ripple deg")
_SAMPLES = 100_000
_FLAT = 5.0  # degrees between a face and those around its corners, at most
_STEP = 0.02  # of the diagonal: truth is cut into faces of such edges
_INVENTED = ("box", "cylinder")


def invented(name: str) -> trimesh.Trimesh | None:
    """A turned box or a cylinder, whose flat sides tell of ripples and terraces; None: no such name."""
    if name not in _INVENTED:
        return None
    mesh = trimesh.creation.box([2.0, 1.2, 1.6])
    if name == "cylinder":
        mesh = trimesh.creation.cylinder(radius=0.8, height=2.0, sections=180)
    mesh.apply_transform(trimesh.transformations.euler_matrix(0.35, 0.25, 0.4))
    return mesh


def closely(mesh: trimesh.Trimesh, truth: UnitShape, seed: int = 0) -> list[float | None]:
    """The numbers of `COLUMNS`.

    They are how far the surfaces are from each other at most (% of the diagonal), how much more volume there
    is (% of the truth's), the Euler number less the truth's, and `ripple`.

    Args:
        mesh: that was made, in the world.
        truth: closed.
        seed: of places on the surfaces.
    """
    whole = trimesh.Trimesh(truth.shape.vertices, truth.shape.faces, process=False)
    places, face = trimesh.sample.sample_surface(mesh, _SAMPLES, seed=seed)
    away = _nearest(whole, places)[0]
    back = _nearest(mesh, trimesh.sample.sample_surface(whole, _SAMPLES, seed=seed)[0])[0]
    turned = ripple(np.asarray(places), np.asarray(mesh.face_normals)[face], whole)
    return [
        100.0 * float(max(away.max(), back.max())) / truth.shape.diagonal,
        100.0 * (float(mesh.volume) / float(whole.volume) - 1.0),
        float(manifoldness(mesh).euler - manifoldness(whole).euler),
        None if np.isnan(turned) else turned,  # JSON knows no NaN
    ]


def ripple(places: np.ndarray, normals: np.ndarray, truth: trimesh.Trimesh) -> float:
    """How much normals [N, 3] at places [N, 3] turn where truth is flat, or nearly: ripples, and terraces.

    It is the root mean square of their angles, degrees, to the normals of the truth's nearest places; NaN
    where truth is flat nowhere.
    """
    step = _STEP * float(np.linalg.norm(np.ptp(truth.vertices, axis=0)))
    fine = trimesh.Trimesh(*trimesh.remesh.subdivide_to_size(truth.vertices, truth.faces, step, max_iter=20))
    own = np.asarray(fine.face_normals)
    sums = np.zeros((len(fine.vertices), 3))
    np.add.at(sums, fine.faces.reshape(-1), np.repeat(own, 3, axis=0))
    corner = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-300)
    alike = np.einsum("fcd,fd->fc", corner[fine.faces], own).min(axis=1)
    _, nearest = _nearest(fine, places)
    rows = alike[nearest] > np.cos(np.deg2rad(_FLAT))
    if not rows.any():
        return float("nan")
    cosine = np.einsum("nd,nd->n", normals[rows], own[nearest[rows]]).clip(-1.0, 1.0)
    return float(np.rad2deg(np.sqrt(np.mean(np.arccos(cosine) ** 2))))


def poisson(slices: UnitSlices, count: int = 50_000) -> trimesh.Trimesh | None:
    """Poisson's surface of places on the contours, their normals in the planes; None without Open3D."""
    found = slices.on_contours(count)
    points = slices.frame.world_from_unit(found.points.double().numpy())
    try:
        return run_poisson(points, found.across.double().numpy()).mesh
    except UserError:
        return None


def _nearest(mesh: trimesh.Trimesh, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far places [N, 3] are from a mesh, and of which face each is."""
    middle = np.asarray(mesh.bounds).mean(axis=0)
    tree = TriangleTree(torch.from_numpy(np.asarray(mesh.triangles) - middle).float())
    found = tree.nearest(torch.from_numpy(np.asarray(places) - middle).float())
    return found.distance.double().numpy(), found.face.numpy()
