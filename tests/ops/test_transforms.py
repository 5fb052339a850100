"""What torch's transforms do with our operations: torch.func is refused, torch.compile leaves them alone."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from neurfield import encodings, ops
from neurfield.fields import SDFField, UDFField
from neurfield.ops.eager import eager

GRID: dict[str, Any] = {"levels": 3, "log2_table_size": 9, "base_resolution": 4, "finest_resolution": 12}
POINTS = torch.rand(4, 6, 3, generator=torch.Generator().manual_seed(0))
LAYOUT = ops.GridLayout(levels=2, log2_table_size=8, base_resolution=4)
TABLE = torch.zeros(LAYOUT.n_parameters)
WEIGHTS, BIASES = [torch.ones(16, 3), torch.ones(1, 16)], [torch.zeros(16), torch.zeros(1)]
DEEPER = [torch.ones(16, 3 + LAYOUT.output_dim), torch.ones(1, 16)]
PACKED = torch.tensor([[0, 6]])
RAYS = torch.zeros(6, dtype=torch.int64)


def small_field() -> SDFField:
    return SDFField(encodings.HashGrid(**GRID, interpolation="smoothstep"), hidden=(16,))


FIELD = small_field()


def opacity(points: Tensor) -> Tensor:
    t = torch.arange(7.0)
    ray = torch.tensor([[1.0, 0.0, 0.0]])
    return ops.section_opacity(points[:, 0], points, t[:-1], t[1:], ray, RAYS, kind="neus", width=0.1)[0]


OPERATIONS: dict[str, Callable[[Tensor], Any]] = {
    "grid_encode": lambda p: ops.grid_encode(p, TABLE, LAYOUT),
    "grid_features": lambda p: ops.grid_features(p, TABLE, LAYOUT),
    "mlp": lambda p: ops.mlp(p, WEIGHTS, BIASES),
    "mlp_with_gradient": lambda p: ops.mlp_with_gradient(p, WEIGHTS, BIASES)[0],
    "sdf_query": lambda p: ops.sdf_query(p, TABLE, DEEPER, BIASES, LAYOUT)[0],
    "sdf_values": lambda p: ops.sdf_values(p, TABLE, DEEPER, BIASES, LAYOUT),
    "frequency": lambda p: ops.frequency(p, 2),
    "one_blob": lambda p: ops.one_blob(p, 4),
    "spherical_harmonics": lambda p: ops.spherical_harmonics(p, 2),
    "composite": lambda p: ops.composite(p[:, 0], p, PACKED)[0],
    "weights": lambda p: ops.render_weights_from_alpha(p[:, 0], packed_info=PACKED),
    "accumulate": lambda p: ops.accumulate_along_rays(p[:, 0], p, packed_info=PACKED),
    "section_opacity": opacity,
    "encoding": encodings.HashGrid(**GRID),
    "triplane": encodings.TriPlane(resolutions=(7,), features=4),
    "radial bases": encodings.RadialBasis(16, dimensions=3, features=2),
    "field": FIELD,
    "query": lambda p: FIELD.query(p, gradient=True).sdf,
    "unsigned": UDFField(encodings.Identity(), hidden=(16,)),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_vmap_is_refused_in_one_line(name: str) -> None:
    OPERATIONS[name](POINTS[0])  # without it, it works
    for transformed, points in ((torch.func.vmap, POINTS), (torch.func.jacrev, POINTS[0])):
        with pytest.raises(RuntimeError, match=r"neurfield: torch\.func") as caught:
            transformed(OPERATIONS[name])(points)
        assert "\n" not in str(caught.value) and "torch.autograd" in str(caught.value)


def test_outside_of_a_transform_nothing_is_refused() -> None:
    total = torch.func.vmap(lambda p: p.sum())(POINTS)
    assert total.shape == (4,) and ops.frequency(POINTS[0], 2).shape == (6, 12)
    field = small_field()
    swapped = {name: 2.0 * parameter.detach() for name, parameter in field.named_parameters()}
    assert torch.func.functional_call(field, swapped, (POINTS[0],)).shape == (6,)  # no transform


def test_eager_is_the_same_function() -> None:
    @eager
    def twice(value: float, *, more: float = 0.0) -> float:
        """Two times."""
        return 2.0 * value + more

    assert twice(2.0, more=1.0) == 5.0 and (twice.__name__, twice.__doc__) == ("twice", "Two times.")
    assert ops.mlp.__module__ == "neurfield.ops.fused_mlp"


@pytest.mark.slow
def test_what_is_compiled_is_the_same_and_warns_of_nothing(caplog: pytest.LogCaptureFixture) -> None:
    field, encoding = small_field(), encodings.HashGrid(**GRID)
    points = 2.0 * POINTS[0] - 1.0

    def loss(points: Tensor) -> Tensor:
        sample = field.query(points, gradient=True)
        values = field(points).square().mean() + encoding(0.5 * points + 0.5).square().sum()
        packed = torch.tensor([[0, len(points)]])
        pixels = ops.composite(sample.sdf.sigmoid(), sample.gradient, packed)[0]
        return values + (sample.gradient.norm(dim=1) - 1.0).square().mean() + pixels.square().sum()

    def step(points: Tensor) -> Tensor:
        found = loss(points)
        found.backward()
        return found

    expected = step(points)
    by_hand = [parameter.grad.clone() for parameter in field.parameters()]  # type: ignore[union-attr]
    field.zero_grad(set_to_none=False)
    with warnings.catch_warnings(record=True) as warned, caplog.at_level(logging.WARNING):
        warnings.simplefilter("always")
        compiled = torch.compile(step, backend="eager")
        for count in (6, 4):  # again, for points of other numbers
            compiled(points[:count])
        field.zero_grad(set_to_none=False)
        torch.testing.assert_close(compiled(points), expected)
    torch._dynamo.reset()
    for found, theirs in zip(field.parameters(), by_hand):
        torch.testing.assert_close(found.grad, theirs)
    told = [str(one.message) for one in warned] + [
        r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING
    ]
    assert not [line for line in told if "ynamo" in line or "recompile" in line or "neurfield" in line]
