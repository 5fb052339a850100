"""A table's gradient goes where autograd says: into `.grad` in training, to whoever asks, or nowhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from neurfield.ops.grid_features import grid_features
from neurfield.ops.grid_layout import GridLayout
from neurfield.ops.radiance_query import radiance_query
from neurfield.ops.sdf_query import sdf_query

LAYOUT = GridLayout(levels=4, features=2, log2_table_size=10, base_resolution=4, growth=1.6)
Query = Callable[[Tensor, nn.Module], Tensor]


def network(inputs: int, outputs: int) -> nn.ModuleList:
    torch.manual_seed(1)
    return nn.ModuleList([nn.Linear(inputs, 16), nn.Linear(16, outputs)])


def points() -> Tensor:
    return 2.0 * torch.rand(200, 3, generator=torch.Generator().manual_seed(2)) - 1.0


def sdf(table: Tensor, layers: nn.ModuleList, fused: bool | None = None) -> Tensor:
    parameters = [layer.weight for layer in layers], [layer.bias for layer in layers]
    outputs, gradient = sdf_query(points(), table, *parameters, LAYOUT, fused=fused)
    return outputs.square().mean() + gradient.square().mean()


def composed_sdf(table: Tensor, layers: nn.ModuleList) -> Tensor:
    return sdf(table, layers, fused=False)


def radiance(table: Tensor, layers: nn.ModuleList) -> Tensor:
    parameters = [layer.weight for layer in layers], [layer.bias for layer in layers]
    x = points()
    return radiance_query(x, table, *parameters, LAYOUT, x, x, x).square().mean()


def features(table: Tensor, layers: nn.ModuleList) -> Tensor:
    return layers[0](grid_features(0.5 * points() + 0.5, table, LAYOUT)).square().mean()


QUERIES: list[tuple[Query, nn.ModuleList]] = [
    (sdf, network(3 + 8, 4)), (composed_sdf, network(3 + 8, 4)), (radiance, network(8 + 9, 3)),
    (features, network(8, 4)),
]  # fmt: skip


@pytest.fixture(params=QUERIES, ids=[query.__name__ for query, _ in QUERIES])
def query(request: pytest.FixtureRequest) -> Callable[[Tensor], Tensor]:
    ask, layers = request.param
    layers.zero_grad()
    return lambda table: ask(table, layers)


@pytest.fixture
def layers(request: pytest.FixtureRequest, query: Callable[[Tensor], Tensor]) -> nn.ModuleList:
    return request.node.callspec.params["query"][1]


def fresh() -> Tensor:
    table = 0.3 * torch.randn(LAYOUT.n_parameters, generator=torch.Generator().manual_seed(0))
    return table.requires_grad_()


def expected(query: Callable[[Tensor], Tensor]) -> Tensor:
    table = fresh()
    query(table).backward()
    assert table.grad is not None and table.grad.abs().sum() > 0.0
    return table.grad


def test_training_adds_in_place(query: Callable[[Tensor], Tensor]) -> None:
    wanted, table = expected(query), fresh()
    table.grad = torch.zeros_like(table)
    memory = table.grad
    query(table).backward()
    assert table.grad is memory and torch.equal(memory, wanted)
    query(table).backward()
    torch.testing.assert_close(memory, 2.0 * wanted)


@pytest.mark.parametrize("before", [False, True])
def test_the_gradient_is_returned_where_it_is_asked_for(
    query: Callable[[Tensor], Tensor], before: bool
) -> None:
    wanted, table = expected(query), fresh()
    table.grad = torch.ones_like(table) if before else None
    (found,) = torch.autograd.grad(query(table), [table])
    assert torch.equal(found, wanted)
    assert table.grad is None or torch.equal(table.grad, torch.ones_like(table))


def test_a_frozen_table_stays_as_it_is(query: Callable[[Tensor], Tensor], layers: nn.ModuleList) -> None:
    table = fresh()
    table.grad = torch.zeros_like(table)
    table.requires_grad_(False)
    query(table).backward()
    assert not table.grad.any() and layers[0].weight.grad is not None and layers[0].weight.grad.any()


def test_nothing_is_written_where_others_are_asked_for(
    query: Callable[[Tensor], Tensor], layers: nn.ModuleList
) -> None:
    table = fresh()
    table.grad = torch.zeros_like(table)
    (found,) = torch.autograd.grad(query(table), [layers[0].weight])
    assert found.any() and not table.grad.any()
    query(table).backward(inputs=[layers[0].weight])
    assert not table.grad.any()


def test_a_table_that_is_made_of_something_passes_its_gradient_on(query: Callable[[Tensor], Tensor]) -> None:
    wanted, leaf = expected(query), fresh()
    leaf.grad = torch.zeros_like(leaf)
    query(1.0 * leaf).backward()
    torch.testing.assert_close(leaf.grad, wanted)


def test_hooks_see_the_gradient(query: Callable[[Tensor], Tensor]) -> None:
    wanted, table, seen = expected(query), fresh(), []
    table.grad = torch.zeros_like(table)
    table.register_hook(seen.append)
    query(table).backward()
    assert len(seen) == 1 and torch.equal(seen[0], wanted) and torch.equal(table.grad, wanted)
