"""Places around a shape's points, which a field without a sign is to pull onto them."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Annotated, Any

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor
from torch.nn.functional import normalize

from neurfield.moment import Moment
from neurfield.parts import Number
from neurfield.points.point_set import PointSet, Source
from neurfield.shapes import UnitShape

Count = Annotated[int, Number(least=1)]
_NEIGHBOUR = 50  # the one whose distance is a point's width
_SHARE, _AS_DENSE = 0.25, 20_000  # of that width, and the points of a cloud for which it is meant


class Pulled(Source):
    """Places around points of a shape, and where the field would move them now.

    A place is a point of the cloud, moved by Gaussian noise as wide as a share of the distance to the point's
    50th neighbour (Zhou et al., CAP-UDF, NeurIPS 2022, and its code). Of a mesh, points are drawn by area.

    Args:
        shape: with the cloud.
        field: that is fitted.
        device: of the points.
        seed: of the places.
        count: places a step.
        pool: places in all.
        cloud: points that are drawn of a mesh.
    """

    offers = frozenset({"points.queries", "points.pulled", "gradients"})

    def __init__(
        self,
        shape: UnitShape,
        field: Any,
        device: torch.device,
        seed: int,
        *,
        count: Count = 5000,
        pool: Count = 1_000_000,
        cloud: Count = 100_000,
    ) -> None:
        self.shape, self.field, self.device, self.seed = shape, field, device, seed
        self.count, self.size, self.drawn_of_mesh = count, pool, cloud

    @property
    def words(self) -> str:  # type: ignore[override]
        """How many."""
        return f"{len(self.cloud):,} points, and {len(self.places[0]):,} places around them"

    @cached_property
    def cloud(self) -> Tensor:
        """[N, 3], unit coordinates."""
        if not self.shape.shape.is_mesh:
            return self.shape.points.to(self.device)
        generator = torch.Generator().manual_seed(self.seed)
        return self.shape.sample(self.drawn_of_mesh, generator)[0].to(self.device)

    @cached_property
    def places(self) -> tuple[Tensor, Tensor]:
        """Places [P, 3], and the points of the cloud [P, 3] nearest to them."""
        points = self.cloud.double().cpu().numpy()
        each = max(1, self.size // len(points))
        tree = cKDTree(points)
        width = tree.query(points, [min(_NEIGHBOUR, len(points))])[0]
        share = max(_SHARE, _SHARE * math.sqrt(len(points) / _AS_DENSE))
        random = np.random.default_rng(self.seed)
        noise = random.standard_normal((each, *points.shape))
        places = (points + share * width * noise).reshape(-1, 3)
        _, nearest = tree.query(places)
        return tuple(  # type: ignore[return-value]
            torch.from_numpy(array).float().to(self.device) for array in (places, points[nearest])
        )

    def prepare(self) -> None:
        """Scatter the places."""
        _ = self.places

    def draw(self, moment: Moment) -> tuple[Tensor, ...]:
        """Rows of places, and where the field pulls these [count, 3]."""
        places, _ = self.places
        row = torch.randint(len(places), (self.count,), generator=moment.generator, device=self.device)
        with torch.no_grad():
            answer = self.field.query(places[row], gradient=True)
            moved = pulled(places[row], answer.value, answer.gradient)
        return row, moved

    def sets(self, *drawn: Tensor) -> dict[str, PointSet]:
        """Two sets: "queries" with the columns "place" and "target", the nearest point; "pulled"."""
        row, moved = drawn
        places, nearest = self.places
        known = {"place": places[row], "target": nearest[row]}
        return {
            "queries": PointSet(places[row], known, unit_slope=True),
            "pulled": PointSet(moved),
        }


def pulled(places: Tensor, values: Tensor, gradients: Tensor) -> Tensor:
    """Places [P, 3] moved by the field's values [P] against its gradients [P, 3], of any length."""
    return places - values[:, None] * normalize(gradients, dim=1, eps=1e-8)
