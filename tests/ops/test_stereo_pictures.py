"""Pictures for stereo: their packing, their halves, and where a plane carries pixels."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import Tensor

from neurfield.ops.reference import stereo_pictures as reference
from neurfield.ops.stereo_pictures import StereoPictures


def turned(axis: int, angle: float) -> Tensor:
    a, b = (axis + 1) % 3, (axis + 2) % 3
    turn = torch.eye(3, dtype=torch.float64)
    turn[a, a] = turn[b, b] = math.cos(angle)
    turn[a, b], turn[b, a] = -math.sin(angle), math.sin(angle)
    return turn


def random_pictures(n: int = 3, h: int = 7, w: int = 10, far: float = 0.0) -> StereoPictures:
    """Cameras near the origin (or `far` from it) that look along z, each a little turned."""
    generator = torch.Generator().manual_seed(n * h * w)
    pose = torch.eye(4, dtype=torch.float64).repeat(n, 1, 1)
    for i in range(n):
        pose[i, :3, :3] = turned(1, 0.1 * i) @ turned(0, -0.05 * i) @ turned(2, 0.07 * i)
        center = torch.tensor([0.3 * i + far, 0.1 * i - far, 0.05 * i], dtype=torch.float64)
        pose[i, :3, 3] = -pose[i, :3, :3] @ center
    lens = torch.tensor([1.1 * w, 1.2 * w, 0.52 * w, 0.47 * h]).repeat(n, 1)
    inside = torch.rand(n, h, w, generator=generator) < 0.8
    grey = torch.randint(0, 256, (n, h, w), generator=generator, dtype=torch.uint8)
    return StereoPictures(grey, lens, pose, inside)


@pytest.mark.parametrize("shape", [(3, 7, 10), (1, 1, 5), (2, 4, 1), (0, 3, 3)])
def test_a_word_holds_a_pixel_and_its_three_neighbours(shape: tuple[int, int, int]) -> None:
    n, h, w = shape
    pictures = random_pictures(n, h, w)
    assert pictures.inside is not None
    expected = torch.where(pictures.inside, pictures.grey.clamp_min(1), 0).int()
    for byte, (down, right) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        rows = torch.arange(down, h + down).clamp_max(h - 1)
        columns = torch.arange(right, w + right).clamp_max(w - 1)
        assert torch.equal(pictures.quads >> 8 * byte & 255, expected[:, rows][:, :, columns])


def test_black_is_no_background() -> None:
    whole = dataclasses.replace(random_pictures(), inside=None)
    black = dataclasses.replace(whole, grey=torch.zeros_like(whole.grey))
    assert (black.quads == 0x01010101).all()


def test_a_half_is_the_mean_of_four_and_sees_the_same_rays() -> None:
    pictures = random_pictures(2, 7, 10)
    half = pictures.halved()
    assert half.grey.shape == (2, 3, 5) and pictures.inside is not None and half.inside is not None
    for row, column in ((0, 0), (2, 4)):
        four = (slice(None), slice(2 * row, 2 * row + 2), slice(2 * column, 2 * column + 2))
        mean = pictures.grey[four].double().mean(dim=(1, 2))
        assert (half.grey[:, row, column] - mean).abs().max() <= 0.5
        assert torch.equal(half.inside[:, row, column], pictures.inside[four].flatten(1).all(dim=1))
    ray = (torch.tensor([2.0, 1.0]) - pictures.lens[:, 2:]) / pictures.lens[:, :2]
    assert torch.allclose((torch.tensor([1.0, 0.5]) - half.lens[:, 2:]) / half.lens[:, :2], ray)
    with pytest.raises(ValueError, match="cannot be halved"):
        random_pictures(1, 1, 5).halved()


@pytest.mark.parametrize("far", [0.0, 1e6])
def test_a_plane_carries_pixels_to_where_its_points_are_seen(far: float) -> None:
    pictures = random_pictures(far=far)
    r, s = torch.tensor([[0], [2]]), torch.tensor([[1, 2, -1], [0, 1, -1]])
    A, b = pictures.pair(r, s)
    assert A.shape == (2, 3, 3, 3) and b.shape == (2, 3, 3) and A.isfinite().all() and b.isfinite().all()
    plane = torch.tensor([0.02, -0.01, 0.5], dtype=torch.float64)  # inverse depth over the picture
    lens, pose = pictures.lens.double(), pictures.cam_from_world
    for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
        one, other = int(r[i, 0]), int(s[i, j])
        for pixel in ((0.5, 0.5), (9.5, 6.5), (3.2, 4.9)):
            q = torch.tensor([*pixel, 1.0], dtype=torch.float64)
            z = 1 / (plane @ q)
            here = torch.cat([(q[:2] - lens[one, 2:]) / lens[one, :2] * z, z[None], torch.ones(1)])
            there = (pose[other] @ torch.linalg.solve(pose[one], here))[:3]
            seen = there[:2] / there[2] * lens[other, :2] + lens[other, 2:]
            carried = (A[i, j].double() + b[i, j].double()[:, None] * plane) @ q
            assert carried[2] > 0
            assert torch.allclose(carried[:2] / carried[2], seen, rtol=0, atol=1e-5 if far == 0 else 1e-3)


def test_samples_are_the_pixels_at_their_centres_and_between_them_their_mix() -> None:
    pictures = random_pictures(2, 6, 8)
    v, u = torch.meshgrid(torch.arange(6) + 0.5, torch.arange(8) + 0.5, indexing="ij")
    value, background, leaves = reference.sampled(pictures.quads, torch.tensor(1), u, v)
    assert pictures.inside is not None
    assert torch.equal(background, ~pictures.inside[1]) and not leaves.any()
    expected = torch.where(pictures.inside[1], pictures.grey[1].clamp_min(1), 0).float()
    assert torch.equal(value, expected)
    whole = dataclasses.replace(pictures, inside=None)
    value, background, _ = reference.sampled(
        whole.quads, torch.tensor(0), torch.tensor([3.0]), torch.tensor([2.0])
    )
    assert value == whole.grey[0, 1:3, 2:4].clamp_min(1).float().mean() and not background.any()
    edges = torch.tensor([-0.1, 0.0, 8.0, 8.1, math.nan])
    _, _, leaves = reference.sampled(whole.quads, torch.tensor(0), edges, torch.full((5,), 3.0))
    assert leaves.tolist() == [True, False, False, True, True]


def test_the_background_has_no_say_in_a_sample() -> None:
    inside = torch.tensor([[[True, False]]])
    pictures = StereoPictures(
        torch.tensor([[[200, 17]]], dtype=torch.uint8), torch.ones(1, 4), torch.eye(4).double()[None], inside
    )
    value, background, _ = reference.sampled(
        pictures.quads, torch.tensor(0), torch.tensor([0.5, 0.9, 1.1]), torch.tensor(0.5)
    )
    assert value.tolist() == [200.0, pytest.approx(200.0), 0.0] and background.tolist() == [
        False,
        False,
        True,
    ]


def test_a_ramp_has_no_texture() -> None:
    dy, dx = (
        t.flatten().float() for t in torch.meshgrid(torch.arange(-3, 4), torch.arange(-3, 4), indexing="ij")
    )
    ramp, noise = 100 + 5 * dx - 2 * dy, torch.randn(49, generator=torch.Generator().manual_seed(0))
    weight = torch.ones(49)
    assert reference.texture(ramp, weight, dx, dy) < 1e-3
    assert 0.3 < reference.texture(ramp + 3 * noise, weight, dx, dy) < 0.6
    row = (dy == 0).float()  # of a picture one pixel high
    assert reference.texture(ramp, row, dx, dy) < 1e-3
    assert reference.texture(ramp + 30 * noise, row, dx, dy) > 0.9


def test_costs_of_what_is_alike_and_what_is_not() -> None:
    generator = torch.Generator().manual_seed(1)
    mine = torch.rand(49, generator=generator) * 100 + 50
    weight, nowhere = torch.ones(49), torch.zeros(49, dtype=torch.bool)
    one, half = torch.tensor(1.0), torch.tensor(0.5)

    def cost(theirs: Tensor, background: Tensor, gain: float, kappa: Tensor) -> float:
        return float(reference.matching_cost(mine, theirs, weight, background, gain, kappa))

    assert cost(mine, nowhere, 1.0, half) == pytest.approx(0.0, abs=1e-6)
    assert cost(mine / 2, nowhere, 2.0, half) == pytest.approx(0.0, abs=1e-6)
    assert cost(200 - mine, nowhere, 1.0, one) == pytest.approx(1.0, abs=1e-6)
    assert cost(mine + 10, nowhere, 1.0, one) == pytest.approx(0.0, abs=1e-6)
    assert cost(mine + 10, nowhere, 1.0, 0 * one) == pytest.approx(0.5, abs=1e-6)
    plain = [
        float(reference.matching_cost(mine, mine + away, weight, nowhere, 1.0, 0 * one, 4.0))
        for away in (3.0, -4.0, 14.0, 50.0)
    ]
    assert plain == pytest.approx([0.0, 0.0, 0.5, 1.0], abs=1e-6)
    third = torch.arange(49) % 3 == 0
    assert cost(mine, third, 1.0, half) == pytest.approx(17 / 49, abs=1e-6)
    assert cost(mine, ~nowhere, 1.0, half) == 1.0


def test_what_does_not_fit_is_named() -> None:
    pictures = random_pictures()
    for name, wrong in (
        ("grey", pictures.grey.int()), ("lens", pictures.lens[:1]), ("lens", pictures.lens * math.nan),
        ("lens", -pictures.lens), ("cam_from_world", pictures.cam_from_world.float()),
        ("cam_from_world", pictures.cam_from_world / 0), ("inside", pictures.grey),
        ("gain", torch.ones(2)), ("gain", torch.zeros(3)), ("tolerance", -1.0), ("tolerance", math.nan),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f"StereoPictures: {name} must be"):
            dataclasses.replace(pictures, **{name: wrong})
