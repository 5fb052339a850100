"""The grids' kernels against the reference in float64: cubes and simplices, dense and hashed, inside the unit
cube and far from it; and what must hold whatever the layout."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from neurfield.ops import grid, native
from neurfield.ops.grid import GridLayout, grid_encode
from neurfield.ops.reference import grid as reference
from neurfield.ops.simplex_layout import SimplexLayout, skew_matrix

# All combinations, tiny: a dense level at least, and a hashed one.
LAYOUTS = {
    f"{name}{dimensions}F{features}": kind(3, features, log2_size, 3, 1.9, dimensions=dimensions)
    for (name, kind), (dimensions, log2_size), features in itertools.product(
        (("cube", GridLayout), ("simplex", SimplexLayout)), ((2, 5), (3, 7), (4, 9)), (1, 2, 4)
    )
}
layouts = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
pairs = pytest.mark.parametrize(
    "layout", [LAYOUTS["cube3F2"], LAYOUTS["simplex3F2"]], ids=["cube", "simplex"]
)
smooth_or_not = pytest.mark.parametrize("interpolation", ["linear", "smoothstep"])


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def some_points(count: int, layout: GridLayout, low: float = -0.3, high: float = 1.3) -> Tensor:
    unit = torch.rand(count, layout.dimensions, generator=torch.Generator().manual_seed(1))
    return low + (high - low) * unit


def assert_near(found: Tensor, expected: Tensor, layout: GridLayout, tolerance: float = 4e-6) -> None:
    """Up to rounding, relative to the largest: simplices' coordinates are rounded more often."""
    assert found.shape == expected.shape
    scale = float(expected.detach().abs().max()) if expected.numel() else 1.0
    tolerance *= 8.0 if layout.simplex else 1.0
    torch.testing.assert_close(
        found.detach().cpu().double(), expected.detach().double(), atol=tolerance * scale, rtol=0.0
    )


def dense(jacobian: Tensor, count: int) -> Tensor:
    """The jacobian as [N, D, levels * features], whatever the order in memory."""
    dimensions = jacobian.shape[1] if jacobian.ndim == 3 else jacobian.shape[2]
    axes = torch.eye(dimensions, dtype=jacobian.dtype, device=jacobian.device)
    return torch.stack([grid.jacobian_product(jacobian, a.expand(count, dimensions)) for a in axes], dim=1)


def test_has_every_layout_dense_and_hashed() -> None:
    assert all(any(each.hashed) and not all(each.hashed) for each in LAYOUTS.values())


@layouts
@smooth_or_not
def test_values_jacobian_and_both_products(
    device: torch.device, layout: GridLayout, interpolation: str
) -> None:
    points, table = some_points(33, layout), random(layout.n_parameters)
    expected, slopes = reference.encode_with_jacobian(points.double(), table.double(), layout, interpolation)
    ours = points.to(device), table.to(device), layout, interpolation
    features, jacobian = grid.encode_with_jacobian(*ours)
    assert_near(features, expected, layout)
    assert_near(grid.encode(*ours), expected, layout)
    assert_near(dense(jacobian, 33), slopes, layout)
    back = grid.jacobian_t_product(jacobian, features)
    assert_near(back, grid.jacobian_t_product(slopes, expected), layout, 1e-5)


@layouts
@smooth_or_not
def test_the_table_gradient(device: torch.device, layout: GridLayout, interpolation: str) -> None:
    # Some neighbours share cells, as samples along a ray do: their terms are summed before they are added.
    points = torch.cat(
        [some_points(17, layout), 0.4 + 0.01 * some_points(40, layout), some_points(10, layout)]
    )
    tangent, d, q = (
        random(*points.shape, seed=2),
        random(67, layout.output_dim),
        random(67, layout.output_dim),
    )
    for terms in ((d, None, None), (None, tangent, q), (d, tangent, q)):
        found = torch.ones(layout.n_parameters)
        expected = torch.ones_like(found, dtype=torch.float64)
        reference.accumulate_table_gradient(
            points.double(),
            *(None if t is None else t.double() for t in terms),
            expected,
            layout,
            interpolation,
        )
        found = found.to(device)
        ours = (None if t is None else t.to(device) for t in terms)
        grid.accumulate_table_gradient(points.to(device), *ours, found, layout, interpolation)
        assert_near(found, expected, layout, 1e-5)


