"""Tiles cover a picture, and what each is off by of its own is found where they overlap."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from neurfield.priors.tiles import Strip, merge_depth, merge_normals, rotation, scale_and_shift, strip_of


@pytest.mark.parametrize(
    ("size", "tile"),
    [
        ((32, 32), (32, 32)),
        ((32, 33), (32, 32)),
        ((32, 107), (32, 32)),
        ((95, 40), (30, 40)),
        ((48, 64), (48, 32)),
    ],
)
def test_tiles_cover_all_and_overlap_by_half(size: tuple[int, int], tile: tuple[int, int]) -> None:
    strip = strip_of(size, tile)
    count = np.zeros(size, dtype=int)
    for k in range(len(strip.starts)):
        window = strip.window(k)
        assert count[window].shape == tile
        count[window] += 1
    assert count.min() == 1
    assert all(b - a <= tile[strip.axis] / 2 for a, b in zip(strip.starts, strip.starts[1:]))
    needed = 1 + np.ceil((size[strip.axis] - tile[strip.axis]) / (tile[strip.axis] / 2))
    assert len(strip.starts) == needed


def wavy(size: tuple[int, int]) -> np.ndarray:
    """A depth that varies everywhere."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    return 2.0 + np.sin(columns / 9.0) + 0.5 * np.cos(rows / 7.0) + 0.02 * columns


STRIPS = [strip_of((32, 107), (32, 32)), strip_of((95, 40), (30, 40)), strip_of((32, 32), (32, 32))]


@pytest.mark.parametrize("strip", STRIPS, ids=["beside", "above", "one"])
def test_scale_and_shift_of_each_tile_are_undone(strip: Strip) -> None:
    random = np.random.default_rng(0)
    true = wavy(strip.size)
    maps = [
        random.uniform(0.2, 3.0) * true[strip.window(k)] + random.normal() for k in range(len(strip.starts))
    ]
    merged, apart = merge_depth(strip, maps, shifted=True)
    scale, shift = np.polyfit(merged.ravel(), true.ravel(), 1)
    assert scale > 0 and np.abs(scale * merged + shift - true).max() < 2e-3 and apart < 1e-3


def test_metric_tiles_keep_their_zero() -> None:
    strip = STRIPS[0]
    true = wavy(strip.size)
    maps = [
        scale * true[strip.window(k)]
        for k, scale in zip(range(len(strip.starts)), (1.1, 0.9, 1.05, 1, 0.8, 1))
    ]
    merged, _ = merge_depth(strip, maps, shifted=False)
    assert np.ptp(np.log(merged / true)) < 1e-9


def test_what_is_wrong_in_a_part_of_a_tile_does_not_bend_it() -> None:
    strip = strip_of((32, 48), (32, 32))
    true = wavy(strip.size)
    maps = [true[strip.window(k)].copy() for k in range(2)]
    maps[0] = 0.5 * maps[0] - 1.0
    maps[0][:10, 20:] += 3.0  # a thing that this tile alone sees
    merged, apart = merge_depth(strip, maps, shifted=True)
    assert np.median(np.abs(merged - true)[12:]) < 0.01 and apart < 0.01


def test_tiles_that_do_not_fit_together_are_told() -> None:
    strip = strip_of((32, 48), (32, 32))
    random = np.random.default_rng(0)
    _, apart = merge_depth(strip, [random.random((32, 32)) for _ in range(2)], shifted=True)
    assert apart > 0.1
    _, angle = merge_normals(strip, [units(random, (32, 32)) for _ in range(2)], turned=True)
    assert angle > 45.0


def test_a_plain_overlap_keeps_the_scale() -> None:
    assert scale_and_shift(np.full(50, 2.0), np.full(50, 5.0)) == pytest.approx((1.0, 3.0))
    noise = 1e-4 * np.random.default_rng(0).normal(size=50)
    scale, _ = scale_and_shift(2.0 + noise, 5.0 - noise)
    assert 0.5 < scale < 1.5


def units(random: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    vectors = random.normal(size=(*size, 3))
    return vectors / np.linalg.norm(vectors, axis=2, keepdims=True)


@pytest.mark.parametrize("strip", STRIPS, ids=["beside", "above", "one"])
def test_turned_tiles_are_turned_back(strip: Strip) -> None:
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[: strip.size[0], : strip.size[1]] / 20.0
    true = np.stack([np.sin(columns), np.cos(columns + rows), -1.5 + 0.0 * rows], axis=2)
    true /= np.linalg.norm(true, axis=2, keepdims=True)
    turns = [Rotation.from_rotvec(0.2 * random.normal(size=3)).as_matrix() for _ in strip.starts]
    maps = [true[strip.window(k)] @ turn.T for k, turn in enumerate(turns)]
    merged, apart = merge_normals(strip, maps, turned=True)
    common, _ = Rotation.align_vectors(merged.reshape(-1, 3), true.reshape(-1, 3))
    error = np.arccos(np.clip((common.apply(true.reshape(-1, 3)) * merged.reshape(-1, 3)).sum(axis=1), -1, 1))
    assert np.degrees(error).max() < 2.5 and apart < 1.0
    as_they_are, _ = merge_normals(strip, [true[strip.window(k)] for k in range(len(turns))], turned=False)
    np.testing.assert_allclose(as_they_are, true, atol=1e-6)


def test_no_tile_of_two_is_the_one_that_is_right() -> None:
    strip = strip_of((32, 48), (32, 32))
    rows, columns = np.mgrid[:32, :48] / 20.0
    true = np.stack([np.sin(columns), np.cos(columns + rows), -1.5 + 0.0 * rows], axis=2)
    true /= np.linalg.norm(true, axis=2, keepdims=True)
    turns = [Rotation.from_euler("y", angle).as_matrix() for angle in (0.15, -0.15)]
    maps = [true[strip.window(k)] @ turn.T for k, turn in enumerate(turns)]
    merged, _ = merge_normals(strip, maps, turned=True)
    np.testing.assert_allclose(merged, true, atol=0.02)


def test_one_wall_turns_no_tile_about_itself() -> None:
    random = np.random.default_rng(0)
    wall, again = (np.array([0.0, 0.0, -1.0]) + 0.01 * random.normal(size=(100, 3)) for _ in range(2))
    assert np.linalg.norm(Rotation.from_matrix(rotation(wall, again)).as_rotvec()) < 0.02
    leaning = again + np.array([0.0, -0.1, 0.0])
    turn = Rotation.from_matrix(rotation(wall, leaning)).as_rotvec()
    assert abs(turn[2]) < 0.02 and 0.05 < np.linalg.norm(turn) < 0.11
