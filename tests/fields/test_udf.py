"""A distance without a sign: never negative, its gradient that of the network, and never without a pull."""

from __future__ import annotations

import torch

from neurfield.encodings import HashGrid
from neurfield.fields import SDFField, UDFField


def made(shift: float = 0.0) -> tuple[UDFField, SDFField, torch.Tensor]:
    """A field, one with the same numbers that keeps its sign, and points where some of it is negative."""
    grids = [
        HashGrid(levels=3, log2_table_size=12, base_resolution=4, finest_resolution=16) for _ in range(2)
    ]
    unsigned, signed = UDFField(grids[0], (16, 16)), SDFField(grids[1], (16, 16))
    with torch.no_grad():
        generator = torch.Generator().manual_seed(0)
        for parameter in unsigned.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
        unsigned.layers[-1].bias[0] += shift
    signed.load_state_dict(unsigned.state_dict())
    return unsigned, signed, torch.rand(500, 3, generator=torch.Generator().manual_seed(1)) * 2.0 - 1.0


def test_it_starts_positive_everywhere_whatever_the_radius() -> None:
    field = UDFField()
    for radius in (0.0, 0.5, 0.9):
        field.start_as_sphere(radius, inside=True)
        points = torch.rand(4000, 3, generator=torch.Generator().manual_seed(0)) * 2.0 - 1.0
        assert float(field.sdf(points).min()) > 0.1


def test_it_is_the_network_where_that_is_positive_and_zero_below() -> None:
    unsigned, signed, points = made(shift=-1.0)
    raw = signed.query(points, gradient=True)
    for sample in (unsigned.query(points), unsigned.query(points, gradient=True)):
        torch.testing.assert_close(sample.sdf, raw.sdf.clamp_min(0.0))
    assert bool((raw.sdf < 0).any()) and bool((raw.sdf > 0).any())


def test_its_gradient_is_that_of_differences() -> None:
    unsigned, _, points = made()
    points = points * 0.9
    gradient = unsigned.query(points, gradient=True).gradient
    assert gradient is not None
    step = 1e-3
    for axis in range(3):
        offset = torch.zeros(3)
        offset[axis] = step
        slope = (unsigned.sdf(points + offset) - unsigned.sdf(points - offset)) / (2.0 * step)
        assert float((slope - gradient[:, axis]).abs().median()) < 5e-3


def test_what_is_below_zero_is_pulled_up() -> None:
    unsigned, signed, points = made(shift=-3.0)
    assert float(signed.sdf(points).max()) < 0.0 and float(unsigned.sdf(points).max()) == 0.0
    (unsigned.query(points, gradient=True).sdf - 0.5).abs().mean().backward()
    slope = unsigned.layers[-1].bias.grad
    assert slope is not None and float(slope[0]) < 0.0  # a step against it raises the field


def test_for_pictures_it_starts_as_a_ball_that_is_zero() -> None:
    field = UDFField(start="sphere")
    points = torch.rand(4000, 3, generator=torch.Generator().manual_seed(0)) * 2.0 - 1.0
    for inside in (False, True):
        field.start_as_sphere(0.4, inside=inside)
        beyond = (0.4 - points.norm(dim=1)) if inside else points.norm(dim=1) - 0.4
        assert float((field.sdf(points) - beyond.clamp_min(0.0)).abs().mean()) < 0.03
        assert float(field.sdf(points).min()) == 0.0
