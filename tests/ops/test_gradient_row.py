"""The gradient of a network output that each point names: values, gradients and second gradients."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from neurfield.encodings import TriPlane
from neurfield.fields import SDFField
from neurfield.ops import fused_mlp, native
from neurfield.ops.encoded_query import encoded_query
from neurfield.ops.grid import GridLayout
from neurfield.ops.reference import fused_mlp as mlp_reference
from neurfield.ops.reference import sdf_query as reference
from neurfield.ops.reference.sdf_query import frequency_features
from neurfield.ops.sdf_query import sdf_query

LAYOUT = GridLayout(levels=5, features=2, log2_table_size=10, base_resolution=4, growth=1.6)
HOW: dict[str, Any] = {"interpolation": "smoothstep", "beta": 20.0}
Found = list[Tensor]


def leaves_of(hidden: tuple[int, ...], outputs: int, inputs: int = 3 + LAYOUT.output_dim) -> list[Tensor]:
    """A table, then weights, then biases."""
    generator = torch.Generator().manual_seed(0)
    sizes = [inputs, *hidden, outputs]
    return [
        0.2 * torch.randn(LAYOUT.n_parameters, generator=generator),
        *(torch.randn(b, a, generator=generator) / a**0.5 for a, b in pairwise(sizes)),
        *(0.1 * torch.randn(b, generator=generator) for b in sizes[1:]),
    ]


def some_points(count: int) -> Tensor:
    return torch.rand(count, 3, generator=torch.Generator().manual_seed(1)) * 2.2 - 1.1


def some_row(count: int, outputs: int) -> Tensor:
    return torch.randint(0, outputs, (count,), generator=torch.Generator().manual_seed(2))


def everything(
    query: Callable[..., tuple[Tensor, Tensor]], points: Tensor, leaves: Found, **how: Any
) -> Found:
    """Outputs, gradient, and what a loss of both asks of the table, the weights and the biases."""
    leaves = [leaf.to(points.dtype).detach().clone().requires_grad_() for leaf in leaves]
    n = len(leaves) // 2
    outputs, gradient = query(points, leaves[0], leaves[1 : 1 + n], leaves[1 + n :], LAYOUT, **(HOW | how))
    bend = (gradient.square().sum(dim=1) - 1.0).square().sum()
    (outputs.square().sum() + bend + (gradient.sum(dim=1) * outputs[:, 1]).sum()).backward()
    return [outputs.detach(), gradient.detach(), *(leaf.grad for leaf in leaves if leaf.grad is not None)]


def assert_near(found: Found, expected: Found, share: float) -> None:
    assert len(found) == len(expected)
    for mine, theirs in zip(found, expected):
        scale = max(1e-6, float(theirs.detach().abs().max())) if theirs.numel() else 1.0
        torch.testing.assert_close(mine.double(), theirs.double(), rtol=0.0, atol=share * scale)


def test_the_reference_is_a_row_of_the_jacobian() -> None:
    leaves = [leaf.double() for leaf in leaves_of((16, 16), 4)]
    points = some_points(12).double().requires_grad_()
    network = leaves[0], leaves[1:4], leaves[4:]
    row = some_row(12, 4)

    def outputs_of(points: Tensor) -> Tensor:
        inputs = torch.cat(
            [points, reference.grid.encode(points * 0.5 + 0.5, network[0], LAYOUT, "smoothstep")], 1
        )
        return mlp_reference.forward(inputs, *network[1:], "softplus", 20.0, "none", False)[0]

    outputs = outputs_of(points)
    jacobian = [torch.autograd.grad(outputs[:, k].sum(), points, retain_graph=True)[0] for k in range(4)]
    found = reference.sdf_query(points, *network, LAYOUT, **HOW, row=row)
    torch.testing.assert_close(found[1], torch.stack(jacobian, dim=1)[torch.arange(12), row])
    assert len(set(row.tolist())) == 4


@pytest.mark.parametrize("fused", [None, False])
@pytest.mark.parametrize("activation", ["relu", "softplus"])
@pytest.mark.parametrize(
    ("count", "hidden", "outputs"), [(1, (32,), 6), (37, (17, 33), 17), (300, (64, 64), 5), (1030, (24,), 33)]
)
def test_is_autograds_in_double(
    count: int, hidden: tuple[int, ...], outputs: int, activation: str, fused: bool | None
) -> None:
    points, row, leaves = some_points(count), some_row(count, outputs), leaves_of(hidden, outputs)
    if activation == "relu":
        points, row = away_from_kinks(points, row, leaves)
    how = {"activation": activation, "row": row}
    expected = everything(reference.sdf_query, points.double(), leaves, **how)
    assert_near(everything(sdf_query, points, leaves, fused=fused, **how), expected, 5e-4)
    assert_near(everything(sdf_query, points.double(), leaves, **how), expected, 1e-9)


def away_from_kinks(points: Tensor, row: Tensor, leaves: Found) -> tuple[Tensor, Tensor]:
    """Without points at which float32 may see a unit on the other side of zero."""
    leaves = [leaf.double() for leaf in leaves]
    n, far = len(leaves) // 2, torch.ones(len(points), dtype=torch.bool)
    cube = points.double() * 0.5 + 0.5
    a = torch.cat([points.double(), reference.grid.encode(cube, leaves[0], LAYOUT, "smoothstep")], dim=1)
    for weight, bias in zip(leaves[1:n], leaves[1 + n : -1]):
        z = a @ weight.T + bias
        far &= (z.abs() > 2e-6).all(dim=1)
        a = z.relu()
    return points[far], row[far]


@pytest.mark.parametrize("fused", [None, False])
@pytest.mark.parametrize("count", [0, 37])
def test_a_row_of_zeros_is_none_given(count: int, fused: bool | None) -> None:
    points, leaves = some_points(count), leaves_of((32, 32), 6)
    zeros = torch.zeros(count, dtype=torch.int64)
    named = everything(sdf_query, points, leaves, fused=fused, row=zeros)
    plain = everything(sdf_query, points, leaves, fused=fused)
    assert len(named) == 2 + len(leaves)
    assert_near(named, plain, 1e-6)
    assert all(torch.equal(a, b) for a, b in zip(named[:2], plain))


def test_columns_and_slices_are_taken_as_they_are() -> None:
    leaves, points, row = leaves_of((32, 32), 6), some_points(51), some_row(51, 6)
    wide, columns = points.repeat(1, 2)[:, 3:], torch.stack([row, row - 9], dim=1)[:, 0]
    assert not wide.is_contiguous() and not columns.is_contiguous()
    for mine, theirs in zip(
        everything(sdf_query, wide, leaves, row=columns), everything(sdf_query, points, leaves, row=row)
    ):
        torch.testing.assert_close(mine, theirs, rtol=0.0, atol=0.0)


@pytest.mark.skipif(native.module is None, reason="the native kernels are not built")
def test_the_same_bits_for_any_number_of_threads() -> None:
    points, row, leaves, before = (
        some_points(5000),
        some_row(5000, 6),
        leaves_of((32, 32), 6),
        torch.get_num_threads(),
    )
    try:
        runs = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            runs.append(everything(sdf_query, points, leaves, row=row))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(*runs))


@pytest.mark.skipif(not native.has_bf16(), reason="no bf16 dot products here")
@pytest.mark.parametrize("activation", ["relu", "softplus"])
def test_bfloat16_is_the_reference_with_rounded_factors(activation: str) -> None:
    generator = torch.Generator().manual_seed(3)
    leaves = leaves_of((64, 64), 5, inputs=13)[1:]
    network = leaves[:3], leaves[3:], activation, 20.0, "none"
    inputs, row = torch.randn(90, 13, generator=generator), some_row(90, 5)
    adjoints = torch.randn(90, 5, generator=generator), torch.randn(90, 13, generator=generator)
    rounded: dict[str, Any] = {"precision": "bfloat16", "row": row}
    slope = fused_mlp.mlp_forward(inputs, *network, gradient=True, **rounded)[1]
    expected = mlp_reference.forward(inputs, *network, True, **rounded)[1]
    assert slope is not None and expected is not None
    assert_near([slope], [expected], 1e-2)
    _, d_weights, d_biases = fused_mlp.mlp_backward(
        inputs, *network, d_outputs=adjoints[0], d_gradient=adjoints[1], **rounded
    )
    _, *wanted = mlp_reference.backward(inputs, *network, *adjoints, **rounded)
    assert_near([*d_weights, *d_biases], [*wanted[0], *wanted[1]], 1e-2)


def test_composed_with_any_encoding() -> None:
    encoding = TriPlane(resolutions=(5, 9), features=4, interpolation="smoothstep").double()
    for parameter in encoding.parameters():
        parameter.data.mul_(300.0)
    leaves = [
        leaf.double().requires_grad_() for leaf in leaves_of((16, 16), 4, inputs=15 + encoding.output_dim)[1:]
    ]
    network, parameters = (leaves[:3], leaves[3:]), [*leaves, *encoding.parameters()]
    points, row = some_points(41).double() * 0.8, some_row(41, 4)

    def with_gradients(outputs: Tensor, gradient: Tensor) -> Found:
        loss = (gradient.norm(dim=1) - 1.0).square().mean() + outputs.tanh().square().mean()
        return [outputs, gradient, *torch.autograd.grad(loss, parameters)]

    found = with_gradients(*encoded_query(points, encoding, *network, beta=5.0, n_frequencies=2, row=row))
    leaf = points.clone().requires_grad_()
    inputs = torch.cat([leaf, frequency_features(leaf, 2), encoding(leaf * 0.5 + 0.5)], dim=1)
    outputs, _ = mlp_reference.forward(inputs, *network, "softplus", 5.0, "none", False)
    asked = outputs[torch.arange(41), row].sum()
    (gradient,) = torch.autograd.grad(asked, leaf, create_graph=True)
    assert_near(found, with_gradients(outputs, gradient), 1e-9)


@pytest.mark.parametrize("encoding", ["grid", "planes"])
def test_a_field_hands_it_on(encoding: str) -> None:
    torch.manual_seed(0)
    planes = TriPlane(resolutions=(8,), features=4, interpolation="smoothstep")
    field = SDFField(
        None if encoding == "grid" else planes, hidden=(16,), feature_dim=2, heads={"objects": 3}
    )
    points, step = some_points(30) * 0.8, 1e-3
    outputs = field.query(points).heads["objects"]
    least = outputs.argmin(dim=1)
    sample = field.query(points, gradient=True, row=1 + least)
    assert sample.gradient is not None and len(set(least.tolist())) > 1
    assert torch.equal(sample.sdf, field.query(points, gradient=True).sdf)
    for axis in range(3):
        shift = step * torch.eye(3)[axis]
        ahead, behind = (field.query(points + s * shift).heads["objects"] for s in (1.0, -1.0))
        slope = ((ahead - behind) / (2 * step)).gather(1, least[:, None])[:, 0]
        torch.testing.assert_close(sample.gradient.detach()[:, axis], slope, rtol=0.0, atol=0.02)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (
            torch.zeros(5, dtype=torch.int32),
            r"'row' must be \[5\] of torch.int64 on cpu, got \[5\] of torch.int32",
        ),
        (torch.zeros(4, dtype=torch.int64), r"'row' must be \[5\] of torch.int64 on cpu, got \[4\]"),
        (torch.zeros(5, 1, dtype=torch.int64), r"'row' must be \[5\] of torch.int64 on cpu, got \[5, 1\]"),
        (torch.tensor([0, 1, 6, 0, 0]), "'row' must be 0 to 5, got 0 to 6"),
        (torch.tensor([0, -1, 2, 0, 0]), "'row' must be 0 to 5, got -1 to 2"),
    ],
)
def test_mistakes_are_named(row: Tensor, words: str) -> None:
    table, *network = leaves_of((32,), 6)
    weights, biases, points = network[:2], network[2:], some_points(5)
    inputs = torch.zeros(5, 13)
    calls: list[Callable[[], Any]] = [
        lambda: sdf_query(points, table, weights, biases, LAYOUT, row=row),
        lambda: sdf_query(points, table, weights, biases, LAYOUT, row=row, fused=False),
        lambda: encoded_query(points, lambda x: inputs[:, 3:], weights, biases, row=row),
        lambda: fused_mlp.mlp_forward(inputs, weights, biases, gradient=True, row=row),
        lambda: fused_mlp.mlp_backward(inputs, weights, biases, d_outputs=torch.zeros(5, 6), row=row),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=words):
            call()
