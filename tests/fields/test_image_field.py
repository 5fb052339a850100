"""An image field is its encoding and its network, whichever way it is asked."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from neurfield.encodings import Encoding, HashGrid, SimplexGrid
from neurfield.fields import ImageField


class Waves(Encoding):
    """An encoding that is nothing but the contract."""

    dimensions, output_dim, levels = 2, 6, 1

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor([1.0, 3.0, 9.0]))

    def forward(self, points: Tensor, active_levels: int | None = None) -> Tensor:
        return torch.cat([torch.sin(points[:, k : k + 1] * self.scale) for k in (0, 1)], dim=1)


@pytest.mark.parametrize("sine", [None, (10.0, 100.0)])
@pytest.mark.parametrize("hidden", [(16,), (32, 16)])
def test_values_and_gradients_are_those_of_plain_torch(
    sine: tuple[float, float] | None, hidden: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    field = ImageField(Waves(), 3, hidden, sine)
    points = torch.rand(101, 2)

    def plain() -> Tensor:
        x = field.encoding(points)
        for index, layer in enumerate(field.layers):
            x = layer(x)
            if index == 0 and sine is not None:
                assert field.frequencies is not None
                assert field.frequencies[[0, -1]].tolist() == pytest.approx(sine)
                x = x + torch.sin(field.frequencies * x)
            elif index < len(field.layers) - 1:
                x = torch.relu(x)
        return x

    for values in (field(points), field.fitted(points)):
        torch.testing.assert_close(values, plain(), rtol=1e-4, atol=1e-5)
        got = torch.autograd.grad(values.square().sum(), list(field.parameters()))
        wanted = torch.autograd.grad(plain().square().sum(), list(field.parameters()))
        for a, b in zip(got, wanted):
            torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3)


def test_an_empty_batch() -> None:
    assert ImageField(Waves(), 4, (16,))(torch.zeros(0, 2)).shape == (0, 4)


def test_state_goes_round() -> None:
    a, b = ImageField(Waves(), 1, (16,), (1.0, 2.0)), ImageField(Waves(), 1, (16,), (3.0, 4.0))
    b.load_state_dict(a.state_dict())
    points = torch.rand(5, 2)
    assert torch.equal(a(points), b(points))


def test_mistakes() -> None:
    with pytest.raises(ValueError, match="hidden"):
        ImageField(Waves(), 3, ())
    with pytest.raises(ValueError, match="sine"):
        ImageField(Waves(), 3, (16,), (0.0, 1.0))


@pytest.mark.parametrize("grid", [HashGrid, SimplexGrid])
def test_a_grids_gradient_is_added_in_place(grid: type[HashGrid]) -> None:
    field = ImageField(grid(levels=4, log2_table_size=8, finest_resolution=64, dimensions=2), 3, (16,))
    table, points = field.encoding.table, torch.rand(1003, 2)
    wanted = torch.autograd.grad(field(points).square().sum(), [table])[0]
    table.grad = torch.ones_like(table)
    kept = table.grad
    field.fitted(points).square().sum().backward()
    assert table.grad is kept
    torch.testing.assert_close(kept, 1.0 + wanted, rtol=1e-4, atol=1e-4)
