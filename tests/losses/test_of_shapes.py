"""Losses on shapes, by hand: right where the field is, growing where it is not."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from neurfield.losses import of_shapes
from neurfield.losses.seen import Seen
from neurfield.moment import Moment
from neurfield.points import AskedPoints


def seen(name: str, value: list[float], slope: list[list[float]] | None = None, **columns: list) -> Seen:  # type: ignore[type-arg]
    gradient = None if slope is None else torch.tensor(slope)
    known: dict[str, Tensor] = {key: torch.tensor(column) for key, column in columns.items()}
    points = AskedPoints(known, {"band": 0.01}, torch.tensor(value), gradient)
    return Seen(Moment(0, 0.0), points={name: points})


def test_distances_relative_and_cut_off() -> None:
    one = seen("around", [0.02, -0.5], sdf=[0.0, -0.4], weight=[1.0, 0.25])
    assert float(of_shapes.shape_sdf(one)) == pytest.approx((0.02 + 0.25 * 0.1) / (0.01 * 1.25))
    assert float(of_shapes.shape_sdf(one, clamp=0.1)) == pytest.approx(0.5 * 0.02 / 0.01)
    assert float(of_shapes.shape_sdf(one, clamp=2.0)) == pytest.approx(0.5 * 0.12 / 0.01)


def test_points_of_the_surface() -> None:
    assert float(of_shapes.surface_points(seen("surface", [0.02, -0.04]))) == pytest.approx(3.0)


def test_axes_hold_either_way_round_and_normals_one() -> None:
    slope = [[0.0, 0.0, 2.0], [0.0, 0.0, -3.0]]
    up = [[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]
    assert float(of_shapes.surface_axis(seen("surface", [0.0, 0.0], slope, axis=up))) == pytest.approx(0.0)
    assert float(of_shapes.surface_normal(seen("surface", [0.0, 0.0], slope, normal=up))) == pytest.approx(
        2.0
    )


def test_an_occupancy_is_right_deep_on_its_side() -> None:
    right = seen("around", [0.1, -0.1], inside=[0.0, 1.0])
    wrong = seen("around", [0.1, -0.1], inside=[1.0, 0.0])
    assert float(of_shapes.occupancy(right)) < 1e-6 < float(of_shapes.occupancy(wrong))
    border = seen("around", [0.0], inside=[1.0])
    assert float(of_shapes.occupancy(border)) == pytest.approx(math.log(2.0))


def test_apart_there_is_no_surface() -> None:
    one = of_shapes.off_surface(seen("apart", [0.0, -0.01]), sharpness=100.0)
    assert float(one) == pytest.approx(0.5 * (1.0 + math.exp(-1.0)))


def test_both_outputs_of_a_field_with_sides_relative_to_the_distance() -> None:
    known = {"side": [-0.02, 0.4], "beyond": [-0.01, 0.38], "weight": [1.0, 0.25]}
    columns = {key: torch.tensor(column) for key, column in known.items()}
    heads = {"side": torch.tensor([[-0.02], [0.5]]), "beyond": torch.tensor([[0.0], [0.38]])}
    on = AskedPoints(
        {}, {"band": 0.01}, torch.zeros(2), None, heads={"side": torch.tensor([[0.01], [-0.03]])}
    )
    points = AskedPoints(columns, {"band": 0.01}, torch.zeros(2), None, heads=heads)
    one = Seen(Moment(0, 0.0), points={"around": points, "surface": on})
    relative, cut_off = (0.25 * 0.1 + 0.01) / (0.01 * 1.25), 0.5 * 0.01 / 0.01
    assert float(of_shapes.sides(one, clamp=0.1)) == pytest.approx(2.0 + relative + cut_off)
    assert float(of_shapes.sides(one, clamp=1.0)) == pytest.approx(
        2.0 + relative + cut_off + 0.5 * 0.1 / 0.01
    )
