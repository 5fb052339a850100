"""Points of a cloud, and around it what its normals tell of distances and sides."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from neurfield.moment import Moment
from neurfield.ops import TriangleTree
from neurfield.parts import Number
from neurfield.points.mesh_samples import Around, offers_of, scattered, shape_sets
from neurfield.points.point_set import PointSet, Source
from neurfield.shapes import UnitShape
from neurfield.shapes.denoise import planes_of
from neurfield.shapes.estimate import cloud_scale, local_planes
from neurfield.shapes.normals import surfels
from neurfield.shapes.orient import orient_normals
from neurfield.shapes.planes import Planes

Count = Annotated[int, Number(least=1)]
NEIGHBOURS = 16  # that a plane without a side goes through
_DECIDED = 0.25  # a winding number as near as this to 0 or 1 tells the side
_COARSE = 4.0  # spacings of the cloud, from which on the distance to its points is that to the surface
_BORDER = 1.5  # spacings beside the nearest point, within which the surface goes on


class Cloud(Source):
    """Points of a cloud and around it; a mesh gives none.

    Normals say which side is outside; a cloud without any gets those of `nf.shapes.orient_normals`. So
    distances around the surface are known: near it by the planes of the nearest points, averaged the wider
    the noisier they are, farther off to the nearest point, with the side by the cloud's winding number
    (Barill et al. 2018). Points of a noisy cloud are moved onto that mean of planes.

    Args:
        shape: with the cloud.
        device: of the points.
        seed: of what is around it.
        count: points a step.
        pool: points around the cloud whose distances are known.
        signed: whether distances are negative inside; else nobody asks for sides.
        orient: whether points without normals get some; else only the surface is known, and that there is
            none elsewhere, and the fit has to find the sides.
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
        orient: bool = True,
    ) -> None:
        self.shape, self.device, self.seed = shape, device, seed
        self.count, self.size, self.signed = count, pool, signed
        self._doubt = ""  # about sides, once they are found
        if shape.shape.is_mesh:
            return
        self.directed = orient or shape.shape.normals is not None
        if signed and not self.directed:
            self.offers = frozenset(f"points.{name}" for name in ("surface", "surface.axis", "apart")) | {
                "gradients"
            }
        else:
            self.offers = offers_of(normals=signed, signed=signed)

    @property
    def words(self) -> str:  # type: ignore[override]
        """What is known of the points."""
        if not self.offers:
            return ""
        if self.signed and not self.directed:
            return "points without normals: which side is outside, the fit has to find"
        found = self.signed and self.shape.shape.normals is None
        sides = "; their normals were found by the winding number" if found else ""
        if self._doubt:
            sides += f"; {self._doubt}"
        return f"points of the cloud, and {self.size:,} around it{sides}"

    @cached_property
    def planes(self) -> Planes:
        """Points with normals, which say what is outside or do not, as the file has them or as were found."""
        points, normals = self.shape.points.double().numpy(), self.shape.shape.normals
        if normals is None and self.signed and self.directed:
            found = orient_normals(points)
            self._doubt = found.doubt(self.shape.frame.half)
            return planes_of(points, found.normals, found.scale.noise, found=True)
        noise = cloud_scale(points).noise
        if normals is not None:
            return planes_of(points, normals, noise)
        return planes_of(points, local_planes(points, NEIGHBOURS)[0], noise, turned=False, found=True)

    @cached_property
    def surface(self) -> tuple[Tensor, Tensor]:
        """Points [V, 3] of the surface, and their normals."""
        each = self.planes.points, self.planes.normals
        points, normals = (torch.from_numpy(part).float().to(self.device) for part in each)
        return points, normals

    @cached_property
    def around(self) -> Around:
        """The pool; fewer than asked for where what is around the cloud is not decided."""
        generator = torch.Generator().manual_seed(self.seed)
        row = torch.randint(len(self.planes.points), (self.size,), generator=generator)
        told = _signed if self.signed else _unsigned
        return told(self.planes, row, self.shape.unit_box, generator).to(self.device)

    @cached_property
    def bounds(self) -> Tensor:
        """[2, 3] of the box."""
        return torch.tensor(self.shape.unit_box, device=self.device).view(2, 3)

    def prepare(self) -> None:
        """Work out what is known around the cloud."""
        if self.offers:
            _ = self.surface
            if "points.around" in self.offers:
                _ = self.around

    def draw(self, moment: Moment) -> tuple[Tensor, ...]:
        """Rows of the cloud, and rows of what is around it; else numbers [N, 3] for places in the box."""
        if not self.offers:
            return ()
        half, device = max(1, self.count // 2), self.device
        on = torch.randint(len(self.surface[0]), (half,), generator=moment.generator, device=device)
        if "points.apart" in self.offers:
            return on, torch.rand(half, 3, generator=moment.generator, device=device)
        beside = len(self.around.points)
        return on, torch.randint(beside, (half,), generator=moment.generator, device=device)

    def sets(self, *drawn: Tensor) -> dict[str, PointSet]:
        """As `neurfield.points.mesh_samples.shape_sets`; without sides "apart" in place of "around"."""
        on, beside = drawn
        points, normals = self.surface
        if "points.apart" in self.offers:
            low, high = self.bounds
            surface = PointSet(points[on], {"axis": normals[on]}, {"band": 0.01}, unit_slope=True)
            return {"surface": surface, "apart": PointSet(low + (high - low) * beside, unit_slope=True)}
        around = self.around.select(beside)
        return shape_sets(points[on], normals[on] if self.signed else None, around, self.signed)


def _signed(planes: Planes, row: Tensor, unit_box: list[float], generator: torch.Generator) -> Around:
    """Places around the cloud, each where its distance and side are known."""
    places = scattered(torch.from_numpy(planes.points).float()[row], unit_box, generator)
    asked = places.double().numpy()
    distance, nearest = planes.nearest(asked)
    spacing = planes.spacing[nearest[:, 0]]
    heights, _ = planes.mean(asked, distance, nearest)
    far = distance[:, 0] > _COARSE * spacing
    winding = np.zeros(len(asked))
    tree = TriangleTree(torch.from_numpy(surfels(planes.points, planes.normals, planes.spacing**2)).float())
    winding[far] = tree.winding(places[torch.from_numpy(far)]).numpy()
    decided = np.minimum(np.abs(winding), np.abs(winding - 1.0)) < _DECIDED
    known = np.where(far, np.where(winding > 0.5, -1.0, 1.0) * distance[:, 0], heights)
    kept = torch.from_numpy(decided | ~far)
    return Around(places[kept], torch.from_numpy(known).float()[kept])


def _unsigned(planes: Planes, row: Tensor, unit_box: list[float], generator: torch.Generator) -> Around:
    """Places around the cloud, with the distance to the plane of the nearest point, or to that point."""
    places = scattered(torch.from_numpy(planes.points).float()[row], unit_box, generator)
    asked = places.double().numpy()
    distance, nearest = planes.nearest(asked, 1)
    apart, nearest = distance[:, 0], nearest[:, 0]
    along = np.abs(np.einsum("nd,nd->n", asked - planes.points[nearest], planes.normals[nearest]))
    beside = np.sqrt(np.maximum(apart**2 - along**2, 0.0))  # within the surface, from the point
    known = np.where(beside < _BORDER * planes.spacing[nearest], along, apart)
    return Around(places, torch.from_numpy(known).float())