@layouts
@smooth_or_not
def test_both_orders_of_gradients(device: torch.device, layout: GridLayout, interpolation: str) -> None:
    def gradients(points: Tensor, table: Tensor, head: Tensor) -> list[Tensor]:
        leaves = [t.requires_grad_() for t in (points, table, head)]
        encode = grid_encode if points.dtype == torch.float32 else reference.encode
        features = encode(points, table, layout, interpolation)
        value = (features * head).sum(1).tanh()
        by_points, by_table = torch.autograd.grad(value.sum(), (points, table), create_graph=True)
        loss = ((by_points.norm(dim=1) - 1.0) ** 2).mean() + by_table.square().mean()
        return [features, by_points, by_table, *torch.autograd.grad(loss, leaves)]

    inputs = some_points(35, layout, 0.0, 1.0), random(layout.n_parameters), random(layout.output_dim, seed=3)
    ours = gradients(*(t.clone().to(device) for t in inputs))
    for found, expected in zip(ours, gradients(*(t.double() for t in inputs))):
        assert_near(found, expected, layout, 3e-5)


@pairs
@pytest.mark.parametrize("count", [0, 1, 31, 300])
@pytest.mark.parametrize("active", [None, 0, 1])
def test_any_number_of_points_and_of_levels(
    device: torch.device, layout: GridLayout, count: int, active: int | None
) -> None:
    points, table, how = (
        some_points(count, layout),
        random(layout.n_parameters),
        (layout, "smoothstep", active),
    )
    features, jacobian = grid.encode_with_jacobian(points.to(device), table.to(device), *how)
    expected, slopes = reference.encode_with_jacobian(points.double(), table.double(), *how)
    assert_near(features, expected, layout)
    assert_near(dense(jacobian, count), slopes, layout)
    used = layout.levels if active is None else active
    assert not features[:, used * layout.features :].any()
    assert not dense(jacobian, count)[:, :, used * layout.features :].any()
    found, wanted = torch.zeros_like(table), torch.zeros(layout.n_parameters, dtype=torch.float64)
    found = found.to(device)
    grid.accumulate_table_gradient(points.to(device), features, None, None, found, *how)
    reference.accumulate_table_gradient(points.double(), expected, None, None, wanted, *how)
    assert_near(found, wanted, layout, 1e-5)


