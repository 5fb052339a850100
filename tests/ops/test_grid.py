"""Grids of cubes and of simplices in 2-D to 4-D: the native kernels held against the torch reference, and the
reference against its own differences; the hash grid's layout, which is tiny-cuda-nn's."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from neurfield.ops import grid, native
from neurfield.ops.grid import GridLayout, grid_encode
from neurfield.ops.reference import grid as reference
from neurfield.ops.simplex_layout import SimplexLayout, skew_matrix

needs_native = pytest.mark.skipif(native.module is None, reason="no native kernels here")

SMALL = GridLayout(
    levels=5, features=2, log2_table_size=9, base_resolution=4, growth=1.7
)  # dense, then hashed
FOUR = GridLayout(levels=3, features=4, log2_table_size=10, base_resolution=5, growth=2.0)
ONE = GridLayout(levels=4, features=1, log2_table_size=8, base_resolution=4, growth=1.5)
FLAT = GridLayout(levels=5, features=2, log2_table_size=8, base_resolution=4, growth=1.9, dimensions=2)
DEEP = GridLayout(levels=3, features=2, log2_table_size=11, base_resolution=4, growth=1.6, dimensions=4)
SIMPLICES = {
    "simplex2": SimplexLayout(5, 2, 8, 4, 1.9, dimensions=2),
    "simplex3": SimplexLayout(5, 2, 9, 4, 1.7, dimensions=3),
    "simplex3F4": SimplexLayout(3, 4, 10, 5, 2.0, dimensions=3, equal_density=True),
    "simplex4": SimplexLayout(3, 1, 11, 4, 1.6, dimensions=4),
}
ALL = {"F2": SMALL, "F4": FOUR, "F1": ONE, "flat": FLAT, "deep": DEEP, **SIMPLICES}


def table_of(layout: GridLayout, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    return torch.randn(layout.n_parameters, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def some_points(
    count: int,
    low: float = 0.0,
    high: float = 1.0,
    dtype: torch.dtype = torch.float32,
    dimensions: int = 3,
) -> Tensor:
    unit = torch.rand(count, dimensions, generator=torch.Generator().manual_seed(1), dtype=dtype)
    return low + (high - low) * unit


class TestLayout:
    def test_is_tiny_cuda_nns(self) -> None:
        layout = GridLayout(levels=20, features=2, log2_table_size=16, base_resolution=32, growth=1.5)
        assert layout.offsets[1] == 32768
        assert [b - a for a, b in zip(layout.offsets[1:-1], layout.offsets[2:])] == [65536] * 19
        assert layout.n_parameters == 2_555_904

    def test_powers_of_two_are_resolutions(self) -> None:
        assert GridLayout(levels=5, growth=2.0).resolutions == (16, 32, 64, 128, 256)

    def test_a_dense_level_holds_all_its_vertices_and_is_a_multiple_of_eight(self) -> None:
        layout = GridLayout(levels=4, log2_table_size=19, base_resolution=5, growth=1.7)
        assert not any(layout.hashed)
        for level, resolution in enumerate(layout.resolutions):
            size = layout.offsets[level + 1] - layout.offsets[level]
            assert size % 8 == 0 and 0 <= size - resolution**3 < 8

    @pytest.mark.parametrize(
        "wrong", [{"features": 3}, {"levels": 0}, {"growth": 0.9}, {"log2_table_size": 2}]
    )
    def test_refuses_what_it_cannot_lay_out(self, wrong: dict[str, float]) -> None:
        with pytest.raises(ValueError, match="GridLayout"):
            GridLayout(**wrong)  # type: ignore[arg-type]


class TestReference:
    """The specification itself, in float64."""

    def test_gives_a_vertex_its_entry(self) -> None:
        layout = GridLayout(levels=1, base_resolution=8)
        table = table_of(layout, torch.float64)
        vertex = torch.tensor([[3, 4, 6]])
        points = (vertex - 0.5).double() / layout.scales[0]
        entry = 3 + 8 * (4 + 8 * 6)
        torch.testing.assert_close(
            reference.encode(points, table, layout)[0], table[2 * entry : 2 * entry + 2]
        )

    @pytest.mark.parametrize("layout", ALL.values(), ids=ALL)
    def test_is_constant_on_a_constant_table(self, layout: GridLayout) -> None:
        points = some_points(50, -0.5, 1.5, dimensions=layout.dimensions)
        features = reference.encode(points, torch.full((layout.n_parameters,), 3.0), layout, "smoothstep")
        torch.testing.assert_close(features, torch.full_like(features, 3.0))

    @pytest.mark.parametrize("dimensions", [2, 3, 4])
    @pytest.mark.parametrize("kind", [GridLayout, SimplexLayout])
    def test_has_true_derivatives_of_both_orders(self, kind: type[GridLayout], dimensions: int) -> None:
        layout = kind(2, 2, 6, 3, 1.9, dimensions=dimensions)
        points = some_points(3, dtype=torch.float64, dimensions=dimensions).requires_grad_()
        table = table_of(layout, torch.float64).requires_grad_()

        def encode(points: Tensor, table: Tensor) -> Tensor:
            return reference.encode(points, table, layout, "smoothstep")

        assert torch.autograd.gradcheck(encode, (points, table))
        assert torch.autograd.gradgradcheck(encode, (points, table))

    @pytest.mark.parametrize("layout", ALL.values(), ids=ALL)
    def test_has_the_slope_of_a_line_inside_a_linear_cell(self, layout: GridLayout) -> None:
        points, step = some_points(40, dtype=torch.float64, dimensions=layout.dimensions), 1e-7
        table = table_of(layout, torch.float64)
        _, jacobian = reference.encode_with_jacobian(points, table, layout, "linear")
        for axis in range(layout.dimensions):
            shift = step * torch.eye(layout.dimensions, dtype=torch.float64)[axis]
            ends = [reference.encode(points + sign * shift, table, layout, "linear") for sign in (1, -1)]
            torch.testing.assert_close(
                jacobian[:, axis], (ends[0] - ends[1]) / (2 * step), atol=1e-5, rtol=1e-5
            )


class TestSimplices:
    """What holds of the reference because cells are simplices."""

    @pytest.mark.parametrize("dimensions", [2, 3, 4])
    def test_is_linear_between_vertices_of_one_simplex(self, dimensions: int) -> None:
        """A point has at most n + 1 neighbours, and weights that are positive and add to 1."""
        layout = SimplexLayout(1, 1, 12, 6, dimensions=dimensions)
        points = some_points(64, dtype=torch.float64, dimensions=dimensions)
        table = torch.zeros(layout.n_parameters, dtype=torch.float64, requires_grad=True)
        for row in reference.encode(points, table, layout):
            (weights,) = torch.autograd.grad(row, table, retain_graph=True)
            assert 1 <= int((weights > 0).sum()) <= dimensions + 1
            assert weights.min() >= 0 and abs(float(weights.sum()) - 1.0) < 1e-12

    @pytest.mark.parametrize("dimensions", [2, 3, 4])
    @pytest.mark.parametrize("interpolation", ["linear", "smoothstep"])
    def test_is_continuous_across_faces_and_cells(self, dimensions: int, interpolation: str) -> None:
        layout = SimplexLayout(2, 2, 10, 6, 1.7, dimensions=dimensions)
        ends = [some_points(40, dtype=torch.float64, dimensions=dimensions), None]
        ends[1] = 1.0 - ends[0].flip(0)
        along = torch.linspace(0, 1, 4001, dtype=torch.float64)[:, None, None]
        path = (ends[0] + along * (ends[1] - ends[0])).reshape(-1, dimensions)
        features = reference.encode(path, table_of(layout, torch.float64), layout, interpolation)
        jumps = features.view(4001, -1).diff(dim=0).abs().max()
        assert jumps < 0.05  # steps of 1/4000 against features of size 1 on cells of 1/10

    @pytest.mark.parametrize("dimensions", [2, 3, 4])
    def test_keeps_the_unit_cube_in_the_unit_cube(self, dimensions: int) -> None:
        corners = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * dimensions)
        skewed = corners @ torch.from_numpy(skew_matrix(dimensions))
        assert skewed.min() >= 0 and skewed.max() <= 1 + 1e-12
        torch.testing.assert_close(skewed[-1], torch.ones(dimensions, dtype=torch.float64))


def dense(jacobian: Tensor, count: int) -> Tensor:
    """The jacobian as [N, D, levels * features], whatever the order in memory."""
    dimensions = jacobian.shape[1] if jacobian.ndim == 3 else jacobian.shape[2]
    axes = torch.eye(dimensions)
    steps = [grid.jacobian_product(jacobian, axis.expand(count, dimensions)) for axis in axes]
    return torch.stack(steps, dim=1)


def rounding(layout: GridLayout) -> float:
    """What float32 does to features relative to the largest: the reference places a point with one rounding,
    the kernels do so too, but where the lattice is skewed they round the coordinates' sum and its share."""
    return 2e-5 if layout.simplex else 2e-6


