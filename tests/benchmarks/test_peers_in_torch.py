"""The peers do the same work as ours: same values, same gradients, where their parameters are ours."""

from __future__ import annotations

import pytest
import torch

from benchmarks import nerfstudio_peer, torch_field
from benchmarks.bench_encoding import encoders, points_in
from benchmarks.bench_field import make_field
from neurfield.ops.grid import GridLayout


def test_reference_field_is_our_field() -> None:
    field = make_field(log2_table_size=12)
    points = torch.rand(37, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    ours = field.query(points, gradient=True)
    outputs, parameters = torch_field.reference_outputs(field)
    theirs, gradient = torch_field.with_autograd(outputs)(points)
    torch.testing.assert_close(theirs[:, 0], ours.sdf, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(gradient, ours.gradient, rtol=1e-3, atol=1e-2)
    (gradient.square().sum() + theirs.square().sum()).backward()
    assert ours.gradient is not None
    (ours.gradient.square().sum() + ours.sdf.square().sum() + ours.feature.square().sum()).backward()
    table = parameters[0].grad
    assert table is not None and field.encoding.table.grad is not None
    scale = table.abs().max()
    torch.testing.assert_close(table / scale, field.encoding.table.grad / scale, rtol=1e-3, atol=1e-4)


def test_gradient_for_torch_compile_is_autograds() -> None:
    field = make_field(log2_table_size=10)
    outputs, _ = torch_field.reference_outputs(field)
    points = torch.rand(11, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    expected = torch_field.with_autograd(outputs)(points)
    for found, wanted in zip(torch_field.by_functional_gradient(outputs)(points), expected):
        torch.testing.assert_close(found, wanted)


def test_points_are_in_the_cube_and_as_many_as_asked() -> None:
    for order in ("random", "rays"):
        points = points_in(order, 100)
        assert points.shape == (100, 3) and points.min() >= 0 and points.max() <= 1 and points.is_contiguous()


@pytest.mark.skipif(not nerfstudio_peer.installed(), reason=nerfstudio_peer.MISSING)
def test_nerfstudio_has_our_sizes() -> None:
    layout = GridLayout(log2_table_size=10)
    encoded = {name: encode(points_in("random", 5)) for name, encode, _ in encoders(layout)}
    assert {tuple(features.shape) for features in encoded.values()} == {(5, layout.output_dim)}
    outputs, parameters = torch_field.nerfstudio_outputs(make_field(10))
    query = torch_field.with_autograd(outputs)(points_in("random", 5))
    assert query[0].shape == (5, 16) and query[1].shape == (5, 3) and len(parameters) == 7
