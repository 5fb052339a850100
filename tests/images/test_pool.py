"""Batches cover the picture evenly, follow from seed and step alone, and keep within a budget."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurfield.images import open_image, pixel_pool
from neurfield.images.pool import HeldPixels, TilePool
from tests.images.conftest import smooth, write


def places(points: np.ndarray, longest: int) -> np.ndarray:
    """Rows and columns of pixel centres."""
    return np.rint(points * longest - 0.5).astype(int)


@pytest.mark.parametrize(("height", "width", "count"), [(33, 47, 100), (1, 1, 8), (5, 1, 2), (16, 16, 256)])
def test_each_pixel_once_a_round(height: int, width: int, count: int) -> None:
    true = smooth(height, width)
    pool = HeldPixels(true, seed=3)
    steps = -(-height * width // count)
    for turn in range(2):
        seen = np.zeros((height, width), int)
        for step in range(turn * steps, (turn + 1) * steps):
            points, values = pool.batch(step, count)
            x, y = places(points, max(width, height)).T
            np.add.at(seen, (y, x), 1)
            np.testing.assert_allclose(values, true[y, x] / 255.0, rtol=1e-6)
        assert (seen == 1).all()


def test_values_of_16_bits() -> None:
    true = smooth(4, 4, 2, bits=16)
    _, values = HeldPixels(true, 0).batch(0, 16)
    np.testing.assert_allclose(values, true.reshape(-1, 2) / 65535.0, rtol=1e-6)


def test_same_seed_and_step_same_batch() -> None:
    pools = [HeldPixels(smooth(33, 47), seed) for seed in (1, 1, 2)]
    a, b, c = (pool.batch(7, 100)[0] for pool in pools)
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


@pytest.fixture
def large(tmp_path: Path) -> tuple[Path, np.ndarray]:
    """A tiled picture, large for the budgets here."""
    true = smooth(300, 200)
    return write(tmp_path / "a.tif", true, tile=32), true


def test_a_pool_of_tiles_keeps_to_its_budget(large: tuple[Path, np.ndarray]) -> None:
    path, true = large
    source = open_image(path)
    pool = pixel_pool(source, budget=10 * 32 * 32 * 3, tile=32, count=512, steps=1000, seed=0)
    assert isinstance(pool, TilePool) and not source.held
    assert pool.slots == 10 and pool._flat.nbytes == 10 * 32 * 32 * 3
    for step in range(5):
        points, values = pool.batch(step, 512)
        x, y = places(points, 300).T
        np.testing.assert_allclose(values, true[y, x] / 255.0, rtol=1e-6)
        assert len(points) == 512
    assert pool.read == 10 + 4 * pool.exchanged  # the first fill, then what is exchanged


def test_tiles_come_in_rounds_over_the_whole_picture(large: tuple[Path, np.ndarray]) -> None:
    path, _ = large
    pool = TilePool(open_image(path), 10 * 32 * 32 * 3, 32, 1024, 70, seed=0)
    seen = set()
    for step in range(pool.tiles - pool.slots + 1):
        pool.batch(step, 1024)
        seen |= set(zip(pool._x.tolist(), pool._y.tolist()))
    assert len(seen) == pool.tiles == 7 * 10


def test_a_short_fit_still_sees_every_tile(large: tuple[Path, np.ndarray]) -> None:
    pool = TilePool(open_image(large[0]), 10 * 32 * 32 * 3, 32, 64, 6, seed=0)
    assert pool.slots + 6 * pool.exchanged >= pool.tiles


def test_a_pool_begun_in_the_middle_is_the_same(large: tuple[Path, np.ndarray]) -> None:
    def pool() -> TilePool:
        return TilePool(open_image(large[0]), 10 * 32 * 32 * 3, 32, 1024, 70, seed=0)

    running = pool()
    for step in range(90):  # beyond a round
        there = running.batch(step, 256)
    for fresh in (pool().batch(89, 256), running.batch(2, 256) and running.batch(89, 256)):
        np.testing.assert_array_equal(there[0], fresh[0])
        np.testing.assert_array_equal(there[1], fresh[1])
