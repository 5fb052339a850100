"""Points of a cloud, and around it what its normals tell of distances and sides."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from neurfield.moment import Moment
from neurfield.ops import TriangleTree
from neurfield.parts import Number
from neurfield.points.mesh_samples import Around, offers_of, scattered, shape_sets
from neurfield.points.point_set import PointSet, Source
from neurfield.shapes import UnitShape
from neurfield.shapes.normals import areas_of, normals_of, surfels

Count = Annotated[int, Number(least=1)]
_DECIDED = 0.25  # a winding number as near as this to 0 or 1 tells the side
_COARSE = 4.0  # spacings of the cloud, from which on the distance to its points is that to the surface
_BORDER = 1.5  # spacings beside the nearest point, within which the surface goes on
_NEIGHBOURS = 12  # whose planes tell how far a surface is


class Cloud(Source):
    """Points of a cloud and around it; a mesh gives none.

    Where normals say which side is outside, distances around the surface are known: near it by the planes of
    the nearest points, farther off to the nearest point, with the side by the cloud's winding number (Barill
    et al. 2018). Without sides only the surface is known, and that there is none elsewhere.

    Args:
        shape: with the cloud.
        device: of the points.
        seed: of what is around it.
        count: points a step.
        pool: points around the cloud whose distances are known.
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
        if shape.shape.is_mesh:
            return
        self.directed = shape.shape.normals is not None
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
        return f"points of the cloud, and {self.size:,} around it"

    @cached_property
    def surface(self) -> tuple[Tensor, Tensor]:
        """The points [V, 3], and their normals, which say what is outside, or do not."""
        normals, _ = normals_of(self.shape.shape)
        return self.shape.points.to(self.device), torch.from_numpy(normals).float().to(self.device)

    @cached_property
    def around(self) -> Around:
        """The pool; fewer than asked for where what is around the cloud is not decided."""
        generator = torch.Generator().manual_seed(self.seed)
        points, normals = (tensor.cpu() for tensor in self.surface)
        row = torch.randint(len(points), (self.size,), generator=generator)
        if self.signed:
            known = _signed(points, normals, row, self.shape.unit_box, generator)
        else:
            known = _unsigned(points, normals, row, self.shape.unit_box, generator)
        return Around(*(tensor.to(self.device) for tensor in known))

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
        around = Around(*(tensor[beside] for tensor in self.around))
        return shape_sets(points[on], normals[on] if self.signed else None, around, self.signed)


def _signed(
    points: Tensor, normals: Tensor, row: Tensor, unit_box: list[float], generator: torch.Generator
) -> Around:
    """Places around the cloud, each where its distance and side are known."""
    cloud, directions = points.double().numpy(), normals.double().numpy()
    places = scattered(points[row], unit_box, generator)
    asked = places.double().numpy()
    areas = areas_of(cloud, 8)
    distance, nearest = cKDTree(cloud).query(asked, k=min(_NEIGHBOURS, len(cloud)))
    spacing = np.sqrt(areas[nearest[:, 0]])
    planes = _mean_plane(asked, cloud[nearest], directions[nearest], distance, spacing)
    far = distance[:, 0] > _COARSE * spacing
    winding = np.zeros(len(asked))
    tree = TriangleTree(torch.from_numpy(surfels(cloud, directions, areas)).float())
    winding[far] = tree.winding(places[torch.from_numpy(far)]).numpy()
    decided = np.minimum(np.abs(winding), np.abs(winding - 1.0)) < _DECIDED
    known = np.where(far, np.where(winding > 0.5, -1.0, 1.0) * distance[:, 0], planes)
    kept = torch.from_numpy(decided | ~far)
    return Around(places[kept], torch.from_numpy(known).float()[kept])


def _mean_plane(
    asked: np.ndarray, near: np.ndarray, normals: np.ndarray, distance: np.ndarray, width: np.ndarray
) -> np.ndarray:
    """Heights [N] of places above the planes of their nearest points, a mean weighted by a Gaussian of these.

    An implicit moving least squares surface (Kolluri, Provably Good Moving Least Squares, 2008, section 3).

    Args:
        asked: [N, 3].
        near: [N, K, 3], the nearest points, the nearest first.
        normals: [N, K, 3] of these.
        distance: [N, K] to these.
        width: [N] of the Gaussian.
    """
    weight = np.exp((distance[:, :1] ** 2 - distance**2) / width[:, None] ** 2)
    height = np.einsum("nkd,nkd->nk", asked[:, None] - near, normals)
    return (weight * height).sum(axis=1) / weight.sum(axis=1)


def _unsigned(
    points: Tensor, axes: Tensor, row: Tensor, unit_box: list[float], generator: torch.Generator
) -> Around:
    """Places around the cloud, with the distance to the plane of the nearest point, or to that point."""
    cloud = points.double().numpy()
    places = scattered(points[row], unit_box, generator)
    distance, nearest = cKDTree(cloud).query(places.double().numpy())
    spacing = torch.from_numpy(np.sqrt(areas_of(cloud, 8))).float()[nearest]
    along = ((places - points[nearest]) * axes[nearest]).sum(dim=1).abs()
    apart = torch.from_numpy(distance).float()
    beside = (apart.square() - along.square()).clamp_min(0.0).sqrt()  # within the surface, from the point
    return Around(places, torch.where(beside < _BORDER * spacing, along, apart))
