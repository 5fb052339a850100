"""Derivatives by the points of a query's outputs and of its gradient, against autograd in float64."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from neurfield.encodings import TriPlane
from neurfield.fields import SDFField
from neurfield.ops.encoded_query import encoded_query
from neurfield.ops.grid import GridLayout
from neurfield.ops.reference import fused_mlp as mlp_reference
from neurfield.ops.reference import grid as grid_reference
from neurfield.ops.reference.sdf_query import frequency_features
from neurfield.ops.sdf_query import sdf_query
from neurfield.ops.simplex_layout import SimplexLayout

SMALL: dict[str, Any] = {
    "levels": 4,
    "features": 2,
    "log2_table_size": 9,
    "base_resolution": 4,
    "growth": 1.5,
}
CUBES, SIMPLICES = GridLayout(**SMALL), SimplexLayout(**SMALL)
BETA = 8.0


def leaves_of(inputs: int, layout: GridLayout) -> list[Tensor]:
    """A table, three weights, three biases."""
    generator = torch.Generator().manual_seed(0)
    sizes = [inputs, 16, 24, 5]
    return [
        0.2 * torch.randn(layout.n_parameters, generator=generator),
        *(torch.randn(b, a, generator=generator) / a**0.5 for a, b in pairwise(sizes)),
        *(0.1 * torch.randn(b, generator=generator) for b in sizes[1:]),
    ]


def plain(inputs: Tensor, points: Tensor, network: list[Tensor], row: Tensor | None) -> tuple[Tensor, Tensor]:
    """A network's outputs and gradient by torch alone."""
    outputs, _ = mlp_reference.forward(inputs, network[:3], network[3:], "softplus", BETA, "none", False)
    asked = outputs[:, 0] if row is None else outputs[torch.arange(len(row)), row]
    (gradient,) = torch.autograd.grad(asked.sum(), points, create_graph=True)
    return outputs, gradient


LOSSES = {
    "outputs": lambda outputs, gradient: outputs.square().sum(),
    "gradient": lambda outputs, gradient: (gradient.square().sum(dim=1) - 1.0).square().sum(),
    "both": lambda outputs, gradient: outputs.square().sum() + (gradient * outputs[:, 1:4]).sum(),
}


def derivatives(loss: str, found: tuple[Tensor, Tensor], leaves: list[Tensor]) -> list[Tensor]:
    by = torch.autograd.grad(LOSSES[loss](*found), leaves, materialize_grads=True, allow_unused=True)
    return [*(t.detach() for t in found), *by]


def assert_near(found: list[Tensor], expected: list[Tensor], share: float) -> None:
    assert len(found) == len(expected)
    for mine, theirs in zip(found, expected):
        scale = max(1e-6, float(theirs.abs().max())) if theirs.numel() else 1.0
        torch.testing.assert_close(mine.double(), theirs, rtol=0.0, atol=share * scale)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("layout", "count", "named", "how"),
    [
        (CUBES, 37, False, {"interpolation": "smoothstep", "n_frequencies": 2}),
        (CUBES, 37, True, {"interpolation": "linear"}),
        (CUBES, 1, True, {"interpolation": "smoothstep", "coordinates": False, "active_levels": 2}),
        (CUBES, 0, True, {"interpolation": "smoothstep"}),
        (SIMPLICES, 19, True, {"interpolation": "smoothstep"}),
    ],
)
def test_is_autograds(
    layout: GridLayout, count: int, named: bool, how: dict[str, Any], loss: str, dtype: torch.dtype
) -> None:
    generator = torch.Generator().manual_seed(1)
    start = torch.rand(count, 3, generator=generator) * 1.8 - 0.9
    row = torch.randint(0, 5, (count,), generator=generator) if named else None
    coordinates, waves = how.get("coordinates", True), how.get("n_frequencies", 0)
    values = leaves_of(3 * coordinates + 6 * waves + layout.output_dim, layout)

    exact = [t.double().requires_grad_() for t in (start, *values)]
    points, table, *network = exact
    features = grid_reference.encode(
        points * 0.5 + 0.5, table, layout, how["interpolation"], how.get("active_levels")
    )
    columns = [points] if coordinates else []
    inputs = torch.cat([*columns, frequency_features(points, waves), features], dim=1)
    expected = derivatives(loss, plain(inputs, points, network, row), exact)

    leaves = [t.to(dtype, copy=True).requires_grad_() for t in (start, *values)]
    points, table, *network = leaves
    options = {"beta": BETA, "row": row, "points_gradient": True, **how}
    found = sdf_query(points, table, network[:3], network[3:], layout, **options)
    assert_near(derivatives(loss, found, leaves), expected, 1e-9 if dtype == torch.float64 else 5e-4)


