"""Points on a mesh, near it at several widths, and anywhere in its box, with their distances to it."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Annotated, NamedTuple

import torch
from torch import Tensor

from neurfield.moment import Moment
from neurfield.parts import Number
from neurfield.points.point_set import PointSet, Source
from neurfield.shapes import UnitShape, sided

Count = Annotated[int, Number(least=1)]
BAND = 0.01  # unit lengths: errors are counted in it, and points nearer than this weigh about the same
WIDTHS = 0.0005, 0.1  # of the noise of points near the surface, unit lengths
FAR = 0.25  # share of the points around a shape that lie anywhere in its box
ON_IT = 8  # places on a solid for each point around it: of fewer, the finest levels learn each by heart


class Around(NamedTuple):
    """Points beside a shape, with what is known of them.

    Attributes:
        points: [P, 3] unit coordinates.
        sdf: [P] to the surface; without sign where its sides are not asked for.
        side: [P] with the sign of the side of a sheet, as of `neurfield.shapes.Sided`; None: not asked for.
        beyond: [P] from where that tells nothing, as there; None: not asked for.
    """

    points: Tensor
    sdf: Tensor
    side: Tensor | None = None
    beyond: Tensor | None = None

    def to(self, device: torch.device) -> Around:
        """On a device."""
        moved = (None if tensor is None else tensor.to(device) for tensor in self)
        return Around(*moved)  # type: ignore[arg-type]

    def select(self, rows: Tensor) -> Around:
        """Some of them."""
        chosen = (None if tensor is None else tensor[rows] for tensor in self)
        return Around(*chosen)  # type: ignore[arg-type]


class MeshSamples(Source):
    """Points of a mesh and around it; a cloud gives none.

    Half of a step's points are on the surface, spread by area; the others are around it, most of them moved
    off it by noise of widths from 0.0005 to 0.1, one in four anywhere in the box (much as instant-ngp mixes
    them, Müller et al. 2022). Distances are worked out once, of a pool that steps draw from.

    Args:
        shape: with the mesh.
        device: of the points.
        seed: of the pool.
        count: points a step.
        pool: points around the mesh whose distances are known; on it as many, signed eight times as many.
        signed: whether distances are negative inside; else nobody asks for sides.
    """

    def __init__(
        self,
        shape: UnitShape,
        device: torch.device,
        seed: int,
        *,
        count: Count = 16384,
        pool: Count = 524288,
        signed: bool = True,
    ) -> None:
        self.shape, self.device, self.seed = shape, device, seed
        self.count, self.size, self.signed = count, pool, signed
        self.on_it = (ON_IT if signed else 1) * pool
        if shape.shape.is_mesh:
            self.offers = offers_of(normals=signed, signed=signed, axes=not signed, sheets=not signed)

    @property
    def words(self) -> str:  # type: ignore[override]
        """How many."""
        if not self.offers:
            return ""
        return f"points of {self.size:,} around the surface, and on it"

    @cached_property
    def around(self) -> Around:
        """The pool."""
        generator = torch.Generator().manual_seed(self.seed)
        places, _ = self.shape.sample(self.size, generator)
        points = scattered(places, self.shape.unit_box, generator)
        if self.signed:
            return Around(points, self.shape.sdf(points)).to(self.device)
        return Around(points, *sided(self.shape, points)).to(self.device)

    @cached_property
    def surface(self) -> tuple[Tensor, Tensor]:
        """Places drawn by area [N, 3], and their normals, `on_it` of them."""
        places, normals = self.shape.sample(self.on_it, torch.Generator().manual_seed(self.seed + 1))
        return places.to(self.device), normals.to(self.device)

    def prepare(self) -> None:
        """Work out the distances."""
        if self.offers:
            _ = self.around, self.surface

    def draw(self, moment: Moment) -> tuple[Tensor, ...]:
        """Rows of the places on the surface, and of the pool."""
        if not self.offers:
            return ()
        half = max(1, self.count // 2)
        return tuple(
            torch.randint(count, (half,), generator=moment.generator, device=self.device)
            for count in (self.on_it, self.size)
        )

    def sets(self, *drawn: Tensor) -> dict[str, PointSet]:
        """Two sets, "surface" and "around": see `shape_sets`."""
        on, beside = drawn
        places, normals = self.surface[0][on], self.surface[1][on]
        around = self.around.select(beside)
        if self.signed:
            return shape_sets(places, normals, around, True)
        return shape_sets(places, None, around, False, axes=normals)


def scattered(places: Tensor, unit_box: list[float], generator: torch.Generator) -> Tensor:
    """Places [P, 3] of a surface moved by noise of all widths, the last of them anywhere in the box."""
    low, high = (math.log(width) for width in WIDTHS)
    width = (low + (high - low) * torch.rand(len(places), 1, generator=generator)).exp()
    points = places + width * torch.randn(len(places), 3, generator=generator)
    far = int(FAR * len(points))
    corners = torch.tensor(unit_box).view(2, 3)
    share = torch.rand(far, 3, generator=generator)
    points[len(points) - far :] = corners[0] + (corners[1] - corners[0]) * share
    return torch.minimum(torch.maximum(points, corners[0]), corners[1])


def shape_sets(
    places: Tensor, normals: Tensor | None, around: Around, signed: bool, axes: Tensor | None = None
) -> dict[str, PointSet]:
    """What losses on shapes look at: places of the surface, and points around it.

    Args:
        places: [N, 3] on the surface.
        normals: [N, 3] outwards, None where they are not known.
        around: points beside it.
        signed: whether their distances say which side they are on; then they have a column "inside" as well,
            1 or 0.
        axes: [N, 3] normals either way round.

    Returns:
        "surface" with the columns normal or axis, if known; "around" with sdf, weight, and inside, or
        side and beyond. Both have the size "band"; a field is to have slope one at both if it has a sign,
        else around the surface.
    """
    columns = {name: c for name, c in (("normal", normals), ("axis", axes)) if c is not None}
    surface = PointSet(places, columns, {"band": BAND}, unit_slope=signed)
    of_around = {"sdf": around.sdf, "weight": BAND / (around.sdf.abs() + BAND)}
    if signed:
        of_around["inside"] = (around.sdf < 0.0).to(around.sdf)
    if around.side is not None and around.beyond is not None:
        of_around |= {"side": around.side, "beyond": around.beyond}
    return {"surface": surface, "around": PointSet(around.points, of_around, {"band": BAND}, unit_slope=True)}


def offers_of(*, normals: bool, signed: bool, axes: bool = False, sheets: bool = False) -> frozenset[str]:
    """What losses may look at of `shape_sets`."""
    names = {"points.surface", "points.around", "points.around.sdf", "gradients"}
    columns = {
        "surface.normal": normals, "surface.axis": axes, "around.inside": signed,
        "around.side": sheets, "around.beyond": sheets,
    }  # fmt: skip
    for name, there in columns.items():
        names |= {f"points.{name}"} if there else set()
    return frozenset(names)
