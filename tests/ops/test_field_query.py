"""The fused field query against torch's autograd in float64, against the composed kernels."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.grid import GridLayout
from neurfield.ops.reference import sdf_query as reference
from neurfield.ops.sdf_query import path, sdf_query, sdf_values
from neurfield.ops.simplex_layout import SimplexLayout

needs_native = pytest.mark.skipif(native.module is None, reason="the native kernels are not built")
LAYOUT = GridLayout(levels=5, features=2, log2_table_size=10, base_resolution=4, growth=1.6)
Leaves = tuple[Tensor, list[Tensor], list[Tensor]]


def leaves_of(
    layout: GridLayout, hidden: tuple[int, ...], outputs: int = 6, extra: int = 3, seed: int = 0
) -> Leaves:
    """A table, weights and biases that ask for gradients."""
    generator = torch.Generator().manual_seed(seed)
    sizes = [extra + layout.output_dim, *hidden, outputs]
    table = torch.randn(layout.n_parameters, generator=generator) * 0.2
    weights = [torch.randn(b, a, generator=generator) / a**0.5 for a, b in pairwise(sizes)]
    biases = [torch.randn(b, generator=generator) * 0.1 for b in sizes[1:]]
    for leaf in (table, *weights, *biases):
        leaf.requires_grad_()
    return table, weights, biases


def doubled(leaves: Leaves) -> Leaves:
    table, weights, biases = leaves
    twin = [t.detach().double().requires_grad_() for t in (table, *weights, *biases)]
    return twin[0], twin[1 : 1 + len(weights)], twin[1 + len(weights) :]


def flat(leaves: Leaves) -> list[Tensor]:
    return [leaves[0], *leaves[1], *leaves[2]]


def some_points(count: int, seed: int = 1) -> Tensor:
    return torch.rand(count, 3, generator=torch.Generator().manual_seed(seed)) * 2.2 - 1.1


def a_loss(outputs: Tensor, gradient: Tensor) -> Tensor:
    """Of everything a fit asks for: value, features, slope, and both together."""
    eikonal = (gradient.square().sum(dim=1) - 1.0).square().sum()
    return outputs.square().sum() + eikonal + (gradient * outputs[:, 1:4]).sum()


def assert_near(found: Tensor | None, expected: Tensor | None, share: float = 2e-4) -> None:
    """Equal but for `share` of the largest entry, as float32's sums over many points are; None is zero."""
    assert found is not None
    expected = torch.zeros_like(found).double() if expected is None else expected
    scale = float(expected.detach().abs().max()) if expected.numel() else 1.0
    torch.testing.assert_close(found.double(), expected, rtol=0.0, atol=share * max(scale, 1e-6))


def compare(points: Tensor, layout: GridLayout, leaves: Leaves, **options: Any) -> None:
    """Values and every gradient, fused and composed, against double backward in float64."""
    if options.get("activation") == "relu":
        points = away_from_kinks(points, layout, leaves, options)
    twin = doubled(leaves)
    expected = reference.sdf_query(points.double(), *twin, layout, **options)
    a_loss(*expected).backward()
    for fused in (None, False):
        for leaf in flat(leaves):
            leaf.grad = None
        found = sdf_query(points, *leaves, layout, **options, fused=fused)
        for mine, theirs in zip(found, expected):
            assert_near(mine, theirs)
        assert_near(sdf_values(points, *leaves, layout, **options, fused=fused), expected[0], 1e-5)
        a_loss(*found).backward()
        for leaf, theirs in zip(flat(leaves), flat(twin)):
            assert_near(leaf.grad, theirs.grad, 5e-4)


def away_from_kinks(points: Tensor, layout: GridLayout, leaves: Leaves, options: dict[str, Any]) -> Tensor:
    """Points where no unit of a ReLU network is so near zero that float32 may see it on the other side."""
    table, weights, biases = doubled(leaves)
    flags = torch.ones(len(points), dtype=torch.bool)
    for depth in range(1, len(weights)):
        # the pre-activations of a layer are the outputs of the network cut off there
        cut = [*weights[: depth - 1], weights[depth - 1]], [*biases[: depth - 1], biases[depth - 1]]
        if depth == 1:
            identity = torch.eye(cut[0][0].shape[1], dtype=torch.float64)
            both = torch.cat([identity, -identity])
            cut = (
                [both, cut[0][0] @ torch.cat([identity, -identity], dim=1)],
                [
                    torch.zeros(len(both), dtype=torch.float64),
                    cut[1][0],
                ],
            )
        before, _ = reference.sdf_query(points.double(), table, *cut, layout, **options)
        flags &= before.abs().min(dim=1).values > 2e-6
    return points[flags]


