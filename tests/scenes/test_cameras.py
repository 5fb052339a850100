from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_scenes import look_at, room_cameras

from neurfield.errors import UserError
from neurfield.scenes import Cameras
from neurfield.scenes.cameras import distort, undistort

LENS = np.array([-0.28, 0.09, 8e-4, -5e-4, -0.012])


def lens_cameras() -> Cameras:
    plain = room_cameras(4)
    distortion = np.stack([LENS, 0 * LENS, 0.5 * LENS, -0.3 * LENS])
    return Cameras(
        plain.world_from_cam, plain.fx, plain.fy, plain.cx, plain.cy, plain.width, plain.height, distortion
    )


@settings(max_examples=50, deadline=None)
@given(
    camera=st.integers(0, 3),
    u=st.floats(0, 64),
    v=st.floats(0, 48),
    z=st.floats(0.05, 50.0),
    lens=st.booleans(),
)
def test_a_point_on_a_pixels_ray_projects_back_to_that_pixel(camera, u, v, z, lens):
    cameras = lens_cameras() if lens else room_cameras(4)
    origins, directions, z_per_t = cameras.rays(np.array([camera]), np.array([[u, v]]))
    points = origins.astype(float) + directions * (z / z_per_t)[:, None]
    uv, depth = cameras.project(camera, points)
    assert uv[0] == pytest.approx([u, v], abs=2e-4 * max(1.0, 1.0 / z))
    assert depth[0] == pytest.approx(z, rel=1e-5, abs=1e-5)


def test_directions_are_unit_and_the_central_ray_is_the_optical_axis():
    cameras = room_cameras(5)
    middle = np.stack([cameras.cx, cameras.cy], axis=1)
    origins, directions, z_per_t = cameras.rays(np.arange(5), middle)
    np.testing.assert_allclose(directions, cameras.view_directions, atol=1e-6)
    np.testing.assert_allclose(origins, cameras.centers, atol=1e-6)
    np.testing.assert_allclose(z_per_t, 1.0)
    assert origins.dtype == np.float64 and directions.dtype == z_per_t.dtype == np.float32
    _, corner, z_corner = cameras.rays(np.zeros(1, int), np.zeros((1, 2)))
    assert np.linalg.norm(corner) == pytest.approx(1.0, abs=1e-6)
    assert z_corner[0] == pytest.approx(corner[0] @ cameras.view_directions[0], abs=1e-6)


def test_undistort_inverts_distort_over_a_wide_picture():
    x, y = np.random.default_rng(0).uniform(-0.8, 0.8, (2, 1000))
    lens = np.broadcast_to(LENS, (1000, 5))
    there = undistort(*distort(x, y, lens), lens)
    np.testing.assert_allclose(there, [x, y], atol=1e-8)


def test_distortion_agrees_with_the_written_formula_of_opencv():
    k1, k2, p1, p2, k3 = LENS
    x, y = 0.3, -0.2
    r2 = x * x + y * y
    radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
    expected = [
        x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
        y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
    ]
    assert np.ravel(distort(np.array([x]), np.array([y]), LENS[None])) == pytest.approx(expected, rel=1e-12)


def test_what_lies_behind_or_far_beside_a_camera_has_no_pixel():
    # With this lens a point at 80 degrees would fold back into the picture.
    cameras = lens_cameras()
    pose = cameras.world_from_cam[0]
    in_cam = np.array([[0.0, 0.0, -1.0], [5.6, 0.0, 1.0], [0.1, 0.0, 1.0]])
    uv, z = cameras.project(0, in_cam @ pose[:3, :3].T + pose[:3, 3])
    np.testing.assert_allclose(z, [-1.0, 1.0, 1.0])
    assert np.isnan(uv[:2]).any(axis=1).all() and np.isfinite(uv[2]).all()


def test_select_keeps_order_and_lens():
    cameras = lens_cameras()
    some = cameras.select(np.array([2, 0]))
    np.testing.assert_array_equal(some.world_from_cam, cameras.world_from_cam[[2, 0]])
    np.testing.assert_array_equal(some.distortion, cameras.distortion[[2, 0]])
    assert len(some) == 2


def test_a_distortion_of_zeros_is_a_pinhole():
    cameras = Cameras(np.eye(4)[None], 10.0, 10.0, 5.0, 5.0, 10, 10, np.zeros((1, 5)))
    assert cameras.distortion is None


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda pose: pose * np.nan, "NaN"),
        (lambda pose: np.diag([2.0, 2.0, 2.0, 1.0]) @ pose, "not a rotation"),
        (lambda pose: pose @ np.diag([1.0, 1.0, -1.0, 1.0]), "mirror"),
        (lambda pose: pose + np.outer([0, 0, 0, 1.0], [0, 0, 1.0, 0]), "last row"),
    ],
)
def test_a_pose_that_is_none_is_refused_by_number(spoil, says):
    good = look_at(np.zeros(3), np.array([1.0, 0.5, 0.2]))
    with pytest.raises(UserError, match=rf"camera 1.*{says}"):
        Cameras(np.stack([good, spoil(good)]), 10.0, 10.0, 5.0, 5.0, 10, 10)


def test_wrong_shapes_are_refused_by_name():
    with pytest.raises(UserError, match="world_from_cam"):
        Cameras(np.eye(4), 10.0, 10.0, 5.0, 5.0, 10, 10)
    with pytest.raises(UserError, match="fx"):
        Cameras(np.eye(4)[None], np.ones(2), 10.0, 5.0, 5.0, 10, 10)
    with pytest.raises(UserError, match="fy"):
        Cameras(np.eye(4)[None], 10.0, -10.0, 5.0, 5.0, 10, 10)
    with pytest.raises(UserError, match="pixels_uv"):
        room_cameras(2).rays(np.zeros(3, int), np.zeros((2, 2)))
