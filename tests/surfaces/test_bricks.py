"""Bricks: the mesh of one, bit for bit, within a memory, or a line that says what would do."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.surfaces import extract_level_set, memory
from neurfield.surfaces.bricks import Bricks
from neurfield.surfaces.level_set import _begun
from neurfield.surfaces.memory import bricks_within, in_words, peak_bytes, read_memory, resident_bytes

BOX = np.array([[-1.0, -1.1, -0.9], [1.0, 1.2, 1.0]])


def sphere(points: Tensor) -> Tensor:
    return points.norm(dim=1) - 0.7


def waves(points: Tensor) -> Tensor:
    """A surface all over the box that leaves it on all sides."""
    generator = torch.Generator().manual_seed(3)
    directions = torch.randn(12, 3, generator=generator)
    directions *= 7.0 / directions.norm(dim=1, keepdim=True)
    phase = torch.rand(12, generator=generator) * 2 * math.pi
    return torch.sin(points @ directions.T + phase).mean(dim=1) / 2.0


def rough(points: Tensor) -> Tensor:
    """Values of whole lattice points without any order, a tenth of them at the level: every case there is."""
    n = points.double().round().long()
    hashed = (n[:, 0] * 73856093 ^ n[:, 1] * 19349663 ^ n[:, 2] * 83492791) % 1000003
    values = hashed.double() / 500001.5 - 1.0
    return torch.where(hashed % 10 == 0, 0.0, values).float()


def begun(field: Any, box: np.ndarray, voxel: float, lipschitz: float = 1.25) -> Bricks:
    return _begun(field, box, voxel, 0.0, lipschitz, 5000, None, "cpu")[1]


def cut(bricks: Bricks, *at: int) -> tuple[np.ndarray, np.ndarray]:
    places = [0, *at, bricks.cubes[0]]
    return bricks.surface(list(pairwise(places)))


@pytest.mark.parametrize("field", [sphere, waves])
@pytest.mark.parametrize("at", [(8,), (16, 40), tuple(range(8, 80, 8))])
def test_in_bricks_it_is_the_same_mesh(field: Any, at: tuple[int, ...]) -> None:
    whole = cut(begun(field, BOX, 0.025))
    parts = cut(begun(field, BOX, 0.025), *at)
    assert np.array_equal(whole[0], parts[0]) and np.array_equal(whole[1], parts[1])


def test_also_where_every_cube_is_ambiguous_and_values_are_the_level() -> None:
    box = np.array([[0.0] * 3, [21.0, 11.0, 13.0]])
    whole = cut(begun(rough, box, 1.0, math.inf))
    for at in ((8,), (16,), (8, 16)):
        parts = cut(begun(rough, box, 1.0, math.inf), *at)
        assert np.array_equal(whole[0], parts[0]) and np.array_equal(whole[1], parts[1])
    lattice_edges = (np.abs(whole[0] - np.rint(whole[0])) > 0).sum(axis=1)
    assert (lattice_edges > 1).any()  # vertices inside of cubes were made


def test_a_surface_that_one_brick_alone_knows_of_is_followed_into_the_others() -> None:
    # The field is known to the first brick alone: in the others no block near the surface is told.
    bricks = begun(sphere, BOX, 0.05)
    whole = cut(begun(sphere, BOX, 0.05))
    middles, values = bricks.near
    known = middles[:, 0] < 16
    assert known.any() and not known.all()
    bricks.near = middles[known], values[known]
    parts = cut(bricks, 16, 24)
    assert np.array_equal(whole[0], parts[0]) and np.array_equal(whole[1], parts[1])


def test_bricks_are_planned_for_the_memory() -> None:
    layers = np.array([10, 200, 200, 10, 10, 200, 300])
    one = bricks_within(layers, 53, 1e12, 0.0)
    assert one == [(0, 53)]
    fixed, _ = _reckoned(layers)
    many = bricks_within(layers, 53, fixed + 520 * memory._BLOCK_BYTES, 0.0)
    assert len(many) > 1 and many[0][0] == 0 and many[-1][1] == 53
    assert all(a[1] == b[0] and a[1] % 8 == 0 for a, b in pairwise(many))
    beside = np.append(layers[1:], 0)
    for begin, end in many:
        last = -(-end // 8) - 1
        assert layers[begin // 8 : last + 1].sum() + beside[last] <= 520
    assert bricks_within(np.zeros(4, dtype=int), 30, 1e9, 0.0) == [(0, 30)]


def _reckoned(layers: np.ndarray) -> tuple[float, float]:
    vertices = memory._VERTICES * layers.sum()
    fixed = memory._AT_ONCE + memory._LOOK_BYTES * layers.sum() + memory._WELDED_BYTES * vertices
    return fixed, memory._FINISHED_BYTES * vertices


def test_too_little_memory_says_what_would_do() -> None:
    layers = np.full(200, 5000)
    with pytest.raises(
        UserError, match=r"memory 1 GB: a mesh of about 44 million vertices needs (\d+) GB"
    ) as told:
        bricks_within(layers, 1600, 1e9, 2e8)
    need = float(str(told.value).split("needs ")[1].split(" GB")[0]) * 1e9
    assert bricks_within(layers, 1600, 1.1 * need, 2e8)
    assert "times as large" in str(told.value) and "\n" not in str(told.value)
    with pytest.raises(UserError) as told:
        bricks_within(layers, 1600, 1e8, 2e8)
    assert "times as large" not in str(told.value)


def test_extraction_keeps_within_a_memory_with_the_same_mesh() -> None:
    free = extract_level_set(sphere, BOX, 0.02)
    bound = extract_level_set(sphere, BOX, 0.02, memory=resident_bytes() + 2e9)
    assert np.array_equal(free[0], bound[0]) and np.array_equal(free[1], bound[1])
    with pytest.raises(UserError, match="memory"):
        extract_level_set(sphere, BOX, 0.02, memory=1e6)


@pytest.mark.parametrize(
    ("text", "size"), [("4GB", 4e9), ("500 MB", 5e8), ("2GiB", 2.0**31), ("1.5g", 1.5e9), (3e9, 3e9)]
)
def test_memory_as_people_write_it(text: str | float, size: float) -> None:
    assert read_memory(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1GB", "0", "4XB", "1e99GB"])
def test_what_is_no_memory(text: str) -> None:
    with pytest.raises(UserError, match="4GB"):
        read_memory(text)


def test_sizes_of_the_process() -> None:
    assert 1e7 < resident_bytes() <= 1.05 * peak_bytes() and in_words(4.2e9) == "4.2 GB"