@pytest.mark.parametrize("activation", ["relu", "softplus"])
@pytest.mark.parametrize("hidden", [(16,), (64, 64), (17, 33), (40, 24, 31), (128, 128)])
def test_networks(activation: str, hidden: tuple[int, ...]) -> None:
    compare(some_points(300), LAYOUT, leaves_of(LAYOUT, hidden), activation=activation, beta=20.0)


@pytest.mark.parametrize("features", [1, 2, 4])
@pytest.mark.parametrize("interpolation", ["linear", "smoothstep"])
@pytest.mark.parametrize("active", [None, 0, 3])
def test_grids(features: int, interpolation: str, active: int | None) -> None:
    layout = GridLayout(levels=5, features=features, log2_table_size=9, base_resolution=5, growth=1.5)
    how = {"interpolation": interpolation, "active_levels": active, "beta": 20.0}
    compare(some_points(201), layout, leaves_of(layout, (32, 32)), **how)


@pytest.mark.parametrize("interpolation", ["linear", "smoothstep"])
@pytest.mark.parametrize("active", [None, 3])
def test_grids_of_simplices(interpolation: str, active: int | None) -> None:
    layout = SimplexLayout(levels=5, features=2, log2_table_size=9, base_resolution=5, growth=1.5)
    how = {"interpolation": interpolation, "active_levels": active, "beta": 20.0}
    compare(some_points(201), layout, leaves_of(layout, (32, 32)), **how)


@pytest.mark.parametrize(("coordinates", "n_frequencies"), [(False, 0), (True, 3), (False, 6)])
def test_what_the_network_sees_beside_the_grid(coordinates: bool, n_frequencies: int) -> None:
    extra = 3 * coordinates + 6 * n_frequencies
    how = {"coordinates": coordinates, "n_frequencies": n_frequencies, "beta": 20.0}
    compare(some_points(150), LAYOUT, leaves_of(LAYOUT, (32,), extra=extra), **how)


@pytest.mark.parametrize("count", [1, 17, 1000, 3000])
def test_numbers_of_points(count: int) -> None:
    compare(some_points(count), LAYOUT, leaves_of(LAYOUT, (32, 32)), beta=20.0)


def test_more_points_than_fit_between_two_scatters() -> None:
    points, leaves, twin = some_points(40000), leaves_of(LAYOUT, (16,)), leaves_of(LAYOUT, (16,))
    a_loss(*sdf_query(points, *leaves, LAYOUT)).backward()
    a_loss(*sdf_query(points, *twin, LAYOUT, fused=False)).backward()
    for mine, theirs in zip(flat(leaves), flat(twin)):
        assert theirs.grad is not None
        assert_near(mine.grad, theirs.grad.double())


def test_no_points() -> None:
    leaves = leaves_of(LAYOUT, (32, 32))
    outputs, gradient = sdf_query(torch.empty(0, 3), *leaves, LAYOUT)
    assert outputs.shape == (0, 6) and gradient.shape == (0, 3)
    (outputs.sum() + gradient.sum()).backward()
    assert all(leaf.grad is not None and not leaf.grad.any() for leaf in flat(leaves))


def test_views_are_taken_as_they_are() -> None:
    table, weights, biases = leaves_of(LAYOUT, (32, 32))
    twin = leaves_of(LAYOUT, (32, 32))
    points = some_points(100)
    strided = torch.cat([points, points], dim=1)[:, 3:]
    columns = [w.detach().T.contiguous().T.requires_grad_() for w in weights]
    assert not strided.is_contiguous() and not columns[0].is_contiguous()
    found = sdf_query(strided, table, columns, biases, LAYOUT)
    expected = sdf_query(points, *twin, LAYOUT)
    for mine, theirs in zip(found, expected):
        torch.testing.assert_close(mine, theirs, rtol=0.0, atol=0.0)
    a_loss(*found).backward()
    a_loss(*expected).backward()
    for mine, theirs in zip([table, *columns, *biases], flat(twin)):
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=0.0, atol=0.0)


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "outputs": lambda outputs, _: outputs.square().sum(),
    "gradient": lambda _, gradient: gradient.square().sum(),
}


