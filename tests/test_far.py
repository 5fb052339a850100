"""Where float32 is enough, and what is done where it is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurfield.errors import UserError
from neurfield.far import local_origin, read_shift, shift_file, write_shift

UTM = np.array([552345.25, 5412345.5, 312.0])
POINTS = np.random.default_rng(0).uniform(-1.0, 1.0, (100, 3))


@pytest.mark.parametrize("size", [1e-3, 1.0, 300.0])
def test_near_points_need_no_origin_and_far_ones_get_one_in_their_midst(size: float) -> None:
    assert not local_origin(size * (POINTS + 5.0)).any()
    for far in (UTM, np.array([4.1e6, -0.6e6, 4.8e6])):
        points = size * POINTS + far
        origin = local_origin(points)
        back = (points - origin).astype(np.float32) + origin
        assert np.abs(back - points).max() < 1e-6 * size + 1e-9
        assert np.abs(origin - far).max() <= size


def test_the_shift_is_the_same_when_read_back(tmp_path: Path) -> None:
    path = tmp_path / "mesh.stl"
    assert not read_shift(path).any()
    write_shift(path, UTM + 1e-3)
    np.testing.assert_array_equal(read_shift(path), UTM + 1e-3)
    write_shift(path, np.zeros(3))
    assert not list(tmp_path.iterdir()), "an earlier mesh's shift would move the next one"
    shift_file(path).write_text("1 2")
    with pytest.raises(UserError, match="three numbers"):
        read_shift(path)
