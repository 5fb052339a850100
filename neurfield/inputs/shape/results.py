"""What a fit to a shape leaves: the mesh, and how near it is to the shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import trimesh
from scipy.spatial import cKDTree

from neurfield.errors import UserError
from neurfield.evaluation import Surface, evaluate_mesh
from neurfield.inputs.mesh import write_mesh
from neurfield.inputs.outcome import Outcome
from neurfield.inputs.shape.opened import OpenedShape
from neurfield.ops import TriangleTree
from neurfield.shapes import UnitShape
from neurfield.shapes.sides import spread, unit_normals

SHARES = (0.01, 0.005, 0.001)  # of the shape's diagonal, for F-scores
_SAMPLES = 200_000  # places on either surface
_POINTS, _BATCHES = 1 << 17, 8  # anywhere in the box, for the IoU, and how often at most
_INSIDE = 100_000  # of them, with which the IoU errs by 0.003 times the square root of 1 - IoU


def write_results(opened: OpenedShape, outcome: Outcome) -> None:
    """Write mesh.ply, and numbers into the outcome."""
    write_mesh(opened.surface(), outcome)
    measure(opened, outcome)


def measure(opened: OpenedShape, outcome: Outcome, against: Surface | None = None) -> None:
    """Numbers of the outcome's mesh against the shape, or another true surface, into the outcome."""
    shape = opened.shape
    outcome.metrics["unit"] = shape.shape.unit
    with outcome.part("geometry"):
        outcome.metrics.pop("geometry", None)
        if outcome.mesh is None:
            return
        if against is not None:
            outcome.metrics["geometry"] = numbers_against(outcome.mesh, against, shape.shape.diagonal)
            return
        outcome.metrics["geometry"] = numbers(outcome.mesh, shape)
        if shape.shape.is_mesh and opened.signed and shape.sides.trusted:
            outcome.metrics["geometry"]["iou"] = intersection_over_union(outcome.mesh, shape)


def numbers_against(mesh: trimesh.Trimesh, truth: Surface, diagonal: float) -> dict[str, Any]:
    """As `evaluate_mesh`, with F-scores at shares of the diagonal, and Chamfer-L1 as a share of it."""
    raw = evaluate_mesh(mesh, truth, thresholds=[share * diagonal for share in SHARES])
    lengths = ("accuracy", "completeness", "chamfer_l1", "normal_consistency")
    found: dict[str, Any] = {key: raw[key] for key in lengths if key in raw}
    found["chamfer_percent"] = 100.0 * raw["chamfer_l1"] / diagonal
    for share in SHARES:
        found[f"f_score@{100.0 * share:g}%"] = raw[f"f_score@{share * diagonal:g}"]
    return found


def numbers(mesh: trimesh.Trimesh, shape: UnitShape, seed: int = 0) -> dict[str, Any]:
    """The same against the shape that was fitted: its triangles, or its points.

    Distances are asked of trees of triangles in the unit coordinates, where float32 is fine enough.
    """
    fitted = TriangleTree(torch.from_numpy(shape.frame.unit_from_world(np.asarray(mesh.triangles))).float())
    generator = torch.Generator().manual_seed(seed)
    places, normals = spread(fitted.corners, _SAMPLES, generator)
    agreement: list[float] = []
    if shape.shape.is_mesh:
        others, own = shape.sample(_SAMPLES, generator)
        to_truth, to_mesh = shape.tree.nearest(places), fitted.nearest(others)
        away, back = to_truth.distance.double(), to_mesh.distance.double()
        for mine, tree, found in ((normals, shape.tree, to_truth), (own, fitted, to_mesh)):
            agreement.append(float((mine * unit_normals(tree.corners[found.face])).sum(dim=1).abs().mean()))
    else:
        points = shape.points.double().numpy()
        away = torch.from_numpy(cKDTree(points).query(places.double().numpy())[0])
        back = fitted.nearest(shape.points).distance.double()
    half, diagonal = shape.frame.half, shape.shape.diagonal
    away, back = away * half, back * half
    chamfer = 0.5 * float(away.mean() + back.mean())
    result: dict[str, Any] = {
        "accuracy": float(away.mean()), "completeness": float(back.mean()), "chamfer_l1": chamfer,
        **({"normal_consistency": sum(agreement) / 2} if agreement else {}),
        "chamfer_percent": 100.0 * chamfer / diagonal,
    }  # fmt: skip
    for share in SHARES:
        precision, recall = (float((d < share * diagonal).double().mean()) for d in (away, back))
        both = precision + recall
        result[f"f_score@{100.0 * share:g}%"] = 2.0 * precision * recall / both if both else 0.0
    return result


def intersection_over_union(mesh: trimesh.Trimesh, shape: UnitShape, seed: int = 0) -> float:
    """Of what is inside the mesh and what is inside the shape, by points anywhere in the box.

    Raises:
        UserError: nothing is inside either.
    """
    corners = torch.from_numpy(shape.frame.unit_from_world(np.asarray(mesh.triangles))).float()
    low, high = torch.tensor(shape.unit_box).view(2, 3)
    tree, generator = TriangleTree(corners), torch.Generator().manual_seed(seed)
    both = either = 0
    for _ in range(_BATCHES):
        points = low + (high - low) * torch.rand(_POINTS, 3, generator=generator)
        fitted, true = tree.winding(points) > 0.5, shape.inside(points)
        both, either = both + int((fitted & true).sum()), either + int((fitted | true).sum())
        if either >= _INSIDE:  # a thin shape fills little of its box
            break
    if either == 0:
        raise UserError("nothing is inside the mesh or the shape: they are too thin to measure what is")
    return both / either
