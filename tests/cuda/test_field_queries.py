"""The fused field queries against torch's autograd in float64: values, gradients, and losses on gradients."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from neurfield.ops.grid import GridLayout
from neurfield.ops.radiance_query import radiance_query
from neurfield.ops.reference import radiance_query as radiance_reference
from neurfield.ops.reference import sdf_query as sdf_reference
from neurfield.ops.sdf_query import path, sdf_query, sdf_values
from neurfield.ops.simplex_layout import SimplexLayout

SMALL: dict[str, Any] = {"levels": 4, "log2_table_size": 9, "base_resolution": 4, "growth": 1.6}
CUBES, SIMPLICES = GridLayout(features=2, **SMALL), SimplexLayout(features=2, **SMALL)


def leaves_of(sizes: list[int], layout: GridLayout, random: torch.Generator) -> list[Tensor]:
    """A table, then weights, then biases."""
    return [
        0.3 * torch.randn(layout.n_parameters, generator=random),
        *(torch.randn(b, a, generator=random) / a**0.5 for a, b in pairwise(sizes)),
        *(0.1 * torch.randn(b, generator=random) for b in sizes[1:]),
    ]


def near(mine: Tensor | None, theirs: Tensor | None, name: str, tolerance: float = 2e-5) -> None:
    assert mine is not None and theirs is not None, name
    scale = max(1e-6, float(theirs.abs().max())) if theirs.numel() else 1.0
    torch.testing.assert_close(mine.cpu().double() / scale, theirs / scale, rtol=0.0, atol=tolerance)


def compare_sdf(
    device: torch.device,
    layout: GridLayout,
    count: int,
    hidden: tuple[int, ...] = (32, 32),
    row: Tensor | None = None,
    **how: Any,
) -> None:
    random = torch.Generator().manual_seed(count)
    width = 3 * how.get("coordinates", True) + 6 * how.get("n_frequencies", 0) + layout.output_dim
    plain = leaves_of([width, *hidden, 5], layout, random)
    points = (torch.rand(count, 3, generator=random) - 0.5) * 2.2
    ours = [t.to(device, copy=True).requires_grad_() for t in plain]
    theirs = [t.double().requires_grad_() for t in plain]
    n = len(hidden) + 1
    options = {"beta": 20.0, **how}
    given = points.to(device), ours[0], ours[1 : 1 + n], ours[1 + n :], layout
    named = {} if row is None else {"row": row.to(device)}
    found = sdf_query(*given, fused=True, **options, **named)
    exact = theirs[0], theirs[1 : 1 + n], theirs[1 + n :]
    wanted = sdf_reference.sdf_query(points.double(), *exact, layout, **options, row=row)
    near(found[0], wanted[0].detach(), "outputs")
    near(found[1], wanted[1].detach(), "gradient")
    for outputs, gradient in (found, wanted):
        (
            outputs.square().sum() + ((gradient.square().sum(dim=1) + 1e-4).sqrt() - 1.0).square().sum()
        ).backward()
    for i, (mine, exactly) in enumerate(zip(ours, theirs)):
        near(mine.grad, exactly.grad, f"leaf {i}", 5e-5)
    values = sdf_values(*given, fused=True, **options)
    near(values, wanted[0].detach(), "values alone")


@pytest.mark.parametrize("layout", [CUBES, SIMPLICES], ids=["cubes", "simplices"])
@pytest.mark.parametrize("interpolation", ["linear", "smoothstep"])
@pytest.mark.parametrize("active", [None, 2])
def test_sdf_with_grids(
    device: torch.device, layout: GridLayout, interpolation: str, active: int | None
) -> None:
    compare_sdf(device, layout, 70, interpolation=interpolation, active_levels=active)


@pytest.mark.parametrize("count", [1, 33, 200])
def test_sdf_of_any_number_of_points(device: torch.device, count: int) -> None:
    compare_sdf(device, CUBES, count)


@pytest.mark.parametrize("count", [0, 1, 90])
def test_sdf_of_the_output_that_each_point_names(device: torch.device, count: int) -> None:
    row = torch.randint(0, 5, (count,), generator=torch.Generator().manual_seed(4))
    compare_sdf(device, CUBES, count, row=row, n_frequencies=1)


@pytest.mark.parametrize(("coordinates", "n_frequencies"), [(False, 0), (True, 3), (False, 6)])
def test_sdf_with_other_columns(device: torch.device, coordinates: bool, n_frequencies: int) -> None:
    compare_sdf(device, CUBES, 40, (24,), coordinates=coordinates, n_frequencies=n_frequencies)


def test_sdf_of_no_points(device: torch.device) -> None:
    ours = [t.to(device).requires_grad_() for t in leaves_of([11, 32, 5], CUBES, torch.Generator())]
    outputs, gradient = sdf_query(torch.empty(0, 3, device=device), ours[0], ours[1:3], ours[3:], CUBES)
    assert outputs.shape == (0, 5) and gradient.shape == (0, 3)
    (outputs.sum() + gradient.sum()).backward()
    assert all(t.grad is not None and not t.grad.any() for t in ours)


@pytest.mark.parametrize("of", [0, 1])
def test_sdf_losses_that_see_one_of_the_two(device: torch.device, of: int) -> None:
    random = torch.Generator().manual_seed(3)
    plain, points = leaves_of([11, 32, 5], CUBES, random), torch.rand(50, 3, generator=random) - 0.5
    ours, theirs = (
        [t.to(device, copy=True).requires_grad_() for t in plain],
        [t.double().requires_grad_() for t in plain],
    )
    exact = theirs[0], theirs[1:3], theirs[3:]
    sdf_query(points.to(device), ours[0], ours[1:3], ours[3:], CUBES)[of].square().sum().backward()
    sdf_reference.sdf_query(points.double(), *exact, CUBES)[of].square().sum().backward()
    for i, (mine, exactly) in enumerate(zip(ours, theirs)):
        wanted = torch.zeros_like(exactly) if exactly.grad is None else exactly.grad
        near(mine.grad, wanted, f"leaf {i}", 5e-5)


@pytest.mark.parametrize("count", [0, 1, 90])
@pytest.mark.parametrize("some", [False, True])
def test_radiance(device: torch.device, count: int, some: bool) -> None:
    random = torch.Generator().manual_seed(count)
    features, views, rays = 5, 4, 13
    plain = leaves_of([CUBES.output_dim + features + 3 + views, 32, 32, 3], CUBES, random)
    # Slices of columns: rows that lie further apart than they are long.
    sources = [torch.randn(count, features + 2, generator=random), torch.randn(count, 6, generator=random)]
    points = (torch.rand(count, 3, generator=random) - 0.5) * 2.2
    encoded = torch.randn(rays, views, generator=random)
    seen = torch.randint(0, rays, (count,), generator=random)
    counted = torch.randperm(count, generator=random)[: count // 2] if some else None
    by = torch.randn(count, 3, generator=random)

    def run(query: Any, kind: torch.dtype, where: torch.device, **options: Any) -> list[Tensor]:
        leaves = [t.to(where, kind, copy=True).requires_grad_() for t in (*plain, *sources)]
        feature, normal = leaves[-2][:, 2:], leaves[-1][:, 1:4]
        index = {"rays": seen.to(where), "counted": None if counted is None else counted.to(where)}
        network = leaves[0], leaves[1:4], leaves[4:7]
        rgb = query(
            points.to(where, kind),
            *network,
            CUBES,
            feature,
            normal,
            encoded.to(where, kind),
            **index,
            **options,
        )
        (rgb * by.to(where, kind)).sum().backward()
        grads = [torch.zeros_like(t) if t.grad is None else t.grad for t in leaves]
        return [rgb.detach(), *grads]

    ours = run(radiance_query, torch.float32, device, fused=True)
    theirs = run(radiance_reference.radiance_query, torch.float64, torch.device("cpu"))
    for i, (mine, exactly) in enumerate(zip(ours, theirs)):
        near(mine, exactly, f"array {i}", 5e-5)


def test_the_path_is_told(device: torch.device) -> None:
    assert path(torch.zeros(4, device=device)).startswith("fused ")
