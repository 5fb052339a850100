"""The poses that `benchmarks.poses` disturbs are off by what it says; nothing is fitted."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.poses import ROWS, disturbed, pixels_off
from neurfield.parts import load_config
from tests.fitting.round_scenes import CENTRE, cameras


def test_cameras_are_turned_and_moved_by_what_is_said() -> None:
    true = cameras(inside=False)
    off = disturbed(true, CENTRE, 0.5, 0.01)
    turn = off.world_from_cam[:, :3, :3] @ np.swapaxes(true.world_from_cam[:, :3, :3], 1, 2)
    angle = np.degrees(np.arccos((np.trace(turn, axis1=1, axis2=2) - 1) / 2))
    np.testing.assert_allclose(angle, 0.5, rtol=1e-6)
    distance = np.linalg.norm(true.centers - CENTRE, axis=1)
    np.testing.assert_allclose(np.linalg.norm(off.centers - true.centers, axis=1), 0.01 * distance)
    assert not np.allclose(turn[0], turn[1]), "each its own way"


def test_how_far_points_land_is_in_pixels() -> None:
    true = cameras(inside=False)
    assert pixels_off(true, true, CENTRE[None]) == 0.0
    aside = true.world_from_cam.copy()
    aside[:, :3, 3] += 0.04 * aside[:, :3, 0]  # to the right by a hundredth of the distance
    moved = type(true)(aside, true.fx, true.fy, true.cx, true.cy, true.width, true.height)
    assert pixels_off(moved, true, CENTRE[None]) == pytest.approx(0.34, rel=0.05)


def test_its_rows_are_methods_that_there_are() -> None:
    kept = {words: load_config("neus", overrides=overrides).one("poses") for words, overrides in ROWS.items()}
    assert [part is not None for part in kept.values()] == [False, False, True, False]
