"""Points that are asked of one object each, and how sets say so."""

from __future__ import annotations

import torch

from neurfield.encodings import HashGrid
from neurfield.fields import ObjectsField
from neurfield.fitting.points_step import look_at_points
from neurfield.moment import Moment
from neurfield.pixels import Instances
from neurfield.points import Beside, Objects, PointSet
from neurfield.points.point_set import gathered, rows_of

BOX = [-1.0, -0.5, -1.0, 1.0, 0.5, 1.0]


def test_a_look_gives_values_and_slopes_of_the_drawn_objects() -> None:
    torch.manual_seed(0)
    grid = HashGrid(levels=2, log2_table_size=8, finest_resolution=16, interpolation="smoothstep")
    field = ObjectsField([4, 6], grid, (16,), feature_dim=1)
    source = Objects(Instances(field.ids), BOX, torch.device("cpu"), Beside(5, 0.01), count=40)
    moment = Moment(3, 0.1, generator=torch.Generator().manual_seed(1))
    drawn = source.draw(moment)
    look = look_at_points(field, source, moment, drawn)
    points, index, aside = drawn
    assert points.abs().max(dim=0).values[1] <= 0.5 and set(index.tolist()) == {0, 1, 2} and len(aside) == 5
    own = field.query(points, gradient=True, row=index)
    asked = look.points["objects"]
    torch.testing.assert_close(
        asked.sdf, field.query(points).heads["objects"].gather(1, index[:, None])[:, 0]
    )
    torch.testing.assert_close(asked.heads["objects"].detach(), field.query(points).heads["objects"])
    assert look.gradients is not None and look.pairs is not None and own.gradient is not None
    torch.testing.assert_close(look.gradients, own.gradient)
    first, near = look.pairs
    beside = source.sets(*drawn)["objects"].beside
    assert beside is not None and (beside - points[:5]).abs().max() <= 0.01
    torch.testing.assert_close(first, own.gradient[:5])
    neighbours = field.query(beside, gradient=True, row=index[:5]).gradient
    torch.testing.assert_close(near, neighbours)


def test_rows_are_in_the_order_of_the_points() -> None:
    a = PointSet(torch.zeros(3, 3), row=torch.tensor([1, 2, 0]), beside=torch.ones(2, 3))
    b = PointSet(torch.zeros(1, 3), row=torch.tensor([7]))
    sets = {"a": a, "b": b}
    rows = rows_of(sets)
    assert rows is not None and rows.tolist() == [1, 2, 0, 7, 1, 2] and len(gathered(sets)) == len(rows)
    assert rows_of({"c": PointSet(torch.zeros(2, 3))}) is None