@pytest.mark.parametrize("loss", LOSSES)
def test_with_any_encoding(loss: str) -> None:
    encoding = TriPlane(resolutions=(5, 9), features=4, interpolation="smoothstep").double()
    for parameter in encoding.parameters():
        parameter.data.mul_(300.0)
    points = (
        (torch.rand(23, 3, generator=torch.Generator().manual_seed(1)) * 1.8 - 0.9).double().requires_grad_()
    )
    network = [t.double().requires_grad_() for t in leaves_of(15 + encoding.output_dim, CUBES)[1:]]
    row, leaves = torch.arange(23) % 5, [points, *network, *encoding.parameters()]
    inputs = torch.cat([points, frequency_features(points, 2), encoding(points * 0.5 + 0.5)], dim=1)
    expected = derivatives(loss, plain(inputs, points, network, row), leaves)
    options: dict[str, Any] = {"beta": BETA, "n_frequencies": 2, "row": row, "points_gradient": True}
    found = encoded_query(points, encoding, network[:3], network[3:], **options)
    assert_near(derivatives(loss, found, leaves), expected, 1e-9)


def test_what_made_the_points_learns() -> None:
    """A shift of all points is pulled along the sum of their slopes."""
    table, *network = (t.double() for t in leaves_of(3 + CUBES.output_dim, CUBES))
    start = (torch.rand(9, 3, generator=torch.Generator().manual_seed(1)) - 0.5).double()
    shift = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    query = (table, network[:3], network[3:], CUBES)
    outputs, gradient = sdf_query(start + shift, *query, beta=BETA, points_gradient=True)
    outputs[:, 0].sum().backward()
    assert shift.grad is not None
    torch.testing.assert_close(shift.grad, gradient.detach().sum(dim=0))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
def test_no_graph_without_gradients_and_the_same_values(dtype: torch.dtype) -> None:
    table, *network = (t.to(dtype).requires_grad_() for t in leaves_of(3 + CUBES.output_dim, CUBES))
    points = (torch.rand(9, 6, generator=torch.Generator().manual_seed(1)).to(dtype) - 0.5)[
        :, ::2
    ].requires_grad_()
    query = (points, table, network[:3], network[3:], CUBES)
    with torch.no_grad():
        silent = sdf_query(*query, beta=BETA, points_gradient=True)
    found, usual = sdf_query(*query, beta=BETA, points_gradient=True), sdf_query(*query, beta=BETA)
    for quiet, mine, theirs in zip(silent, found, usual):
        assert not quiet.requires_grad and mine.requires_grad
        torch.testing.assert_close(quiet, mine.detach(), rtol=0.0, atol=0.0)
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)
    (once,) = torch.autograd.grad(found[1].sum(), points, create_graph=True)
    with pytest.raises(RuntimeError, match="once"):
        once.square().sum().backward()


@pytest.mark.parametrize("encoding", ["grid", "planes"])
def test_a_field_hands_it_on(encoding: str) -> None:
    torch.manual_seed(0)
    planes = TriPlane(resolutions=(8,), features=4, interpolation="smoothstep")
    field = SDFField(None if encoding == "grid" else planes, hidden=(16,), feature_dim=2)
    points = (torch.rand(9, 3) - 0.5).requires_grad_()
    sample = field.query(points, gradient=True, points_gradient=True)
    (by_points,) = torch.autograd.grad(sample.sdf.sum(), points, retain_graph=True)
    assert sample.gradient is not None
    torch.testing.assert_close(by_points, sample.gradient.detach())
    (bend,) = torch.autograd.grad(sample.gradient.square().sum(), points)
    assert torch.isfinite(bend).all() and bool(bend.any())
    with pytest.raises(ValueError, match="ask for gradient=True"):
        field.query(points, points_gradient=True)


def test_the_fused_kernel_does_not_have_it() -> None:
    table, *network = leaves_of(3 + CUBES.output_dim, CUBES)
    with pytest.raises(ValueError, match="'points_gradient' is composed"):
        sdf_query(torch.zeros(2, 3), table, network[:3], network[3:], CUBES, fused=True, points_gradient=True)
