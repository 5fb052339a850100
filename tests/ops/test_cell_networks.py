"""Networks of cells: native against the reference, that against finite differences, rays against planes."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from neurfield.ops import cell_mlp, cell_mlp_with_gradient, cell_query, cell_trace, native
from neurfield.ops.reference import cell_networks as reference

needs_native = pytest.mark.skipif(native.module is None, reason="no native kernels here")
SHAPES = [(33, (32, 32), 16), (27, (32,), 3), (9, (20, 12), 5), (3, (16,), 1)]


def networks(
    cells: int, inputs: int, hidden: tuple[int, ...], outputs: int, dtype=torch.float32, seed: int = 0
):
    generator = torch.Generator().manual_seed(seed)
    widths = [inputs, *hidden, outputs]
    weights = [
        torch.randn(cells, b, a, generator=generator, dtype=torch.float64) * (2.0 / a) ** 0.5
        for a, b in itertools.pairwise(widths)
    ]
    biases = [0.1 * torch.randn(cells, b, generator=generator, dtype=torch.float64) for b in widths[1:]]
    return [w.to(dtype) for w in weights], [b.to(dtype) for b in biases]


def starts_of(counts: list[int]) -> Tensor:
    return torch.tensor([0, *itertools.accumulate(counts)])


def rows(count: int, width: int, seed: int = 1) -> Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def assert_close(got: Tensor, wanted: Tensor, tolerance: float = 3e-5) -> None:
    assert got.shape == wanted.shape
    if wanted.numel():
        error = (got.double() - wanted.double()).abs().max() / wanted.abs().max().clamp_min(1e-6)
        assert error < tolerance, f"relative error {error:.2e}"


COUNTS = [[0, 0, 0], [1, 0, 33], [7, 1500, 64], [0, 31, 0]]


@needs_native
@pytest.mark.parametrize("counts", COUNTS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("activation", ["softplus", "relu"])
def test_native_is_the_reference(shape, counts: list[int], activation: str) -> None:  # type: ignore[no-untyped-def]
    weights, biases = networks(3, *shape)
    inputs, starts = rows(sum(counts), shape[0]), starts_of(counts)
    ours = [t.clone().requires_grad_() for t in (inputs, *weights, *biases)]
    theirs = [t.double().requires_grad_() for t in (inputs, *weights, *biases)]
    n = len(weights)
    gradient = activation == "softplus"  # that of ReLUs jumps where rounding decides

    def both(leaves: list[Tensor]) -> tuple[Tensor, ...]:
        of = leaves[0], starts, leaves[1 : n + 1], leaves[n + 1 :], activation, 5.0
        return cell_mlp_with_gradient(*of) if gradient else (cell_mlp(*of),)

    found, expected = both(ours), both(theirs)
    mix = [rows(*answer.shape, seed=5) for answer in found]
    for got, wanted in zip(found, expected):
        assert_close(got.detach(), wanted.detach())
    sum((m * a).sum() for m, a in zip(mix, found)).backward()  # type: ignore[union-attr]
    sum((m * a).sum() for m, a in zip(mix, expected)).backward()  # type: ignore[union-attr]
    for got, wanted in zip(ours, theirs):
        assert got.grad is not None and wanted.grad is not None
        assert_close(got.grad, wanted.grad, 1e-4 if gradient else 2e-3)


def test_rows_that_are_not_contiguous_and_a_sigmoid() -> None:
    weights, biases = networks(2, 6, (16,), 3)
    inputs, starts = rows(41, 12)[:, ::2], starts_of([20, 21])
    found = cell_mlp(inputs, starts, weights, biases, output_activation="sigmoid")
    doubles = [w.double() for w in weights], [b.double() for b in biases]
    expected = reference.forward(inputs.double(), starts, *doubles, "softplus", 20.0, "sigmoid", False)[0]
    assert_close(found, expected)
    assert found.min() > 0.0 and found.max() < 1.0


def test_the_reference_has_true_derivatives() -> None:
    weights, biases = networks(2, 9, (5,), 3, torch.float64)
    inputs, starts = rows(5, 9).double(), starts_of([2, 3])
    leaves = [t.requires_grad_() for t in (inputs, *weights, *biases)]

    def answers(inputs: Tensor, w0: Tensor, w1: Tensor, b0: Tensor, b1: Tensor) -> tuple[Tensor, ...]:
        return cell_mlp_with_gradient(inputs, starts, [w0, w1], [b0, b1], "softplus", 3.0)

    assert torch.autograd.gradcheck(answers, leaves)
    outputs, gradient = answers(*leaves)
    (slope,) = torch.autograd.grad(outputs[:, 0].sum(), inputs)
    torch.testing.assert_close(gradient, slope)


def grid(octaves: int, outputs: int = 4, dtype=torch.float32):  # type: ignore[no-untyped-def]
    """Three cells of six have a network."""
    table = torch.tensor([[[0, -1], [2, -2], [1, -1]]], dtype=torch.int32)
    weights, biases = networks(3, 3 + 6 * octaves, (16, 16), outputs, dtype, seed=3)
    return table, [-0.25, -0.5, 0.1], 0.4, octaves, weights, biases


@needs_native
@pytest.mark.parametrize("count", [0, 1, 37, 3001])
@pytest.mark.parametrize("octaves", [0, 3])
def test_a_native_query_is_the_reference(count: int, octaves: int) -> None:
    table, low, edge, _, weights, biases = grid(octaves)
    points = rows(count, 6)[:, ::2]  # not contiguous, and some outside of the grid
    points = points.clamp(-0.6, 0.9) if octaves else points
    found, slope = cell_query(points, table, low, edge, octaves, weights, biases, beta=5.0, gradient=True)
    doubles = [w.double() for w in weights], [b.double() for b in biases]
    corner = torch.tensor(low, dtype=torch.float64)
    expected = reference.query(points.double(), table, corner, edge, octaves, *doubles, "softplus", 5.0, True)
    assert slope is not None and expected[1] is not None
    assert_close(found, expected[0], 2e-4)
    assert_close(slope, expected[1], 2e-4)
    values, none = cell_query(points, table, low, edge, octaves, weights, biases, beta=5.0)
    assert none is None and torch.equal(values, found)


def test_a_query_has_the_gradient_of_its_value_and_knows_nothing_of_empty_cells() -> None:
    table, low, edge, octaves, weights, biases = grid(2, dtype=torch.float64)
    points = (torch.rand(50, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)).mul(0.39)
    points = points + torch.tensor(low) + torch.tensor([0.0, 0.4, 0.0])
    _, slope = cell_query(points, table, low, edge, octaves, weights, biases, gradient=True)
    assert slope is not None
    for axis in range(3):
        step = torch.zeros(3, dtype=torch.float64)
        step[axis] = 1e-6
        ends = [cell_query(points + s * step, table, low, edge, octaves, weights, biases)[0] for s in (1, -1)]
        torch.testing.assert_close((ends[0] - ends[1])[:, 0] / 2e-6, slope[:, axis], atol=1e-5, rtol=1e-5)
    outputs, slope = cell_query(
        torch.tensor([[-0.1, -0.3, 0.7]]).double(), table, low, edge, octaves, weights, biases, gradient=True
    )
    assert not outputs.any() and slope is not None and not slope.any()


def planes(offset: float, cells: int = 4):  # type: ignore[no-untyped-def]
    """Networks (ReLU) that say z - offset in a grid of [-1, 1]^3: exact, so that rays can be told exactly."""
    edge = 2.0 / cells
    table = torch.arange(cells**3, dtype=torch.int32).view(cells, cells, cells)
    centres = -1.0 + edge * (torch.arange(cells) + 0.5)
    z = centres.repeat(cells * cells)
    hidden = torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]]).repeat(cells**3, 1, 1)
    out = torch.tensor([[1.0, -1.0]]).repeat(cells**3, 1, 1)
    bias = ((z - offset) / (0.5 * edge))[:, None]
    return table, edge, [hidden, out], [torch.zeros(cells**3, 2), bias]


@pytest.mark.parametrize("native_too", [True, False])
def test_rays_meet_a_plane_where_it_is(native_too: bool) -> None:
    table, edge, weights, biases = planes(0.13)
    dtype = torch.float32 if native_too else torch.float64
    weights, biases = [w.to(dtype) for w in weights], [b.to(dtype) for b in biases]
    generator = torch.Generator().manual_seed(4)
    origins = (torch.rand(301, 3, generator=generator) * 1.8 - 0.9).to(dtype)
    directions = torch.nn.functional.normalize(torch.randn(301, 3, generator=generator).to(dtype), dim=1)
    away = ((1.0 * directions.sign() - origins) / directions).amin(dim=1)
    t = cell_trace(
        origins, directions, torch.zeros_like(away), away, table, [-1.0] * 3, edge, 0, weights, biases,
        torch.ones(64, dtype=dtype), "relu",
    )  # fmt: skip
    true = (0.13 - origins[:, 2]) / directions[:, 2]
    sure = ((true - away).abs() > 1e-3) & (true.abs() > 1e-3) & (directions[:, 2].abs() > 0.05)
    meets = (true > 0) & (true < away)  # from above and from below
    assert torch.equal(t.isfinite()[sure], meets[sure])
    assert meets.any() and (~meets).any()
    both = sure & meets
    torch.testing.assert_close(t[both], true[both], atol=2e-4, rtol=0.0)


@needs_native
def test_native_rays_are_those_of_the_reference() -> None:
    table, low, edge, octaves, weights, biases = grid(1, 1)
    weights[-1] = weights[-1] * 0.3
    generator = torch.Generator().manual_seed(7)
    origins = torch.tensor(low) + torch.rand(2000, 3, generator=generator) * torch.tensor([0.4, 1.2, 0.8])
    directions = torch.nn.functional.normalize(torch.randn(2000, 3, generator=generator), dim=1)
    t_max = torch.full((2000,), 0.7)
    steep = torch.full((3,), 6.0)
    rays = origins, directions, torch.zeros(2000), t_max
    found = cell_trace(*rays, table, low, edge, octaves, weights, biases, steep, beta=5.0)
    doubles = [w.double() for w in weights], [b.double() for b in biases]
    corner = torch.tensor(low, dtype=torch.float64)
    expected = reference.trace(
        *(t.double() for t in rays), table, corner, edge, octaves, *doubles, "softplus", 5.0, steep.double()
    )
    same = found.isfinite() == expected.isfinite()
    assert same.float().mean() > 0.995  # rounding decides where a ray just touches
    both = found.isfinite() & expected.isfinite()
    assert 100 < both.sum() < 1990
    assert ((found - expected)[both].abs() < 1e-3 * edge).float().mean() > 0.99


def test_rays_skip_empty_cells_and_end_at_the_wall_of_matter() -> None:
    table = torch.tensor([[[-1]], [[-1]], [[-2]]], dtype=torch.int32)
    weights, biases = networks(1, 3, (16,), 1)
    rays = torch.tensor([[0.1, 0.5, 0.5], [2.5, 0.5, 0.5]]), torch.tensor([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])
    t = cell_trace(
        *rays, torch.zeros(2), torch.full((2,), 3.0), table, [0.0] * 3, 1.0, 0, weights, biases, torch.ones(1)
    )
    torch.testing.assert_close(t, torch.tensor([1.9, 0.5]), atol=1e-3, rtol=0.0)


@pytest.mark.parametrize("rays", [0, 5])
def test_rays_without_length_meet_nothing(rays: int) -> None:
    table, edge, weights, biases = planes(0.0)
    where = torch.zeros(rays, 3), torch.tensor([[0.0, 0.0, 1.0]]).repeat(rays, 1)
    t = cell_trace(
        *where, torch.ones(rays), torch.ones(rays), table, [-1.0] * 3, edge, 0, weights, biases,
        torch.ones(64), "relu",
    )  # fmt: skip
    assert t.shape == (rays,) and not t.isfinite().any()


def test_what_does_not_fit_is_named() -> None:
    weights, biases = networks(2, 6, (8,), 3)
    inputs, starts = rows(4, 6), starts_of([2, 2])
    with pytest.raises(ValueError, match="'activation'"):
        cell_mlp(inputs, starts, weights, biases, "tanh")
    with pytest.raises(ValueError, match="'starts' must be int64"):
        cell_mlp(inputs, starts[:2], weights, biases)
    with pytest.raises(ValueError, match=r"'weights\[1\]' must be \[2, out, 8\]"):
        cell_mlp(inputs, starts, [weights[0], weights[1][:, :, :3]], biases)
    if native.module is not None:
        with pytest.raises(ValueError, match="'starts' must rise"):
            cell_mlp(inputs, torch.tensor([0, 3, 2]), weights, biases)
    with pytest.raises(ValueError, match="'t_max' must have shape"):
        cell_trace(
            inputs[:, :3], inputs[:, :3], inputs[:, 0], inputs[:3, 0],
            torch.zeros(1, 1, 1, dtype=torch.int32),
            [0.0] * 3, 1.0, 0, weights, biases, torch.ones(2),
        )  # fmt: skip