def assert_near(found: Tensor, expected: Tensor, tolerance: float = 2e-6) -> None:
    """Equal up to the rounding of sums: relative to the largest value."""
    assert found.shape == expected.shape
    scale = float(expected.abs().max()) if expected.numel() else 1.0
    torch.testing.assert_close(found, expected, atol=tolerance * scale, rtol=0.0)


@needs_native
@pytest.mark.parametrize("layout", ALL.values(), ids=ALL)
@pytest.mark.parametrize("interpolation", ["linear", "smoothstep"])
class TestNativeAgainstReference:
    @pytest.mark.parametrize("count", [0, 1, 16, 1003])
    @pytest.mark.parametrize("active", [None, 0, 2])
    def test_values_jacobian_and_scatter(
        self, layout: GridLayout, interpolation: str, count: int, active: int | None
    ) -> None:
        table, how = table_of(layout), (layout, interpolation, active)
        points = some_points(count, -0.3, 1.3, dimensions=layout.dimensions)
        features, jacobian = grid.encode_with_jacobian(points, table, *how)
        expected_features, expected_jacobian = reference.encode_with_jacobian(points, table, *how)
        near = rounding(layout)
        assert_near(features, expected_features, near)
        assert_near(dense(jacobian, count), expected_jacobian, near)
        assert_near(
            grid.jacobian_t_product(jacobian, features),
            grid.jacobian_t_product(expected_jacobian, features),
            3 * max(near, 1e-5),
        )
        assert_near(grid.encode(points, table, *how), expected_features, near)

        d_features, d_value_gradient = torch.randn_like(features), torch.randn_like(features)
        tangent = torch.randn_like(points)
        for terms in (
            (d_features, None, None),
            (None, tangent, d_value_gradient),
            (d_features, tangent, d_value_gradient),
        ):
            found, expected = torch.ones_like(table), torch.ones_like(table)
            grid.accumulate_table_gradient(points, *terms, found, *how)
            reference.accumulate_table_gradient(points, *terms, expected, *how)
            assert_near(found, expected, max(near, 1e-5))

    def test_both_orders_of_gradients(self, layout: GridLayout, interpolation: str) -> None:
        def gradients(encode: object) -> list[Tensor]:
            points = some_points(203, dimensions=layout.dimensions).requires_grad_()
            table = table_of(layout).requires_grad_()
            features = encode(points, table, layout, interpolation)  # type: ignore[operator]
            head = torch.linspace(-1.0, 1.0, layout.output_dim).requires_grad_()
            value = (features * head).sum(1).tanh()
            by_points, by_table = torch.autograd.grad(value.sum(), (points, table), create_graph=True)
            eikonal = ((by_points.norm(dim=1) - 1.0) ** 2).mean() + by_table.square().mean()
            return [features, by_points, by_table, *torch.autograd.grad(eikonal, (points, table, head))]

        for found, expected in zip(gradients(grid_encode), gradients(reference.encode)):
            assert_near(found.detach(), expected.detach(), 5 * rounding(layout) + 2e-5)

    def test_edges_of_the_cube_and_far_outside(self, layout: GridLayout, interpolation: str) -> None:
        values = torch.tensor([0.0, 1.0, -1e-7, 1.0 + 1e-6, -0.5, 2.5, -37.0, 1e4])
        if layout.simplex:  # far away float32 knows no place in a cell, and on its faces slopes are two
            values = values[:6]
        points = torch.cartesian_prod(*[values] * layout.dimensions)
        table = table_of(layout)
        features, jacobian = grid.encode_with_jacobian(points, table, layout, interpolation)
        expected = reference.encode_with_jacobian(points, table, layout, interpolation)
        assert_near(features, expected[0], rounding(layout))
        if not layout.simplex:
            assert_near(dense(jacobian, len(points)), expected[1])

    def test_a_point_does_not_notice_its_neighbours(self, layout: GridLayout, interpolation: str) -> None:
        # Cells at the upper faces wrap around, which sends the points beside them another way too.
        points, table = some_points(512, 0.3, 1.0, dimensions=layout.dimensions), table_of(layout)
        points[::7] = 1.0 - 0.01 * some_points(len(points[::7]), dimensions=layout.dimensions)
        shuffled = torch.randperm(len(points))
        features, jacobian = grid.encode_with_jacobian(points, table, layout, interpolation)
        again, jacobian_again = grid.encode_with_jacobian(points[shuffled], table, layout, interpolation)
        assert torch.equal(features[shuffled], again)
        assert torch.equal(dense(jacobian, 512)[shuffled], dense(jacobian_again, 512))

    def test_threads_do_not_change_a_bit(self, layout: GridLayout, interpolation: str) -> None:
        table, points = table_of(layout), some_points(6007, dimensions=layout.dimensions)
        threads = torch.get_num_threads()

        def run(count: int) -> list[Tensor]:
            torch.set_num_threads(count)
            features, jacobian = grid.encode_with_jacobian(points, table, layout, interpolation)
            gradient = torch.zeros_like(table)
            arguments = (points, features, points, features, gradient, layout, interpolation)
            grid.accumulate_table_gradient(*arguments)
            return [features, dense(jacobian, len(points)), gradient]

        try:
            for one, two in zip(run(1), run(2)):
                assert torch.equal(one, two)
        finally:
            torch.set_num_threads(threads)


