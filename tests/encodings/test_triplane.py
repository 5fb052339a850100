"""The tri-plane as a module, and planes as other code stores them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from neurfield.encodings import TriPlane


def sampled(planes: Tensor, points: Tensor, align_corners: bool) -> Tensor:
    """[3, N, C] of planes [3, C, H, W] at points of [0, 1]^3, as research code samples them."""
    pairs = torch.stack([points[:, [0, 1]], points[:, [0, 2]], points[:, [1, 2]]]) * 2.0 - 1.0
    features = torch.nn.functional.grid_sample(planes, pairs.unsqueeze(1), align_corners=align_corners)
    return features[:, :, 0].transpose(1, 2)


@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize("combination", ["sum", "product", "concatenation"])
def test_planes_of_others_mean_the_same(combination: str, align_corners: bool) -> None:
    planes = torch.randn(3, 16, 32, 32, generator=torch.Generator().manual_seed(0))
    # zero padding differs from ours in the outermost half texel only
    points = 0.02 + 0.96 * torch.rand(200, 3, generator=torch.Generator().manual_seed(1))
    encoding = TriPlane.from_planes(planes, combination, align_corners=align_corners)
    parts = sampled(planes, points, align_corners)
    expected = {
        "sum": parts.sum(0),
        "product": parts.prod(0),
        "concatenation": torch.cat(list(parts), dim=1),
    }
    torch.testing.assert_close(encoding(points), expected[combination], atol=2e-5, rtol=1e-5)
    assert torch.equal(encoding.planes(), planes)


def test_several_levels_come_back_as_they_went_in() -> None:
    levels = [torch.randn(6, 4, size, size) for size in (4, 8)]
    encoding = TriPlane.from_planes(levels)
    assert (encoding.dimensions, encoding.levels, encoding.output_dim) == (4, 2, 8)
    assert all(torch.equal(encoding.planes(level), planes) for level, planes in enumerate(levels))
    assert torch.equal(encoding.planes(-1), levels[1])
    encoding.planes(1).square().sum().backward()
    assert encoding.texels.grad is not None and not encoding.texels.grad[: levels[0].numel()].any()
    with pytest.raises(IndexError):
        encoding.planes(2)


@pytest.mark.parametrize("shape", [(3, 16, 32, 31), (2, 16, 32, 32), (16, 32, 32)])
def test_refuses_planes_that_are_none(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="planes must be"):
        TriPlane.from_planes(torch.zeros(shape))
    with pytest.raises(ValueError, match="at least one level"):
        TriPlane.from_planes([])


def test_starts_by_its_seed_and_combination() -> None:
    plain, product = TriPlane(resolutions=(32,)), TriPlane(resolutions=(32,), combination="product")
    assert 8e-4 < plain.texels.std() < 1.2e-3
    assert product.texels.min() >= 0.1 and product.texels.max() <= 0.5
    assert torch.equal(plain.texels, TriPlane(resolutions=(32,), seed=0).texels)
    assert not torch.equal(plain.texels, TriPlane(resolutions=(32,), seed=1).texels)


@pytest.mark.parametrize(("dimensions", "planes"), [(2, 1), (3, 3), (4, 6)])
def test_planes_of_all_pairs_and_coarse_to_fine(dimensions: int, planes: int) -> None:
    encoding = TriPlane(dimensions, (4, 8, 16), 4, "concatenation")
    assert encoding.planes().shape == (planes, 4, 4, 4) and encoding.output_dim == 3 * planes * 4
    features = encoding(torch.rand(7, dimensions), 1)
    assert features[:, : 4 * planes].any() and not features[:, 4 * planes :].any()
    assert not encoding(torch.rand(7, dimensions), 0).any()
    assert encoding(torch.rand(0, dimensions)).shape == (0, encoding.output_dim)


def test_safetensors_round_trip(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    one, other = (TriPlane(resolutions=(8,), features=4, seed=seed) for seed in (0, 1))
    save_file(one.state_dict(), tmp_path / "planes.safetensors")
    other.load_state_dict(load_file(tmp_path / "planes.safetensors"))
    points = torch.rand(5, 3)
    assert torch.equal(one(points), other(points))


def test_texels_may_lie_anywhere_in_memory() -> None:
    encoding = TriPlane(resolutions=(6,), features=16)
    shifted = torch.cat([torch.zeros(1), encoding.texels.detach()])[1:]
    points = torch.rand(20, 3)
    expected = encoding(points)
    encoding.texels.data = shifted
    assert torch.equal(encoding(points), expected)


def test_learns_an_image() -> None:
    encoding = TriPlane(2, (8, 16), 4)
    points = torch.rand(2000, 2, generator=torch.Generator().manual_seed(0))
    wanted = torch.sin(7.0 * points[:, 0]) * points[:, 1]
    optimizer = torch.optim.Adam(encoding.parameters(), lr=3e-2)
    for _ in range(80):
        loss = (encoding(points).sum(1) - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 1e-3


def test_says_what_is_wrong() -> None:
    for wrong, match in (
        ({"dimensions": 5}, "dimensions must be 2, 3 or 4, got 5"),
        ({"features": 6}, "features must be 1, 2 or a multiple of 4, got 6"),
        ({"resolutions": (1,)}, "resolutions must be"),
        ({"combination": "mean"}, "combination must be one of"),
        ({"interpolation": "cubic"}, "interpolation must be one of"),
    ):
        with pytest.raises(ValueError, match=match):
            TriPlane(**wrong)  # type: ignore[arg-type]
    encoding = TriPlane(resolutions=(4,), features=4)
    with pytest.raises(ValueError, match=r"TriPlane: points\[2\] is not finite"):
        encoding(torch.tensor([[0.0] * 3, [1.0] * 3, [float("nan")] * 3]))
    with pytest.raises(ValueError, match=r"float32, got torch\.float64"):
        encoding(torch.zeros(1, 3, dtype=torch.float64))