@layouts
@smooth_or_not
def test_edges_of_the_cube_and_far_outside(
    device: torch.device, layout: GridLayout, interpolation: str
) -> None:
    values = torch.tensor([0.0, 1.0, -1e-7, 1.0 + 1e-6, -0.5, 2.5, -37.0, 1e4])
    if layout.simplex:
        values = values[:6]  # far away float32 knows no place in a skewed cell
    points = torch.cartesian_prod(*[values] * layout.dimensions)
    points, table = points[:: max(1, len(points) // 300)], random(layout.n_parameters)
    found = grid.encode(points.to(device), table.to(device), layout, interpolation)
    assert_near(found, reference.encode(points, table, layout, interpolation), layout)


@pytest.mark.parametrize("dimensions", [2, 3, 4])
def test_a_simplex_level_is_periodic_however_far(device: torch.device, dimensions: int) -> None:
    """Close to a vertex of the skewed lattice a feature is an entry: which one, in exact integers."""
    layout = SimplexLayout(1, 1, 12, 5, dimensions=dimensions)
    size, steps = layout.offsets[1], torch.tensor(layout.steps[0])
    far = torch.randint(-4000, 4000, (300, dimensions), generator=torch.Generator().manual_seed(4))
    vertices = torch.cat([far, far // 1000, far % 10])
    unskew = torch.from_numpy(skew_matrix(dimensions)).inverse()
    points = ((vertices.double() - 0.49) / layout.scales[0] @ unskew).float().to(device)
    entries = (vertices * steps).sum(1) % size
    for entry in entries[::60].unique():
        table = torch.zeros(size)
        table[entry] = 1.0
        found = grid.encode(points, table.to(device), layout)[:, 0].cpu()
        assert (found[entries == entry] > 0.9).all() and (found[entries != entry] < 0.1).all()


@layouts
def test_a_constant_table_gives_the_constant(device: torch.device, layout: GridLayout) -> None:
    table = torch.ones(layout.n_parameters).to(device)
    features, jacobian = grid.encode_with_jacobian(
        some_points(50, layout).to(device), table, layout, "smoothstep"
    )
    torch.testing.assert_close(features, torch.ones_like(features), atol=2e-6, rtol=0.0)
    assert dense(jacobian, 50).abs().max() < 2e-4


@layouts
@smooth_or_not
def test_the_scatter_is_the_encodings_transpose(
    device: torch.device, layout: GridLayout, interpolation: str
) -> None:
    points, how = some_points(70, layout).to(device), (layout, interpolation)
    table, d = random(layout.n_parameters).to(device), random(70, layout.output_dim, seed=5).to(device)
    tangent, zeros = random(70, layout.dimensions, seed=6).to(device), torch.zeros_like(table)
    features, jacobian = grid.encode_with_jacobian(points, table, *how)
    grid.accumulate_table_gradient(points, d, None, None, gradient := zeros.clone(), *how)
    one, other = (features * d).double().sum(), (table * gradient).double().sum()
    assert abs(one - other) < 1e-5 * (features * d).double().norm() * 10
    grid.accumulate_table_gradient(points, None, tangent, d, gradient := zeros.clone(), *how)
    change = grid.jacobian_product(jacobian, tangent) * d
    assert abs(change.double().sum() - (table * gradient).double().sum()) < 1e-4 * change.double().norm()


@layouts
def test_the_jacobian_is_the_features_slope(device: torch.device, layout: GridLayout) -> None:
    """Against differences of float32 features: coarse, but without the reference."""
    points, table, step = some_points(64, layout, 0.0, 1.0), random(layout.n_parameters).to(device), 2e-3
    _, jacobian = grid.encode_with_jacobian(points.to(device), table, layout, "smoothstep")
    slopes = dense(jacobian, 64).cpu()
    for axis in range(layout.dimensions):
        shift = step * torch.eye(layout.dimensions)[axis]
        ends = [grid.encode((points + s * shift).to(device), table, layout, "smoothstep") for s in (1, -1)]
        error = ((ends[0] - ends[1]).cpu() / (2 * step) - slopes[:, axis]).abs()
        assert error.median() < 0.01 * slopes.abs().max()  # not the largest: cells have edges


@pairs
def test_what_is_not_contiguous_or_not_aligned(device: torch.device, layout: GridLayout) -> None:
    """Tables that begin at an odd float, and points and gradients that are columns of something wider."""
    points, wide = some_points(40, layout), random(layout.n_parameters + 1)
    slanted = torch.stack([points, points], dim=2).to(device)[:, :, 0]
    odd = wide.to(device)[1:]
    assert not slanted.is_contiguous() and odd.is_contiguous()
    expected, slopes = reference.encode_with_jacobian(points.double(), wide[1:].double(), layout)
    features, jacobian = grid.encode_with_jacobian(slanted, odd, layout)
    assert_near(features, expected, layout)
    d = random(40, 2 * layout.output_dim)
    cut = d.to(device)[:, : layout.output_dim]
    back = grid.jacobian_t_product(jacobian, cut)
    assert_near(back, grid.jacobian_t_product(slopes, d[:, : layout.output_dim].double()), layout, 1e-5)
    into = torch.zeros(layout.n_parameters + 1).to(device)
    grid.accumulate_table_gradient(slanted, cut, None, None, into[1:], layout)
    wanted = torch.zeros(layout.n_parameters, dtype=torch.float64)
    reference.accumulate_table_gradient(
        points.double(), d[:, : layout.output_dim].double(), None, None, wanted, layout
    )
    assert_near(into[1:], wanted, layout, 1e-5)
    assert into[0] == 0


@layouts
def test_points_that_are_no_numbers_harm_no_others(device: torch.device, layout: GridLayout) -> None:
    points = some_points(9, layout)
    points[0, 0], points[1, 1], points[2, -1] = float("nan"), float("inf"), float("-inf")
    table = random(layout.n_parameters).to(device)
    features = grid.encode(points.to(device), table, layout)
    assert features[3:].isfinite().all() and not features[:3].isfinite().all()
    grid.accumulate_table_gradient(
        points.to(device), torch.ones_like(features), None, None, torch.zeros_like(table), layout
    )


def test_many_points_take_several_levels_a_thread(device: torch.device) -> None:
    """Of 2^16 points and more a thread does several levels: all is as it is for a few of the points."""
    layout = GridLayout(5, 1, 4, 2, 1.5, dimensions=2)
    points, table = some_points(65_600, layout).to(device), random(layout.n_parameters).to(device)
    features, jacobian = grid.encode_with_jacobian(points, table, layout)
    some = slice(40_000, 40_064)
    few, few_slopes = grid.encode_with_jacobian(points[some], table, layout)
    assert torch.equal(features[some], few)
    assert torch.equal(dense(jacobian, len(points))[some], dense(few_slopes, 64))
    d = torch.zeros_like(features)
    d[some] = 1.0
    whole, part = torch.zeros_like(table), torch.zeros_like(table)
    grid.accumulate_table_gradient(points, d, None, None, whole, layout)
    grid.accumulate_table_gradient(points[some], d[some], None, None, part, layout)
    torch.testing.assert_close(whole, part, atol=1e-4, rtol=0.0)


def test_too_many_levels_are_refused(device: torch.device) -> None:
    layout = GridLayout(33, 1, 4, 2, 1.05, dimensions=2)
    points, table = torch.zeros(2, 2).to(device), torch.zeros(layout.n_parameters).to(device)
    if native.kernels(points) is native.module:
        assert grid.encode(points, table, layout).shape == (2, 33)
        return
    with pytest.raises(ValueError, match="at most 32 levels, got 33"):
        grid.encode(points, table, layout)
