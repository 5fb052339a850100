"""The ray march: native against trying every section, and what must hold for any grid."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from neurfield import ops
from neurfield.ops.reference import ray_march as reference

BOX = [-1.0, -0.5, -0.8, 1.0, 0.7, 0.4]


def random_rays(n: int, seed: int, span: float = 1.5) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    origins = (torch.rand(n, 3, generator=generator) - 0.5) * span
    directions = torch.nn.functional.normalize(torch.randn(n, 3, generator=generator), dim=1)
    return origins, directions, torch.rand(n, generator=generator)


def random_grid(shape: tuple[int, int, int], density: float, seed: int) -> Tensor:
    """Blobs and single cells: empty bricks, full bricks and everything between."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand([-(-s // 6) for s in shape], generator=generator) < density
    fine = torch.rand(shape, generator=generator) < 0.5
    blown_up = coarse.repeat_interleave(6, 0).repeat_interleave(6, 1).repeat_interleave(6, 2)
    return (blown_up[: shape[0], : shape[1], : shape[2]] & fine).byte() * 3  # any value but 0 is occupied


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 20), st.integers(1, 33)),
    density=st.sampled_from([0.0, 0.05, 0.4, 1.0]),
    step=st.sampled_from([0.003, 0.04, 0.3]),
    max_samples=st.sampled_from([1, 7, 10_000]),
    seed=st.integers(0, 10_000),
)
def test_the_same_sections_as_trying_them_all(
    shape: tuple[int, int, int], density: float, step: float, max_samples: int, seed: int
) -> None:
    origins, directions, jitter = random_rays(20, seed)
    occupancy = random_grid(shape, density, seed)
    t_min, t_max = 0.1 * jitter, 0.5 + 2.0 * jitter
    got = ops.march_rays(origins, directions, t_min, t_max, occupancy, BOX, step, jitter, max_samples)
    precise = [t.double() for t in (origins, directions, t_min, t_max)]
    wanted = reference.march_rays(
        *precise, occupancy, torch.tensor(BOX).double(), step, jitter.double(), max_samples
    )
    # A midpoint within rounding of a cell's wall may fall on either side: compare rays whose counts agree,
    # and let hardly any disagree.
    agree = got[3][:, 1] == wanted[3][:, 1]
    assert int((~agree).sum()) <= 1
    keep_got, keep_wanted = agree[got[0]], agree[wanted[0]]
    assert torch.equal(got[0][keep_got], wanted[0][keep_wanted])
    for mine, exact in zip(got[1:3], wanted[1:3]):
        torch.testing.assert_close(mine[keep_got].double(), exact[keep_wanted], rtol=0, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_what_is_kept_is_packed_within_bounds_and_occupied(seed: int) -> None:
    origins, directions, jitter = random_rays(50, seed)
    occupancy = random_grid((16, 9, 24), 0.3, seed)
    t_min, t_max, step = 0.2 * jitter, 0.3 + 2 * jitter, 0.02
    rays, starts, ends, info = ops.march_rays(
        origins, directions, t_min, t_max, occupancy, BOX, step, jitter, 40
    )
    assert torch.equal(ops.pack_info(rays, 50), info)
    assert int(info[:, 1].max()) <= 40
    middle = 0.5 * (starts + ends)
    assert (middle >= t_min[rays] - 1e-6).all() and (middle <= t_max[rays] + 1e-6).all()
    torch.testing.assert_close(ends - starts, torch.full_like(starts, step), rtol=0, atol=1e-6)
    phase = (starts - t_min[rays]) / step - jitter[rays]
    torch.testing.assert_close(phase, phase.round(), rtol=0, atol=2e-3)
    low, high = torch.tensor(BOX).view(2, 3)
    points = origins[rays] + middle[:, None] * directions[rays]
    place = (points - low) / (high - low) * torch.tensor(occupancy.shape)
    # The cell, or with a hair of rounding the one beside it.
    found = torch.zeros(len(rays), dtype=torch.bool)
    for hair in (-1e-4, 1e-4):
        cell = (place + hair).long().clamp_min(0).minimum(torch.tensor(occupancy.shape) - 1)
        found |= occupancy[tuple(cell.unbind(1))] > 0
    assert found.all()


def test_a_full_grid_is_sampled_without_gaps_and_an_empty_one_not_at_all() -> None:
    origins, directions, jitter = random_rays(64, 3, span=0.5)
    near, far = ops.ray_box(origins, directions, BOX)
    full = torch.ones(20, 12, 12, dtype=torch.uint8)
    rays, starts, ends, _ = ops.march_rays(origins, directions, near, far, full, BOX, 0.01, jitter, 10_000)
    same_ray = rays[1:] == rays[:-1]
    assert torch.equal(starts[1:][same_ray], ends[:-1][same_ray])
    covered = torch.zeros(64).index_add(0, rays, ends - starts)
    assert ((far - near) - covered).abs().max() <= 0.021  # at either end up to a step
    none = ops.march_rays(origins, directions, near, far, full * 0, BOX, 0.01, jitter, 10_000)
    assert none[0].numel() == 0 and torch.equal(none[3], torch.zeros(64, 2, dtype=torch.int64))


def test_rays_along_axes_and_inside_walls() -> None:
    occupancy = torch.zeros(8, 8, 8, dtype=torch.uint8)
    occupancy[:, 4, 4] = 1
    box = [0.0, 0.0, 0.0, 8.0, 8.0, 8.0]
    origins = torch.tensor(
        [[-1.0, 4.5, 4.5], [9.0, 4.5, 4.5], [-1.0, 3.5, 4.5], [-1.0, 9.0, 4.5], [4.5, 4.5, -2.0]]
    )
    directions = torch.tensor([[1.0, 0, 0], [-1.0, 0, 0], [1.0, 0, 0], [1.0, 0, 0], [0, 0, 2.0]])
    t_min, t_max, jitter = torch.zeros(5), torch.full((5,), 100.0), torch.zeros(5)
    _, starts, _, info = ops.march_rays(origins, directions, t_min, t_max, occupancy, box, 0.5, jitter, 1000)
    assert info[:, 1].tolist() == [16, 16, 0, 0, 1]
    assert starts[0] == 1.0 and starts[-1] == 3.0  # t counts in lengths of the direction


def test_empty_stretches_and_no_rays() -> None:
    occupancy = torch.ones(4, 4, 4, dtype=torch.uint8)
    origins, directions, jitter = random_rays(6, 1)
    t_min = torch.tensor([0.0, 1.0, 2.0, float("inf"), 0.0, float("nan")])
    t_max = torch.tensor([0.0, 0.5, 2.0, float("inf"), float("-inf"), 1.0])
    rays, *_ = ops.march_rays(origins, directions, t_min, t_max, occupancy, BOX, 0.1, jitter, 100)
    assert rays.numel() == 0
    nothing = torch.empty(0, 3), torch.empty(0, 3), torch.empty(0), torch.empty(0)
    rays, starts, ends, info = ops.march_rays(*nothing, occupancy, BOX, 0.1, torch.empty(0), 100)
    assert rays.shape == starts.shape == ends.shape == (0,) and info.shape == (0, 2)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_ray_that_is_no_ray_has_no_sections(value: float, dtype: torch.dtype) -> None:
    occupancy = torch.ones(4, 4, 4, dtype=torch.uint8)
    origins, directions, jitter = (t.to(dtype) for t in random_rays(9, 1))
    t_min, t_max = torch.zeros(9, dtype=dtype), torch.full((9,), 5.0, dtype=dtype)
    rest = torch.tensor([6, 7, 8])
    how = (occupancy, BOX, 0.1)
    alone = ops.march_rays(*(t[rest] for t in (origins, directions, t_min, t_max)), *how, jitter[rest], 100)
    origins[0, 1] = directions[1, 2] = t_min[2] = jitter[3] = value
    origins[4] = directions[5] = value
    rays, starts, ends, info = ops.march_rays(origins, directions, t_min, t_max, *how, jitter, 100)
    if value < 0.0:  # a lattice that begins before all time has no sections either
        assert info[2, 1] == 0
    assert info[:6, 1].tolist() == [0] * 6 and torch.equal(rays, rest[alone[0]])
    assert torch.equal(starts, alone[1]) and torch.equal(ends, alone[2])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_box_of_no_numbers_is_refused(value: float) -> None:
    occupancy = torch.ones(2, 2, 2, dtype=torch.uint8)
    one, t = torch.ones(1, 3), torch.zeros(1)
    with pytest.raises(ValueError, match="box"):
        ops.march_rays(one, one, t, t + 1.0, occupancy, [0.0, 0.0, 0.0, 1.0, 1.0, value], 0.1, t, 10)


def test_box_as_entry_and_exit() -> None:
    origins, directions, _ = random_rays(300, 5, span=4.0)
    directions[:50, 0] = 0.0
    near, far = ops.ray_box(origins, directions, BOX)
    low, high = torch.tensor(BOX).view(2, 3)
    hit = near <= far
    assert 0 < int(hit.sum()) < 300
    for t in (near, far):
        points = origins[hit] + t[hit, None] * directions[hit]
        assert (points >= low - 1e-5).all() and (points <= high + 1e-5).all()
    along = torch.linspace(0, 6, 400)
    points = origins[~hit, None] + along[:, None] * directions[~hit, None]
    assert not ((points > low) & (points < high)).all(dim=2).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"step": 0.0}, "step: must be positive"),
        ({"box": [0, 0, 0, 1, 1, 0]}, "box: must be six numbers"),
        ({"occupancy": torch.zeros(4, 4, 4)}, "occupancy: must be uint8"),
        ({"t_min": torch.zeros(3)}, "t_min"),
        ({"directions": torch.zeros(4, 2)}, "directions"),
    ],
)
def test_wrong_arguments_are_named(change: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {
        "origins": torch.zeros(4, 3), "directions": torch.ones(4, 3),
        "t_min": torch.zeros(4), "t_max": torch.ones(4),
        "occupancy": torch.ones(2, 2, 2, dtype=torch.uint8), "box": BOX,
        "step": 0.1, "jitter": torch.zeros(4),
        "max_samples": 8,
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        ops.march_rays(**{**arguments, **change})  # type: ignore[arg-type]
