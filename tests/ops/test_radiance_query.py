"""The fused colour query against torch's autograd in float64, and against the composed kernels."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.grid import GridLayout
from neurfield.ops.radiance_query import radiance_query
from neurfield.ops.reference import radiance_query as reference

LAYOUT = GridLayout(levels=4, features=2, log2_table_size=10, base_resolution=4, growth=1.6)
FEATURES, VIEWS, RAYS = 5, 4, 13
needs_native = pytest.mark.skipif(native.module is None, reason="the native kernels are not built")


class Case:
    """Everything a query is asked with, in float32; `twin` is the same in float64."""

    def __init__(
        self, count: int, hidden: tuple[int, ...] = (32, 32), layout: GridLayout = LAYOUT, seed: int = 0
    ) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        sizes = [layout.output_dim + FEATURES + 3 + VIEWS, *hidden, 3]
        self.layout = layout
        self.points = self.draw(count, 3).clamp(-1.1, 1.1)
        self.views = self.draw(RAYS, VIEWS)
        self.rays = torch.randint(0, RAYS, (count,), generator=self.generator)
        self.leaves = [
            self.draw(layout.n_parameters) * 0.3,
            self.draw(count, FEATURES),
            torch.nn.functional.normalize(self.draw(count, 3), dim=1),
            *(self.draw(b, a) / a**0.5 for a, b in pairwise(sizes)),
            *(self.draw(b) * 0.1 for b in sizes[1:]),
        ]
        for leaf in self.leaves:
            leaf.requires_grad_()

    def draw(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self.generator)

    def run(self, double: bool = False, **options: Any) -> Tensor:
        """Colours; `leaves` get the gradients, or `twins` where `double`."""
        kind = torch.float64 if double else torch.float32
        if double:
            self.twins = [leaf.detach().double().requires_grad_() for leaf in self.leaves]
        table, feature, normal, *network = self.twins if double else self.leaves
        n = len(network) // 2
        query = reference.radiance_query if double else radiance_query
        arguments = self.points.to(kind), table, network[:n], network[n:], self.layout, feature, normal
        return query(*arguments, self.views.to(kind), rays=self.rays, **options)  # type: ignore[operator]

    def compare(self, **options: Any) -> None:
        """Colours and all gradients, fused and composed, against float64."""
        by = self.draw(len(self.points), 3)
        expected = self.run(double=True, **options)
        expected.backward(by.double())
        for fused in (None, False):
            for leaf in self.leaves:
                leaf.grad = None
            found = self.run(**options, fused=fused)
            torch.testing.assert_close(found.double(), expected, rtol=0.0, atol=1e-5)
            found.backward(by)
            for mine, theirs in zip(self.leaves, self.twins):
                assert mine.grad is not None and theirs.grad is not None
                scale = max(float(theirs.grad.abs().max()) if theirs.numel() else 0.0, 1e-6)
                torch.testing.assert_close(mine.grad.double(), theirs.grad, rtol=0.0, atol=5e-4 * scale)


def half_of(case: Case) -> Tensor:
    return torch.randperm(len(case.points), generator=case.generator)[: len(case.points) // 2]


@pytest.mark.parametrize("count", [0, 1, 17, 1000, 2500])
@pytest.mark.parametrize("some", [False, True])
def test_numbers_of_samples(count: int, some: bool) -> None:
    case = Case(count)
    case.compare(counted=half_of(case) if some else None)


@pytest.mark.parametrize("hidden", [(16,), (64, 64), (17, 33), (24, 24, 24), (128,)])
@pytest.mark.parametrize("features", [1, 2, 4])
def test_networks_and_grids(hidden: tuple[int, ...], features: int) -> None:
    layout = GridLayout(levels=4, features=features, log2_table_size=9, base_resolution=4, growth=1.5)
    case = Case(150, hidden, layout)
    case.compare(interpolation="smoothstep", active_levels=3, counted=half_of(case).sort().values)


def test_what_is_not_counted_is_black_and_gets_no_gradient() -> None:
    case = Case(60)
    counted = torch.arange(0, 60, 3)
    rgb = case.run(counted=counted)
    assert not rgb[1::3].any() and not rgb[2::3].any() and (rgb[::3] > 0).all()
    rgb.sum().backward()
    for grad in (case.leaves[1].grad, case.leaves[2].grad):
        assert grad is not None and not grad[1::3].any() and grad[::3].any()


def test_slices_of_columns_are_taken_as_they_are() -> None:
    case, twin = Case(40), Case(40)
    wide = torch.cat([case.draw(40, 1), case.leaves[1].detach()], dim=1).requires_grad_()
    case.leaves[1] = wide[:, 1:]
    by = torch.randn(40, 7, generator=case.generator)[:, 2:5]
    case.run().backward(by)
    twin.run().backward(by.contiguous())
    assert wide.grad is not None and twin.leaves[1].grad is not None
    assert torch.equal(wide.grad[:, 1:], twin.leaves[1].grad) and torch.equal(
        case.leaves[0].grad, twin.leaves[0].grad
    )


def test_a_view_of_each_samples_own() -> None:
    case = Case(30)
    table, feature, normal, *network = case.leaves
    n = len(network) // 2
    arguments = case.points, table, network[:n], network[n:], LAYOUT, feature, normal
    assert torch.equal(radiance_query(*arguments, case.views[case.rays]), case.run())


def test_the_tables_gradient_adds_up_in_place() -> None:
    case = Case(64)
    case.run().sum().backward()
    table = case.leaves[0]
    once = table.grad
    assert once is not None
    single = once.clone()
    case.run().sum().backward()
    assert table.grad is once
    torch.testing.assert_close(once, 2.0 * single)


@needs_native
def test_the_same_bits_for_any_number_of_threads() -> None:
    before, runs = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 2):
            torch.set_num_threads(threads)
            case = Case(5000)
            rgb = case.run(counted=half_of(case))
            rgb.square().sum().backward()
            runs.append([rgb.detach(), *(leaf.grad for leaf in case.leaves)])
    finally:
        torch.set_num_threads(before)
    for other in runs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(runs[0], other) if a is not None and b is not None)


def test_a_second_differentiation_is_refused() -> None:
    case = Case(20)
    (once,) = torch.autograd.grad(case.run().sum(), case.leaves[1], create_graph=True)
    with pytest.raises(RuntimeError, match="differentiated once"):
        once.square().sum().backward()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"counted": torch.tensor([0, 10])}, "'counted' must be 0 to 9"),
        ({"counted": torch.tensor([-1])}, "'counted' must be 0 to 9"),
        ({"counted": torch.tensor([0.5])}, "'counted' must be .* of torch.int64"),
        ({"interpolation": "cubic"}, "interpolation must be one of"),
    ],
)
@needs_native
def test_mistakes_are_named(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Case(10).run(**change)


def test_colours_lead_back_to_the_points_where_that_is_asked_for() -> None:
    """Of the samples that are counted, as autograd has it in float64; else points get nothing."""
    case = Case(31)
    counted = torch.arange(0, 31, 2)
    by = case.draw(31, 3)
    plain = case.points
    case.points = plain.clone().requires_grad_()
    rgb = case.run(counted=counted, interpolation="smoothstep", points_gradient=True)
    torch.testing.assert_close(rgb, case.run(counted=counted, interpolation="smoothstep"), atol=1e-5, rtol=0)
    (rgb * by).sum().backward()  # type: ignore[no-untyped-call]
    found = case.points.grad
    case.points = plain.double().requires_grad_()
    expected = case.run(double=True, counted=counted, interpolation="smoothstep")
    (expected * by.double()).sum().backward()  # type: ignore[no-untyped-call]
    assert found is not None and case.points.grad is not None and float(case.points.grad.norm()) > 0.1
    torch.testing.assert_close(found.double(), case.points.grad, atol=1e-4, rtol=1e-3)
    assert not found[1::2].any()
    for leaf, twin in zip(case.leaves, case.twins):
        assert leaf.grad is not None and twin.grad is not None
        torch.testing.assert_close(leaf.grad.double(), twin.grad, atol=1e-4, rtol=1e-3)
    with pytest.raises(ValueError, match="'points_gradient' is composed"):
        case.run(points_gradient=True, fused=True)
