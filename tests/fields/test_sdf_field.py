"""The field starts as the sphere it says, inside out for rooms."""

from __future__ import annotations

import pytest
import torch

from neurfield.encodings import HashGrid
from neurfield.fields import Radiance, SDFField
from neurfield.moment import Moment


def small_field() -> SDFField:
    return SDFField(HashGrid(levels=4, log2_table_size=12, finest_resolution=32, interpolation="smoothstep"))


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("radius", [0.3, 0.5, 0.8])
def test_it_starts_as_a_sphere(inside: bool, radius: float) -> None:
    field = small_field()
    field.start_as_sphere(radius, inside=inside)
    directions = torch.nn.functional.normalize(
        torch.randn(256, 3, generator=torch.Generator().manual_seed(3)), dim=1
    )
    sign = -1.0 if inside else 1.0
    for r in (0.5 * radius, 1.5 * radius):
        assert ((field.sdf(r * directions) * sign > 0) == (r > radius)).all()
    assert field.sdf(radius * directions).abs().mean() < 0.1 * radius
    slope = field.query(radius * directions, gradient=True).gradient
    assert slope is not None
    assert abs((sign * slope * directions).sum(dim=1).mean().item() - 1.0) < 0.15


def test_query_with_and_without_gradient_agree() -> None:
    field = small_field()
    points = torch.rand(33, 3) * 2 - 1
    plain, full = field.query(points), field.query(points, gradient=True)
    torch.testing.assert_close(plain.sdf, full.sdf)
    torch.testing.assert_close(plain.feature, full.feature)
    assert plain.gradient is None and plain.sdf.requires_grad and full.sdf.requires_grad


def test_radiance_is_a_colour() -> None:
    radiance = Radiance(
        HashGrid(levels=2, log2_table_size=8, finest_resolution=32), feature_dim=5, hidden=(32,)
    )
    directions = torch.nn.functional.normalize(torch.randn(10, 3), dim=1)
    rgb = radiance(torch.rand(10, 3), torch.randn(10, 5), directions, radiance.encode_views(directions))
    assert rgb.shape == (10, 3) and ((rgb >= 0) & (rgb <= 1)).all()
    rgb.sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in radiance.parameters())


def test_levels_come_with_the_moment_and_sooner_where_a_surface_is_known() -> None:
    grid = HashGrid(levels=8, log2_table_size=8, finest_resolution=32)
    field = SDFField(grid, hidden=(16,), start_levels=2, all_levels_at=0.5)
    found = []
    for moment in (
        Moment(0, 0.0), Moment(0, 0.25), Moment(0, 0.5), Moment(0, 0.25, alone=0.25, warm=True),
        Moment(0, 0.125, alone=0.25, warm=True), Moment(0, 0.0, alone=0.25, warm=True),
    ):  # fmt: skip
        field.at(moment)
        found.append(field.active_levels)
    assert found == [2, 5, 8, 8, 5, 2]
    plain = SDFField(grid, hidden=(16,))
    plain.at(Moment(0, 0.0))
    assert plain.active_levels == 8  # all of them, where nothing is said
