"""Lenses whose focal lengths differ, and whose middle is not the picture's."""

from __future__ import annotations

import numpy as np
import pytest

from neurfield.scenes import Cameras

LENS = Cameras(np.eye(4)[None], 40.0, 55.0, 30.0, 21.0, 64, 48)


def test_a_point_falls_where_the_formula_says() -> None:
    uv, z = LENS.project(0, np.array([[0.2, -0.1, 2.0], [0.0, 0.0, 0.5]]))
    np.testing.assert_allclose(uv, [[30.0 + 40.0 * 0.1, 21.0 - 55.0 * 0.05], [30.0, 21.0]])
    np.testing.assert_allclose(z, [2.0, 0.5])


def test_a_pixels_ray_passes_where_the_formula_says() -> None:
    origins, directions, z_per_t = LENS.rays(np.array([0]), np.array([[38.0, 10.0]]))
    expected = np.array([8.0 / 40.0, -11.0 / 55.0, 1.0])
    np.testing.assert_allclose(directions[0] / directions[0, 2], expected, rtol=1e-6)
    assert z_per_t[0] == pytest.approx(1.0 / np.linalg.norm(expected), rel=1e-6)
    assert not origins.any()