@needs_native
class TestNative:
    def test_takes_points_that_are_not_contiguous(self) -> None:
        table, wide = table_of(SMALL), some_points(50)
        slanted = torch.stack([wide, wide], dim=2)[:, :, 0]
        assert not slanted.is_contiguous()
        assert torch.equal(grid_encode(slanted, table, SMALL), grid_encode(wide, table, SMALL))

    def test_survives_points_that_are_no_numbers(self) -> None:
        points = torch.tensor([[float("nan"), 0.5, 0.5], [float("inf"), 0.5, 0.5], [0.5, 0.5, 0.5]])
        for layout in (SMALL, SIMPLICES["simplex3"]):
            features = grid.encode(points, table_of(layout), layout)
            assert features[2].isfinite().all() and not features[:2].isfinite().all()
            grid.accumulate_table_gradient(
                points, features, None, None, torch.zeros(layout.n_parameters), layout
            )

    def test_names_the_point_that_is_no_number(self) -> None:
        points = some_points(20)
        points[17, 1] = float("nan")
        with pytest.raises(ValueError, match=r"points\[17\] is not finite: \(0\.\d+, nan"):
            grid_encode(points, table_of(SMALL), SMALL)

    @pytest.mark.parametrize("layout", ALL.values(), ids=ALL)
    def test_every_variant_of_the_kernels_agrees(
        self, layout: GridLayout, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import importlib

        table, points = table_of(layout), some_points(301, -0.2, 1.2, dimensions=layout.dimensions)
        expected = reference.encode_with_jacobian(points, table, layout, "smoothstep")
        tried = 0
        for isa in ("generic", "avx2", native.status().isa):
            try:
                module = importlib.import_module(f"neurfield._native_{isa}")
            except ImportError:
                continue
            if isa == "avx2" and native.status().isa == "generic":
                continue
            monkeypatch.setattr(native, "module", module)
            grid._native_grid.cache_clear()
            found = grid.encode_with_jacobian(points, table, layout, "smoothstep")
            gradient, expected_gradient = torch.zeros_like(table), torch.zeros_like(table)
            arguments = (points, found[0], points, found[0])
            grid.accumulate_table_gradient(*arguments, gradient, layout, "smoothstep")
            reference.accumulate_table_gradient(*arguments, expected_gradient, layout, "smoothstep")
            assert_near(found[0], expected[0], rounding(layout))
            assert_near(dense(found[1], len(points)), expected[1], rounding(layout))
            assert_near(gradient, expected_gradient, max(rounding(layout), 1e-5))
            tried += 1
        monkeypatch.undo()
        grid._native_grid.cache_clear()
        assert tried > 0


def test_an_inactive_level_is_exactly_zero_and_learns_nothing() -> None:
    points, table = some_points(33).requires_grad_(), table_of(SMALL).requires_grad_()
    features = grid_encode(points, table, SMALL, active_levels=2)
    assert torch.equal(features[:, 4:], torch.zeros(33, 6))
    features.square().sum().backward()
    assert table.grad is not None
    assert not table.grad[2 * SMALL.offsets[2] :].any() and table.grad[: 2 * SMALL.offsets[2]].any()


def test_the_jacobian_products_are_its_products() -> None:
    jacobian, tangent, cotangent = torch.randn(7, 3, 10), torch.randn(7, 3), torch.randn(7, 10)
    along = grid.jacobian_product(jacobian, tangent)
    back = grid.jacobian_t_product(jacobian, cotangent)
    torch.testing.assert_close(along, torch.einsum("nik,ni->nk", jacobian, tangent))
    torch.testing.assert_close(back, torch.einsum("nik,nk->ni", jacobian, cotangent))


@pytest.mark.parametrize(
    ("points", "table", "interpolation"),
    [
        (torch.zeros(4, 2), table_of(SMALL), "linear"),
        (torch.zeros(4, 3), table_of(SMALL)[1:], "linear"),
        (torch.zeros(4, 3), table_of(SMALL), "cubic"),
    ],
)
def test_says_what_is_wrong(points: Tensor, table: Tensor, interpolation: str) -> None:
    with pytest.raises(ValueError, match=r"must be"):
        grid_encode(points, table, SMALL, interpolation)
