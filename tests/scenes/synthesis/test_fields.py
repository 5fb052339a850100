"""Random fields: as strong and as smooth as they say."""

from __future__ import annotations

import numpy as np
import pytest

from neurfield.scenes.synthesis.fields import blur, per_segment, smooth_noise, solve_rising


@pytest.mark.parametrize("scale", [3.0, 20.0, 200.0])
def test_deviation_is_one_over_many_fields(scale: float) -> None:
    fields = np.stack([smooth_noise((60, 90), scale, np.random.default_rng(seed))[0] for seed in range(150)])
    assert fields.dtype == np.float32 and fields.shape == (150, 60, 90)
    assert fields.std(axis=0).mean() == pytest.approx(1, abs=0.08)
    assert np.abs(fields.mean(axis=0)).mean() < 0.15


@pytest.mark.parametrize("scale", [6.0, 24.0, 96.0])
def test_neighbours_are_alike_and_far_pixels_are_not(scale: float) -> None:
    fields = np.concatenate([smooth_noise((64, 400), scale, np.random.default_rng(s), 3) for s in range(20)])

    def likeness(shift: int) -> float:
        return float((fields[:, :, shift:] * fields[:, :, :-shift]).mean())

    assert likeness(max(1, round(scale / 12))) > 0.95
    assert 0.1 < likeness(round(scale)) < 0.8
    assert abs(likeness(round(3 * scale))) < 0.15


def test_each_segment_has_one_value() -> None:
    segment = np.array([[-1, 0, 0], [3, 3, 0]])
    values = per_segment(segment, 2, np.random.default_rng(0))
    assert values.shape == (2, 3, 2)
    assert np.array_equal(values[0, 1], values[1, 2]) and np.array_equal(values[1, 0], values[1, 1])
    assert len(np.unique(values[..., 0])) == 3


def test_blur_keeps_the_mean_of_an_even_image() -> None:
    image = np.zeros((41, 41))
    image[20, 20] = 1
    assert blur(image, 2.0).sum() == pytest.approx(1, abs=1e-6)
    assert np.allclose(blur(np.full((9, 9, 3), 4.0), 2.0), 4)


def test_the_root_of_a_rising_function() -> None:
    assert solve_rising(lambda x: x**2, 0.09, 1.0, rounds=20) == pytest.approx(0.3, abs=1e-5)
    assert solve_rising(lambda x: x, 5.0, 1.0, rounds=20) == pytest.approx(1, abs=1e-5)
    assert solve_rising(lambda x: x + 1, 0.5, 1.0, rounds=20) == pytest.approx(0, abs=1e-5)
