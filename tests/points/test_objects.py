"""Points of which is known whose place they are, and sets that the field is not asked at."""

from __future__ import annotations

import torch

from neurfield.encodings import HashGrid
from neurfield.fields import SDFField
from neurfield.fitting.points_step import look_at_points
from neurfield.moment import Moment
from neurfield.points import PointSet, Source, object_places
from neurfield.points.object_places import ANYWHERE, DEEP
from neurfield.points.point_set import answered, gathered

BOX = torch.tensor([-1.0, -0.5, -1.0, 1.0, 0.5, 1.0])


def plane(count: int = 3000) -> torch.Tensor:
    """Points of the plane z = 0.2."""
    share = torch.rand(count, 3, generator=torch.Generator().manual_seed(0))
    return torch.cat([2.0 * share[:, :1] - 1.0, share[:, 1:2] - 0.5, 0.0 * share[:, 2:] + 0.2], dim=1)


def test_a_place_is_that_of_the_nearest_known_point() -> None:
    surface = plane()
    owner = (surface[:, 0] > 0.5).long() * 2  # a quarter is object 2, nobody is object 1
    owner[::10] = -1  # not known
    places = object_places(surface, owner, BOX)
    assert places is not None
    known = owner >= 0
    nearest = torch.cdist(places.points[:500], surface[known]).argmin(dim=1)
    assert torch.equal(places.object[:500], owner[known][nearest])
    away = (places.points[:, 2] - 0.2).abs()
    assert (away <= DEEP).float().mean() > 1.0 - ANYWHERE and (away > DEEP).any()  # some are anywhere
    assert ((places.points[:, 2] > 0.2).float().mean() - 0.5).abs() < 0.1  # on both sides
    again = object_places(surface, owner, BOX)
    assert again is not None and torch.equal(again.points, places.points)


def test_small_objects_are_not_missed() -> None:
    surface = plane()
    owner = torch.zeros(3000, dtype=torch.int64)
    small = ((surface[:, :2] - 0.1).norm(dim=1) < 0.05).nonzero()[:, 0]
    owner[small] = 1
    places = object_places(surface, owner, BOX)
    assert places is not None
    near = (places.points - torch.tensor([0.1, 0.1, 0.2])).norm(dim=1) < 0.1
    share = float((places.object[near] == 1).float().mean())
    assert share > 0.3 and float((places.object == 1).float().mean()) > 2.0 * len(small) / 3000


def test_nothing_known_is_nothing() -> None:
    assert object_places(plane(), torch.full((3000,), -1), BOX) is None
    assert object_places(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64), BOX) is None


class Two(Source):
    """A set that the field is asked at, between two that it is not."""

    def sets(self, *drawn: torch.Tensor) -> dict[str, PointSet]:
        """Three sets."""
        (at,) = drawn
        quiet = PointSet(at, {"object": torch.arange(len(at))}, asked=False)
        return {"before": quiet, "asked": PointSet(at, unit_slope=True, beside=at[:2] + 0.01), "after": quiet}


def test_a_set_that_is_not_asked_costs_no_query() -> None:
    torch.manual_seed(0)
    grid = HashGrid(levels=2, log2_table_size=8, finest_resolution=16, interpolation="smoothstep")
    field, at = SDFField(grid, (16,), feature_dim=1), 2.0 * torch.rand(5, 3) - 1.0
    source = Two()
    sets = source.sets(at)
    assert len(gathered(sets)) == 7
    look = look_at_points(field, source, Moment(0, 0.0), (at,))
    own = field.query(at, gradient=True)
    torch.testing.assert_close(look.points["asked"].sdf, own.sdf)
    torch.testing.assert_close(look.gradients, own.gradient)
    # The answer itself, as without the other sets: a copy would add up its derivatives in another order.
    assert look.gradients is not None
    assert look.gradients.data_ptr() == look.points["asked"].slope.data_ptr()
    for name in ("before", "after"):
        assert len(look.points[name].value) == 0 and len(look.points[name].columns["object"]) == 5
    assert "points.after.object" in look.offers
    assert look.pairs is not None and len(look.pairs[1]) == 2
    values = torch.arange(7.0)
    points, start = answered(sets, dict.fromkeys(sets, 1.0), values, None)
    assert start == 5 and points["asked"].value.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    alone = {"before": sets["before"]}
    assert gathered(alone).shape == (0, 3)