@pytest.mark.parametrize("of", LOSSES)
@pytest.mark.parametrize("activation", ["relu", "softplus"])
def test_losses_that_see_one_of_the_two(of: str, activation: str) -> None:
    leaves, points = leaves_of(LAYOUT, (32, 32)), some_points(500)
    how = {"activation": activation, "beta": 20.0}
    if activation == "relu":
        points = away_from_kinks(points, LAYOUT, leaves, how)
    twin = doubled(leaves)
    LOSSES[of](*reference.sdf_query(points.double(), *twin, LAYOUT, **how)).backward()
    LOSSES[of](*sdf_query(points, *leaves, LAYOUT, **how)).backward()
    for mine, theirs in zip(flat(leaves), flat(twin)):
        assert_near(mine.grad, theirs.grad)


def test_the_tables_gradient_adds_up_in_place() -> None:
    table, weights, biases = leaves_of(LAYOUT, (32, 32))
    a_loss(*sdf_query(some_points(64), table, weights, biases, LAYOUT)).backward()
    once = table.grad
    assert once is not None
    single = once.clone()
    a_loss(*sdf_query(some_points(64), table, weights, biases, LAYOUT)).backward()
    assert table.grad is once
    torch.testing.assert_close(once, 2.0 * single)


@needs_native
def test_the_same_bits_for_any_number_of_threads() -> None:
    layout = GridLayout(levels=8, features=2, log2_table_size=12, base_resolution=4, growth=1.5)
    points, before = some_points(9000), torch.get_num_threads()

    def everything() -> list[Tensor]:
        leaves = leaves_of(layout, (64, 64))
        found = sdf_query(points, *leaves, layout)
        a_loss(*found).backward()
        values = [sdf_values(points, *leaves, layout), *(t.detach() for t in found)]
        return values + [leaf.grad for leaf in flat(leaves) if leaf.grad is not None]

    try:
        runs = []
        for threads in (1, 2, 2):
            torch.set_num_threads(threads)
            runs.append(everything())
    finally:
        torch.set_num_threads(before)
    for other in runs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(runs[0], other))


@pytest.mark.skipif(not native.has_bf16(), reason="no bf16 dot products here")
@pytest.mark.parametrize("activation", ["relu", "softplus"])
def test_bfloat16_rounds_derivatives_and_not_values(activation: str) -> None:
    points, how = some_points(600), {"activation": activation, "beta": 20.0}
    exact, fused, composed = (leaves_of(LAYOUT, (64, 64)) for _ in range(3))
    runs = [
        sdf_query(points, *exact, LAYOUT, **how),
        sdf_query(points, *fused, LAYOUT, **how, precision="bfloat16"),
        sdf_query(points, *composed, LAYOUT, **how, precision="bfloat16", fused=False),
    ]
    assert torch.equal(runs[0][0], runs[1][0])
    for run in runs:
        a_loss(*run).backward()
    for a, b, c in zip(flat(exact), flat(fused), flat(composed)):
        assert a.grad is not None and b.grad is not None and c.grad is not None
        assert 1e-5 < float((b.grad - a.grad).norm() / a.grad.norm()) < 0.02
        assert float((b.grad - c.grad).norm() / a.grad.norm()) < 0.02


@pytest.mark.parametrize("fused", [None, False])
def test_a_second_differentiation_is_refused(fused: bool | None) -> None:
    table, weights, biases = leaves_of(LAYOUT, (32,))
    outputs, gradient = sdf_query(some_points(20), table, weights, biases, LAYOUT, fused=fused)
    (once,) = torch.autograd.grad(gradient.sum() + outputs.sum(), weights[0], create_graph=True)
    with pytest.raises(RuntimeError, match="differentiated once"):
        once.square().sum().backward()


@needs_native
def test_the_path_is_told() -> None:
    table = leaves_of(LAYOUT, (32,))[0]
    assert path(table) == f"fused {native.status().isa}"
    assert path(table.double()) == "composed torch"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"activation": "tanh"}, "'activation' must be one of relu, softplus"),
        ({"beta": 0.0}, "'beta' must be positive"),
        ({"interpolation": "cubic"}, "interpolation must be one of"),
        ({"n_frequencies": -1}, "'n_frequencies' must not be negative"),
        ({"coordinates": False}, r"'weights\[0\]' must be \[out, 10\]"),
    ],
)
def test_mistakes_are_named(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        sdf_query(some_points(5), *leaves_of(LAYOUT, (32,)), LAYOUT, **change)
