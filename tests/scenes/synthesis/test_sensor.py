"""Sensor depth: the noise it promises, the holes, the edges."""

from __future__ import annotations

import numpy as np
import pytest

from neurfield.scenes.synthesis.sensor import HOLES, edges, measure, sigma

SHAPE = (170, 300)
FACING = np.broadcast_to(np.array([0.0, 0.0, -1.0]), (*SHAPE, 3))
BRIGHT = np.full(SHAPE, 0.7)


def plane(slope: float = 0.0, z: float = 2.0) -> np.ndarray:
    """Depth of a plane that recedes to the right."""
    u = (np.arange(SHAPE[1]) + 0.5 - SHAPE[1] / 2) / (SHAPE[1] / 2)
    return np.broadcast_to(z / (1 - slope * u), SHAPE).astype(np.float32)


@pytest.mark.parametrize("z", [0.6, 1.5, 3.0, 5.0])
def test_noise_grows_with_distance_as_stated(z: float) -> None:
    depth = plane(z=z)
    noisy = measure(depth, FACING, BRIGHT, np.random.default_rng(0))
    off = (noisy - depth)[noisy > 0]
    assert off.std() == pytest.approx(0.0012 + 0.0019 * (z - 0.4) ** 2, rel=0.03)
    assert abs(off.mean()) < 4 * sigma(np.array(z)) / len(off) ** 0.5


def test_two_percent_are_holes_and_holes_are_blobs() -> None:
    holes = measure(plane(), FACING, BRIGHT, np.random.default_rng(1)) == 0
    assert holes.mean() == pytest.approx(HOLES, abs=0.001)
    beside = holes[:, 1:] & holes[:, :-1]
    assert beside.sum() > 0.6 * holes.sum(), (
        "single lost pixels would have a lost neighbour in 2 % of all cases"
    )


def test_dark_and_grazing_surfaces_are_lost_first() -> None:
    half = np.arange(SHAPE[1]) < SHAPE[1] // 2
    dark = np.where(half, 0.02, 0.8) * np.ones(SHAPE)
    lost = measure(plane(), FACING, dark, np.random.default_rng(2)) == 0
    assert lost[:, half].mean() > 3 * lost[:, ~half].mean()
    tilted = np.where(half[None, :, None], [0.95, 0.0, -0.31], [0.0, 0.0, -1.0]) * np.ones((*SHAPE, 1))
    lost = measure(plane(), tilted, BRIGHT, np.random.default_rng(3)) == 0
    assert lost[:, half].mean() > 3 * lost[:, ~half].mean()


def test_both_sides_of_a_jump_are_dropped() -> None:
    depth = plane().copy()
    depth[:, 150:] = 3.0
    assert edges(depth)[:, 149:151].all()
    assert not edges(depth)[:, :145].any() and not edges(depth)[:, 156:].any()
    assert (measure(depth, FACING, BRIGHT, np.random.default_rng(4))[:, 149:151] == 0).all()


@pytest.mark.parametrize("slope", [0.3, 0.9, 0.98])
def test_a_slanted_wall_is_no_edge(slope: float) -> None:
    assert not edges(plane(slope)).any()


def test_what_is_not_there_is_not_measured() -> None:
    depth = plane().copy()
    depth[50:60] = 0
    assert (measure(depth, FACING, BRIGHT, np.random.default_rng(5))[50:60] == 0).all()
    assert (measure(np.zeros(SHAPE, np.float32), FACING, BRIGHT, np.random.default_rng(6)) == 0).all()
