"""The least of several distances, with the gradient of whose it is."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from neurfield.encodings import HashGrid
from neurfield.errors import UserError
from neurfield.fields import ObjectsField

IDS = (3, 8, 40)


def small_field(heads: dict[str, int] | None = None) -> ObjectsField:
    """A field whose objects are all over the place."""
    torch.manual_seed(1)
    grid = HashGrid(levels=4, log2_table_size=10, finest_resolution=16, interpolation="smoothstep")
    field = ObjectsField(IDS, grid, (16,), feature_dim=3, heads=heads or {})
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.normal_(std=0.4)
    return field


def points(count: int = 97) -> Tensor:
    return torch.rand(count, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64) * 2 - 1


def by_hand(field: ObjectsField, at: Tensor) -> Tensor:
    """All outputs of the network, by autograd alone."""
    seen = torch.cat([at, field.encoding(0.5 * at + 0.5, field.active_levels)], dim=1)
    *hidden, last = field.layers
    for layer in hidden:
        seen = torch.nn.functional.softplus(layer(seen), beta=field.beta)
    return last(seen)


def test_it_is_the_least_of_all_in_value_and_gradient() -> None:
    field, at = small_field().double(), points().requires_grad_()
    sample = field.query(at.detach(), gradient=True)
    distances = by_hand(field, at)[:, :4]
    least = distances.min(dim=1).values
    (slope,) = torch.autograd.grad(least.sum(), at)
    assert sample.gradient is not None
    torch.testing.assert_close(sample.sdf, least)
    torch.testing.assert_close(sample.gradient, slope)
    torch.testing.assert_close(sample.heads["objects"], distances)
    assert len(set(field.owner(at.detach()).tolist())) == 4  # each has a part of space


def test_what_trains_it_is_the_least_one_too() -> None:
    field, at = small_field().double(), points()
    parameters = list(field.parameters())
    sample = field.query(at, gradient=True)
    assert sample.gradient is not None
    loss = sample.sdf.square().sum() + (sample.gradient.norm(dim=1) - 1).square().sum() + sample.feature.sum()
    found = torch.autograd.grad(loss, parameters)
    leaf = at.clone().requires_grad_()
    outputs = by_hand(field, leaf)
    least = outputs[:, :4].min(dim=1).values
    (slope,) = torch.autograd.grad(least.sum(), leaf, create_graph=True)
    same = least.square().sum() + (slope.norm(dim=1) - 1).square().sum() + outputs[:, 4:].sum()
    for one, wanted in zip(found, torch.autograd.grad(same, parameters)):
        torch.testing.assert_close(one, wanted, atol=1e-5, rtol=1e-5)


def test_the_kernel_gives_the_same() -> None:
    field, at = small_field(), points()
    found = field.query(at.float(), gradient=True)
    quick = field.query(at.float())
    exact = field.double().query(at, gradient=True)
    assert found.gradient is not None and exact.gradient is not None
    torch.testing.assert_close(quick.sdf, found.sdf.detach(), atol=1e-5, rtol=1e-4)
    two = exact.heads["objects"].topk(2, dim=1, largest=False).values
    clear = (two[:, 1] - two[:, 0]) > 1e-3
    torch.testing.assert_close(found.sdf.double(), exact.sdf, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found.gradient[clear].double(), exact.gradient[clear], atol=1e-3, rtol=1e-3)


def test_a_row_names_whose_distance_is_asked_or_a_head() -> None:
    field, at = small_field({"extra": 2}).double(), points(20)
    leaf = at.clone().requires_grad_()
    row = torch.arange(20) % 6  # four distances, and the two numbers of the head
    outputs = by_hand(field, leaf)
    (slope,) = torch.autograd.grad(outputs.gather(1, row[:, None]).sum(), leaf)
    sample = field.query(at, gradient=True, row=row)
    assert sample.gradient is not None
    torch.testing.assert_close(sample.gradient, slope)
    least = outputs[:, :4].min(dim=1).values
    own = outputs.gather(1, row[:, None])[:, 0]
    torch.testing.assert_close(sample.sdf, torch.where(row < 4, own, least))
    torch.testing.assert_close(sample.heads["extra"], outputs[:, 4:6])
    assert field.row_of("objects") == 0 and field.row_of("extra") == 4


def test_it_starts_as_a_room_with_small_balls_in_its_middle() -> None:
    grid = HashGrid(levels=4, log2_table_size=10, finest_resolution=16, interpolation="smoothstep")
    field = ObjectsField(IDS, grid)
    field.start_as_sphere(0.8, inside=True)
    x = torch.tensor([[0.0, 0.0, 0.0], [0.5, 0.0, 0.0], [0.95, 0.0, 0.0]])
    distances = field.query(x).heads["objects"]
    assert (distances[:, 0] > 0).tolist() == [True, True, False]
    assert (distances[:, 1:] > 0).all(dim=1).tolist() == [False, True, True]
    assert (field.sdf(x) > 0).tolist() == [False, True, False]


def test_one_object_is_a_field_of_its_own() -> None:
    field, at = small_field(), points(11).float()
    for index in range(4):
        one = field.one(index)
        own = field.query(at).heads["objects"][:, index]
        torch.testing.assert_close(one.sdf(at), own)
        row = torch.full((11,), index)
        torch.testing.assert_close(
            one.query(at, gradient=True).gradient, field.query(at, gradient=True, row=row).gradient
        )
    with pytest.raises(IndexError, match="object 4 of a field that has 4"):
        field.one(4)


def test_no_points_and_no_second_head_of_its_name() -> None:
    field = small_field()
    empty = field.query(torch.zeros(0, 3), gradient=True)
    assert empty.sdf.shape == (0,) and empty.heads["objects"].shape == (0, 4)
    with pytest.raises(UserError, match=r"'heads\.objects'"):
        ObjectsField(IDS, heads={"objects": 1})
