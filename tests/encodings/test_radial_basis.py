"""Radial bases as a module."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from neurfield.encodings import RadialBasis
from neurfield.encodings.kernel_placement import place_kernels
from neurfield.encodings.kernel_support import support_radii


def uniform(count: int, d: int, seed: int = 0) -> Tensor:
    return torch.rand(count, d, generator=torch.Generator().manual_seed(seed))


def test_starts_small_and_by_its_seed() -> None:
    one, other = RadialBasis(count=50, seed=3), RadialBasis(count=50, seed=3)
    assert one.features.abs().max() <= 1e-4 and one.features.std() > 5e-5
    assert torch.equal(one.features, other.features) and torch.equal(one.centres, other.centres)
    assert not torch.equal(one.features, RadialBasis(count=50, seed=4).features)


@pytest.mark.parametrize("blend", [False, True])
@pytest.mark.parametrize("d", [2, 3, 4])
def test_learns_a_function(blend: bool, d: int) -> None:
    torch.manual_seed(0)
    encoding = RadialBasis(
        count=400, dimensions=d, features=8, neighbours=8, lowest=1.0, highest=8.0, blend=blend
    )
    points = uniform(3000, d)
    wanted = torch.sin(5.0 * points[:, 0]) * points[:, 1]
    optimizer = torch.optim.Adam(encoding.parameters(), lr=3e-2)
    first = None
    for _ in range(80):
        loss = (encoding(points).sum(1) - wanted).square().mean()
        first = loss.item() if first is None else first
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < (0.6 if blend and d == 4 else 0.1) * first


def test_contract_of_encodings() -> None:
    encoding = RadialBasis(count=60, dimensions=3, features=12)
    assert (encoding.dimensions, encoding.output_dim, encoding.levels) == (3, 12, 12)
    assert encoding(uniform(9, 3)).shape == (9, 12)
    assert encoding(uniform(0, 3)).shape == (0, 12)
    assert encoding(3.0 * uniform(9, 3) - 1.0).isfinite().all()
    coarse = encoding(uniform(9, 3), active_levels=5)
    assert torch.equal(coarse[:, 5:], torch.zeros(9, 7)) and coarse[:, :5].any()
    assert encoding.frequencies is not None and (encoding.frequencies.diff() > 0.0).all()
    assert RadialBasis(count=60, lowest=None, highest=None).frequencies is None
    assert {name for name, _ in encoding.named_parameters()} == {"features", "bias"}


@pytest.mark.parametrize("blend", [False, True])
def test_state_and_copies(blend: bool) -> None:
    points = uniform(100, 2)
    centres, shapes = place_kernels(uniform(2000, 2), uniform(2000, 1, 1)[:, 0], 70)
    encoding = RadialBasis(centres=centres, shapes=shapes, blend=blend, seed=5)
    expected = encoding(points)
    assert torch.equal(copy.deepcopy(encoding)(points), expected)
    other = RadialBasis(count=70, blend=blend)
    other(points)  # has looked up its own centres already
    other.load_state_dict(encoding.state_dict())
    assert torch.equal(other(points), expected)


def test_float64_agrees() -> None:
    encoding = RadialBasis(count=80, features=6, lowest=1.0, highest=8.0)
    points = uniform(50, 2)
    single = encoding(points)
    double = encoding.double()(points.double())
    assert double.dtype == torch.float64
    torch.testing.assert_close(single.double(), double, atol=1e-9, rtol=1e-4)


def test_has_true_derivatives_in_float64() -> None:
    encoding = RadialBasis(count=30, features=3, lowest=1.0, highest=4.0, blend=True, neighbours=6).double()
    with torch.no_grad():
        encoding.features.mul_(1e4)
    points = (0.8 * uniform(4, 2) + 0.1).double().requires_grad_()
    assert torch.autograd.gradcheck(encoding, (points,))
    assert torch.autograd.gradgradcheck(encoding, (points,))


def test_learnt_kernels_move_and_are_looked_up_again() -> None:
    encoding = RadialBasis(count=60, features=4, neighbours=4, blend=True, learn_kernels=True)
    with torch.no_grad():
        encoding.features.mul_(1e4)
    points = uniform(500, 2)
    before = encoding.centres.detach().clone()
    optimizer = torch.optim.SGD(encoding.parameters(), lr=1e-4)
    encoding(points).square().mean().backward()
    assert encoding.shapes.grad is not None and encoding.shapes.grad.any()
    optimizer.step()
    assert not torch.equal(encoding.centres, before)
    values = encoding(points)
    assert encoding.support is not None
    torch.testing.assert_close(encoding.support, support_radii(encoding.centres, 4))
    fresh = RadialBasis(count=60, features=4, neighbours=4, blend=True, learn_kernels=True)
    fresh.load_state_dict(encoding.state_dict())
    torch.testing.assert_close(fresh(points), values)


def test_changes_that_torch_does_not_count_are_seen() -> None:
    # Native optimisers write past torch's version counters.
    encoding = RadialBasis(count=60, features=4)
    points = uniform(100, 2)
    encoding(points)
    encoding.centres.numpy()[:] = uniform(60, 2, 9).numpy()
    assert torch.equal(encoding(points), copy.deepcopy(encoding)(points))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "give count, or centres"),
        ({"count": 5, "centres": torch.zeros(5, 2), "shapes": torch.zeros(5, 3)}, "give count, or centres"),
        ({"centres": torch.zeros(5, 2)}, "give count, or centres"),
        ({"count": 0}, "count must be"),
        ({"count": 9, "dimensions": 5}, "dimensions must be"),
        ({"count": 9, "features": 0}, "features must be"),
        ({"count": 9, "neighbours": 9}, "neighbours must be"),
        ({"count": 3}, "neighbours must be 1 to 3"),
        ({"count": 9, "kernel": "cubic"}, "kernel must be"),
        ({"count": 9, "lowest": 2.0, "highest": 1.0}, "lowest and highest must be"),
        ({"count": 9, "lowest": None}, "lowest and highest must be"),
        ({"centres": torch.zeros(5, 3), "shapes": torch.zeros(5, 3)}, "centres must be"),
        ({"centres": torch.zeros(5, 2), "shapes": torch.zeros(5, 2)}, "shapes must be"),
        ({"centres": torch.full((5, 2), float("nan")), "shapes": torch.zeros(5, 3)}, r"centres\[0\]"),
    ],
)
def test_says_what_is_wrong(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"RadialBasis: {message}"):
        RadialBasis(**arguments)  # type: ignore[arg-type]


def test_names_bad_points() -> None:
    encoding = RadialBasis(count=20)
    points = uniform(30, 2)
    points[17, 0] = float("nan")
    with pytest.raises(ValueError, match=r"RadialBasis: points\[17\] is not finite"):
        encoding(points)
    with pytest.raises(ValueError, match=r"points must be \[N, 2\]"):
        encoding(uniform(3, 3))
    with pytest.raises(ValueError, match=r"points must be torch.float32"):
        encoding(uniform(3, 2).double())
