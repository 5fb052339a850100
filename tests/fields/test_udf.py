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


def sided(seed: int = 0) -> UDFField:
    """A field with two outputs, both of which are zero somewhere."""
    grid = HashGrid(levels=3, log2_table_size=12, base_resolution=4, finest_resolution=16)
    field = UDFField(grid, (16, 16), sided=True)
    with torch.no_grad():
        generator = torch.Generator().manual_seed(seed)
        for parameter in field.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
        field.layers[-1].bias[:2] -= torch.tensor([1.3, 0.15])
    return field


def test_a_field_of_two_sides_starts_without_them() -> None:
    plain, both = UDFField(), UDFField(sided=True)
    for field in (plain, both):
        field.start_as_sphere(0.5, inside=False)
    points = torch.rand(500, 3, generator=torch.Generator().manual_seed(0)) * 2.0 - 1.0
    assert float(both.query(points).heads["side"].abs().max()) == 0.0
    with torch.no_grad():  # below zero it is pulled up, as the plain one
        both.layers[-1].bias[0] -= 3.0
    sample = both.query(points, gradient=True)
    (sample.sdf - 0.5).abs().mean().backward()
    learnt = both.layers[-1].bias.grad
    assert float(sample.sdf.max()) == 0.0 and learnt is not None
    assert float(learnt[0]) < 0.0 == float(learnt[1])
    with torch.no_grad():
        both.layers[-1].bias[0] += 3.0
    assert float(both.sdf(points).min()) > 0.1 and float(plain.sdf(points).min()) > 0.1


def test_the_larger_of_both_outputs_is_the_distance_and_its_gradient_comes_along() -> None:
    field, points = sided(), torch.rand(2000, 3, generator=torch.Generator().manual_seed(1)) * 1.8 - 0.9
    sample = field.query(points, gradient=True)
    side, beyond = sample.heads["side"][:, 0], sample.heads["beyond"][:, 0]
    torch.testing.assert_close(sample.sdf, torch.maximum(side.abs(), beyond))
    by_side = side.abs() > beyond
    assert 0.1 < float(by_side.float().mean()) < 0.9 and bool((side[by_side] < 0).any())
    torch.testing.assert_close(field.sdf(points), sample.sdf.detach(), atol=1e-5, rtol=1e-4)
    assert sample.gradient is not None
    step = 1e-3
    for axis in range(3):
        offset = torch.zeros(3)
        offset[axis] = step
        slope = (field.sdf(points + offset) - field.sdf(points - offset)) / (2.0 * step)
        assert float((slope - sample.gradient[:, axis]).abs().median()) < 5e-3


def test_losses_on_both_outputs_teach_both_wherever_the_point_is() -> None:
    field, points = sided(), torch.rand(100, 3, generator=torch.Generator().manual_seed(1)) * 2.0 - 1.0
    of_value = field.query(points, gradient=True)
    by_side = of_value.sdf > of_value.heads["beyond"][:, 0]
    assert bool(by_side.any()) and not of_value.sdf[by_side].sum().isnan()
    for head in ("side", "beyond"):
        field.zero_grad()
        field.query(points, gradient=True).heads[head].abs().mean().backward()
        learnt = field.layers[-1].weight.grad
        assert learnt is not None
        rows = (learnt.abs().sum(dim=1) > 0).tolist()[:2]
        assert rows == [head == "beyond", head == "side"]


def test_values_that_train_are_those_of_a_query() -> None:
    field, points = sided(), torch.rand(4, 25, 3, generator=torch.Generator().manual_seed(1)) * 2.0 - 1.0
    sample = field.query(points, gradient=True)
    torch.testing.assert_close(field(points), sample.sdf, atol=1e-5, rtol=1e-4)
    assert sample.sdf.shape == (4, 25) and sample.heads["side"].shape == (4, 25, 1)
    field(points).sum().backward()
    learnt = field.layers[-1].weight.grad
    assert learnt is not None and float(learnt[0].abs().sum()) > 0.0 == float(learnt[1].abs().sum())
