"""What fields are told of a shape: points around it with what they should say there."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from neurfield.errors import UserError
from neurfield.shapes import Shape, UnitShape
from neurfield.triplanes.paint import Paint
from neurfield.triplanes.recipe import Recipe

ON_SURFACE = 2048  # points that tell of the surface itself, with their parts
HELD_OUT = 8192  # points that the fit does not see
_VOXELS = 64  # along an axis
_BETA = 1.3  # of winding numbers: those of closed meshes are off by some 0.1 then, and only their side counts


@dataclass(frozen=True)
class Targets:
    """Of one shape.

    Attributes:
        points: [N, 3] in [-1, 1]^3.
        values: [N] in [0, 1]: 0 far inside, 0.5 on the surface, 1 far outside, of an sdf; 1 on the surface
            and 0 away from it, of a udf; 1 inside and 0 outside, of an occupancy; of a radiance as of an
            sdf.
        held_points: [M, 3], as points, which no step sees.
        held_values: [M].
        unit: the shape itself.
        surface: [2048, 3] points on the surface.
        parts: int64 [2048] of these; -1 where none is known.
        colors: [N, 3] in [0, 1], sRGB, of the surface nearest to `points`, of a radiance; else None.
        held_colors: [M, 3] of `held_points`.
    """

    points: Tensor
    values: Tensor
    held_points: Tensor
    held_values: Tensor
    unit: UnitShape
    surface: Tensor
    parts: Tensor
    colors: Tensor | None = None
    held_colors: Tensor | None = None


def targets_of(
    shape: Shape, field: str, recipe: Recipe, seed: int, parts: np.ndarray | None = None
) -> Targets:
    """Draw points around a shape and ask it there.

    Args:
        shape: a mesh, or a cloud for an unsigned field.
        field: "sdf", "udf", "occupancy" or "radiance".
        recipe: how many points, and how near.
        seed: of the points.
        parts: [F] of a mesh's faces or [V] of a cloud's points.

    Raises:
        UserError: a signed field of what has no inside, or a radiance of what has no colours.
    """
    unit = UnitShape(shape)
    name = shape.path or shape.name
    if field != "udf":
        if not shape.is_mesh:
            raise UserError(f"{name}: points have no inside, which --field {field} needs: give --field udf")
        if not unit.sides.trusted:
            share = f"{100.0 * unit.sides.whole:.0f} %"
            raise UserError(
                f"{name}: is not closed (winding numbers are whole at {share} of points beside it), and "
                f"--field {field} needs an inside: give --field udf"
            )
    paint = Paint(unit) if field == "radiance" else None
    generator = torch.Generator().manual_seed(seed)
    told = _Told(unit, field, recipe.clip)
    if field == "occupancy" and recipe.focal:
        axis = (torch.arange(_VOXELS) + 0.5) * (2.0 / _VOXELS) - 1.0
        points = torch.cartesian_prod(axis, axis, axis)
        points = points[torch.randperm(len(points), generator=generator)]
    elif field == "occupancy":
        points = _around(told, recipe.inside_points, recipe.inside_near, generator)
    else:
        points = _around(told, recipe.points, recipe.near, generator)
    held = _around(told, HELD_OUT, ((0.5, 0.03), (0.2, 0.1)), generator)
    surface, labels = told.on_surface(ON_SURFACE, parts, generator)
    found = Targets(points, told(points), held, told(held), unit, surface, labels)
    if paint is None:
        return found
    return replace(found, colors=paint(points), held_colors=paint(held))


class _Told:
    """A shape that is asked for one kind of field."""

    def __init__(self, unit: UnitShape, field: str, clip: float) -> None:
        self.unit, self.field, self.clip = unit, field, clip
        self.cloud = None if unit.shape.is_mesh else cKDTree(unit.points.numpy())

    def __call__(self, points: Tensor) -> Tensor:
        if self.field != "udf":
            inside = self.unit.tree.winding(points, _BETA) > 0.5
            if self.field == "occupancy":
                return inside.float()
            share = self.unit.distance(points).clamp_max(self.clip) / self.clip
            return 0.5 + 0.5 * torch.where(inside, -share, share)
        if self.cloud is None:
            distance = self.unit.distance(points)
        else:
            distance = torch.from_numpy(self.cloud.query(points.numpy())[0]).float()
        return 1.0 - distance.clamp_max(self.clip) / self.clip

    def places(self, count: int, generator: torch.Generator) -> Tensor:
        if self.cloud is None:
            return self.unit.sample(count, generator)[0]
        return self.unit.points[torch.randint(len(self.unit.points), (count,), generator=generator)]

    def on_surface(
        self, count: int, parts: np.ndarray | None, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        if self.cloud is None:
            points = self.places(count, generator)
            rows = self.unit.tree.nearest(points).face if parts is not None else None
        else:
            every = len(self.unit.points)
            order = torch.randperm(every, generator=generator)
            rows = order.repeat(-(-count // every))[:count]
            points = self.unit.points[rows]
        if parts is None or rows is None:
            return points, torch.full((count,), -1)
        return points, torch.from_numpy(np.asarray(parts, np.int64))[rows]


def _around(
    told: _Told, count: int, near: tuple[tuple[float, float], ...], generator: torch.Generator
) -> Tensor:
    """Points [count, 3] in a random order: shares of them near the surface, the rest anywhere."""
    sizes = [round(share * count) for share, _ in near]
    places = told.places(sum(sizes), generator)
    spread = torch.cat([torch.full((size, 1), far) for size, (_, far) in zip(sizes, near)])
    places = places + spread * torch.randn(places.shape, generator=generator)
    uniform = 2.0 * torch.rand(count - len(places), 3, generator=generator) - 1.0
    points = torch.cat([places, uniform]).clamp(-1.0, 1.0)
    return points[torch.randperm(count, generator=generator)]
