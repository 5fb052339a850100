"""How well fields say what their shapes are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
import trimesh
from torch import Tensor

from neurfield.errors import UserError
from neurfield.ops import TriangleTree
from neurfield.shapes import UnitShape
from neurfield.shapes.sides import spread
from neurfield.surfaces import extract_level_set
from neurfield.triplanes.fit_fields import distance_in
from neurfield.triplanes.recipe import SIGNED, Recipe
from neurfield.triplanes.siren import Fields, some_of
from neurfield.triplanes.targets import Targets

BOX = np.array([[-1.0] * 3, [1.0] * 3])
_SAMPLES, _THRESHOLD = 20_000, 0.01
_UNSIGNED_LEVEL = 0.02  # of a distance without a sign: the mesh is a skin around the surface


@torch.no_grad()
def quality_of(
    fields: Fields, targets: Sequence[Targets], field: str, recipe: Recipe, cells: int
) -> list[dict[str, float]]:
    """Of each shape: what its field gets wrong at points that it was not fitted to, and of its surface.

    Returns:
        iou: of what is inside, at the held-out points, half of them within some 0.03 of the surface; not of
            an unsigned field.
        error: mean difference of the clipped distances there, unit lengths; not of an occupancy.
        chamfer: mean of the mean distances from the mesh's points to the shape's and back, unit lengths.
        f_score: at 0.01. Both are left out of an unsigned field, which has no level that is its surface.
        psnr: of a radiance, of colours at the held-out points whose distance is not clipped, decibels.
    """
    at = torch.stack([one.held_points for one in targets])
    answers = fields(at)
    said = distance_in(answers[..., 0], field, recipe)
    values = torch.stack([one.held_values for one in targets])
    numbers: list[dict[str, float]] = [{} for _ in targets]
    for k, told in enumerate(numbers):
        if field != "udf":
            inside = values[k] > 0.5 if field == "occupancy" else values[k] < 0.5
            both, either = (said[k] < 0) & inside, (said[k] < 0) | inside
            told["iou"] = float(both.sum() / either.sum().clamp_min(1))
        if field != "occupancy":
            true = (2.0 * values[k] - 1.0 if field in SIGNED else 1.0 - values[k]) * recipe.clip
            told["error"] = float((said[k] - true).abs().mean())
        if field != "udf" and cells:
            told.update(surface_quality(mesh_of(fields, k, field, recipe, cells), targets[k].unit))
        colors = targets[k].held_colors
        if colors is not None:
            near = (values[k] > 0.0) & (values[k] < 1.0)
            wrong = (torch.sigmoid(answers[k, near, 1:]) - colors[near]).square().mean()
            told["psnr"] = float(-10.0 * wrong.clamp_min(1e-10).log10())
    return numbers


def surface_quality(mesh: trimesh.Trimesh | None, true: UnitShape) -> dict[str, float]:
    """Chamfer distance and F-score at 0.01 of a mesh against a true one, both in unit coordinates."""
    if mesh is None or not len(mesh.faces):
        return {"chamfer": float("inf"), "f_score": 0.0}
    generator = torch.Generator().manual_seed(0)
    corners = torch.from_numpy(np.array(mesh.triangles, np.float32))
    there = true.distance(spread(corners, _SAMPLES, generator)[0])
    back = TriangleTree(corners).nearest(true.sample(_SAMPLES, generator)[0]).distance
    recall, precision = float((back < _THRESHOLD).float().mean()), float((there < _THRESHOLD).float().mean())
    f_score = 2.0 * precision * recall / max(precision + recall, 1e-9)
    return {"chamfer": float(0.5 * (back.mean() + there.mean())), "f_score": f_score}


def value_of(fields: Fields, row: int, field: str, recipe: Recipe) -> Callable[[Tensor], Tensor]:
    """One shape's field as a function of points [N, 3] of [-1, 1]^3: its value [N], as `distance_in`."""
    one = some_of(fields, slice(row, row + 1), recipe)
    return lambda points: distance_in(one(points[None])[0, :, 0], field, recipe)


@torch.no_grad()
def mesh_of(fields: Fields, row: int, field: str, recipe: Recipe, cells: int) -> trimesh.Trimesh | None:
    """The surface of one shape in [-1, 1]^3; None where it has none.

    Of an unsigned field the skin where the distance is 0.02; of a radiance with the colours of its vertices.
    """
    level = _UNSIGNED_LEVEL if field == "udf" else 0.0
    slope = 20.0 if field == "occupancy" else 1.25  # sigmoids are steeper than distances
    try:
        vertices, faces = extract_level_set(
            value_of(fields, row, field, recipe), BOX, 2.0 / cells, level=level, lipschitz=slope
        )
    except UserError:
        return None
    colors = None
    if field == "radiance":
        at = torch.from_numpy(np.asarray(vertices, np.float32))
        said = some_of(fields, slice(row, row + 1), recipe)(at[None])[0, :, 1:]
        colors = (255.0 * torch.sigmoid(said)).round().byte().numpy()
    return trimesh.Trimesh(vertices, faces, vertex_colors=colors, process=False)
