"""What tells meshes of slices apart beside Chamfer and IoU, shapes that have it in truth, and a rival."""

from __future__ import annotations

import numpy as np
import torch
import trimesh

from benchmarks.bench_shapes import run_poisson
from neurfield.errors import UserError
from neurfield.ops import TriangleTree
from neurfield.shapes import UnitShape
from neurfield.slices import Slices
from neurfield.slices.unit_slices import UnitSlices
from neurfield.surfaces import manifoldness

COLUMNS = ("Hausdorff %", "volume %", "Euler", "ripple deg", "terraces deg")
_SAMPLES = 100_000
_FLAT = 5.0  # degrees between a face and those around its corners, at most
_STEP = 0.02  # of the diagonal: truth is cut into faces of such edges
_PHASES = 8  # of the way from one plane to the next
_SLANTED = 0.95  # cosine of normal and axis: beyond it a place lies along the planes
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


def closely(
    mesh: trimesh.Trimesh, truth: UnitShape, slices: Slices | None = None, seed: int = 0
) -> list[float | None]:
    """The numbers of `COLUMNS`.

    They are how far the surfaces are from each other at most (% of the diagonal), how much more volume there
    is (% of the truth's), the Euler number less the truth's, `ripple`, and `terraces` of parallel planes.

    Args:
        mesh: that was made, in the world.
        truth: closed.
        slices: that it was made of; None: terraces are not looked for.
        seed: of places on the surfaces.
    """
    whole = trimesh.Trimesh(truth.shape.vertices, truth.shape.faces, process=False)
    places, face = trimesh.sample.sample_surface(mesh, _SAMPLES, seed=seed)
    away = _nearest(whole, places)[0]
    back = _nearest(mesh, trimesh.sample.sample_surface(whole, _SAMPLES, seed=seed)[0])[0]
    places, normals = np.asarray(places), np.asarray(mesh.face_normals)[face]
    turned = ripple(places, normals, whole)
    stepped = terraces(places, normals, whole, slices) if slices is not None and slices.parallel else None
    return [
        100.0 * float(max(away.max(), back.max())) / truth.shape.diagonal,
        100.0 * (float(mesh.volume) / float(whole.volume) - 1.0),
        float(manifoldness(mesh).euler - manifoldness(whole).euler),
        None if np.isnan(turned) else turned,  # JSON knows no NaN
        stepped,
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


def terraces(places: np.ndarray, normals: np.ndarray, truth: trimesh.Trimesh, slices: Slices) -> float:
    """How much steeper a surface is in some part of the way from plane to plane than in another, degrees.

    Of normals [N, 3] at places [N, 3] between parallel planes, the angle to the planes' axis, less that of
    the truth's nearest places; the mean in each eighth of the way; half of what these differ by at most.
    """
    axis = slices.slices[0].plane.normal
    planes = np.sort([float(one.plane.origin @ axis) for one in slices.slices])
    height = places @ axis
    below = np.searchsorted(planes, height) - 1
    true = np.abs(np.asarray(truth.face_normals)[_nearest(truth, places)[1]] @ axis)
    rows = (below >= 0) & (below < len(planes) - 1) & (true < _SLANTED)
    below = below[rows]
    phase = (height[rows] - planes[below]) / (planes[below + 1] - planes[below])
    lean = np.arccos(np.abs(normals[rows] @ axis).clip(0.0, 1.0)) - np.arccos(true[rows])
    part = np.minimum((_PHASES * phase).astype(int), _PHASES - 1)
    means = [float(lean[part == k].mean()) for k in range(_PHASES) if (part == k).any()]
    return float(np.rad2deg(0.5 * np.ptp(means))) if means else 0.0


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
