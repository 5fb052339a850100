"""Heads that are the SDF and a difference of their own: they start and follow like it, and learn apart."""

from __future__ import annotations

import pytest
import torch

from neurfield.encodings import HashGrid
from neurfield.fields import SDFField
from neurfield.fields.heads import Head, make_occupancy

GRID = {"levels": 3, "log2_table_size": 9, "finest_resolution": 16, "interpolation": "smoothstep"}
POINTS = 2.0 * torch.rand(40, 3, generator=torch.Generator().manual_seed(1)) - 1.0


def field_with(**heads: Head | int) -> SDFField:
    torch.manual_seed(0)
    return SDFField(HashGrid(**GRID), hidden=(16, 16), feature_dim=4, heads=heads)


@pytest.mark.parametrize("inside", [False, True])
def test_it_starts_as_the_sdf_does_beside_heads_that_do_not(inside: bool) -> None:
    field = field_with(rough=2, occupancy=make_occupancy(), both=Head(2, like_sdf=True))
    field.start_as_sphere(0.6, inside=inside, seed=3)
    assert field.heads == {"rough": 2, "occupancy": 1, "both": 2}
    asked = field.query(POINTS, gradient=True)
    row = torch.full((len(POINTS),), field.row_of("occupancy"))
    for head in (asked.heads["occupancy"], *asked.heads["both"].T[:, :, None]):
        torch.testing.assert_close(head[:, 0], asked.sdf)
    torch.testing.assert_close(field.query(POINTS, gradient=True, row=row).gradient, asked.gradient)
    torch.testing.assert_close(field.query(POINTS).heads["occupancy"], asked.heads["occupancy"])
    assert (asked.heads["rough"] - asked.sdf[:, None]).abs().amin(dim=0).max() > 1e-4
    # All else starts as without it.
    plain = field_with(rough=2)
    plain.start_as_sphere(0.6, inside=inside, seed=3)
    torch.testing.assert_close(plain.query(POINTS).sdf, asked.sdf, rtol=1e-3, atol=1e-3)


def test_it_follows_the_sdf_and_asks_nothing_of_its_row() -> None:
    field = field_with(occupancy=make_occupancy())
    optimizer = torch.optim.Adam(field.layers.parameters(), lr=1e-2)
    for _ in range(5):  # whatever is asked of the SDF alone
        optimizer.zero_grad()
        (field.query(POINTS, gradient=True).sdf - 0.3).square().mean().backward()
        optimizer.step()
    asked = field.query(POINTS, gradient=True)
    torch.testing.assert_close(asked.heads["occupancy"][:, 0], asked.sdf)
    field.zero_grad()
    asked.heads["occupancy"].square().sum().backward()
    last, first = field.layers[-1].weight.grad, field.layers[0].weight.grad
    assert last is not None and first is not None
    assert not last[0].any() and last[1].abs().sum() > 0.0 and first.abs().sum() > 0.0


def test_its_value_and_gradient_train_trunk_and_row_as_finite_differences_say() -> None:
    field = field_with(occupancy=make_occupancy()).double()
    with torch.no_grad():
        field.encoding.table.normal_(std=0.1)
        field.layers[-1].weight[1].normal_(std=0.1)
        field.layers[0].weight.normal_(std=0.3)
    points, row = POINTS.double(), torch.ones(len(POINTS), dtype=torch.int64)

    def loss() -> torch.Tensor:
        asked = field.query(points, gradient=True, row=row)
        assert asked.gradient is not None
        return asked.heads["occupancy"].square().mean() + asked.gradient.sin().mean()

    field.zero_grad()
    loss().backward()
    for tensor, index in (
        (field.layers[0].weight, (3, 1)), (field.layers[1].bias, (5,)), (field.layers[-1].weight, (1, 7)),
        (field.encoding.table, (int(field.encoding.table.grad.abs().argmax()),)),
    ):  # fmt: skip
        assert tensor.grad is not None
        found, step = float(tensor.grad[index]), 1e-6
        with torch.no_grad():
            tensor[index] += step
            ahead = float(loss())
            tensor[index] -= 2.0 * step
            behind = float(loss())
            tensor[index] += step
        assert found != 0.0 and abs((ahead - behind) / (2.0 * step) - found) < 1e-5 * abs(found) + 1e-8
