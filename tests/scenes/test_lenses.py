"""Lens models against numbers of COLMAP's own (pycolmap 4.2.1, `Camera.img_from_cam`)."""

from __future__ import annotations

import numpy as np
import pytest

from neurfield.errors import UserError
from neurfield.scenes.cameras import distort
from neurfield.scenes.lenses import MODELS, Lens

# Where (0.6, -0.4, 1) lands.
COLMAP = [
    ("SIMPLE_PINHOLE", [400, 320, 240], (560.0, 80.0)),
    ("PINHOLE", [400, 420, 320, 240], (560.0, 72.0)),
    ("SIMPLE_RADIAL", [400, 320, 240, 0.03], (563.744, 77.504)),
    ("RADIAL", [400, 320, 240, -0.1, 0.02], (548.81792, 87.45472)),
    ("OPENCV", [400, 420, 320, 240, -0.1, 0.02, 0.003, -0.002], (547.24992, 81.289056)),
    ("OPENCV_FISHEYE", [400, 420, 320, 240, 0.03, -0.02, 0.01, -0.004], (529.836209, 93.114653)),
    (
        "FULL_OPENCV",
        [400, 420, 320, 240, -0.1, 0.02, 0.003, -0.002, 0.01, 0.05, -0.02, 0.01],
        (542.654906, 84.505566),
    ),
    ("FOV", [400, 420, 320, 240, 0.9], (545.019261, 82.486518)),
    ("SIMPLE_RADIAL_FISHEYE", [400, 320, 240, 0.05], (531.988604, 98.674264)),
    ("RADIAL_FISHEYE", [400, 320, 240, 0.05, -0.03], (531.038271, 99.307819)),
    (
        "THIN_PRISM_FISHEYE",
        [400, 420, 320, 240, 0.03, -0.02, 0.003, -0.002, 0.01, -0.004, 0.005, -0.006],
        (529.439887, 93.228146),
    ),
    (
        "RAD_TAN_THIN_PRISM_FISHEYE",
        [400, 420, 320, 240, 3e-2, -2e-2, 1e-2, -4e-3, 2e-3, -1e-3, 3e-3, -2e-3, 5e-3, -6e-3, 7e-3, -8e-3],
        (531.686084, 92.748545),
    ),
    ("SIMPLE_DIVISION", [400, 320, 240, -0.1], (548.670461, 87.553026)),
    ("DIVISION", [400, 420, 320, 240, -0.1], (548.670461, 79.930677)),
    ("SIMPLE_FISHEYE", [400, 320, 240], (527.930656, 101.379563)),
    ("FISHEYE", [400, 420, 320, 240], (527.930656, 94.448541)),
    ("EUCM", [400, 420, 320, 240, 0.6, 1.1], (528.283334, 94.201666)),
]


@pytest.mark.parametrize(("model", "parameters", "pixel"), COLMAP, ids=[row[0] for row in COLMAP])
def test_a_point_lands_where_colmap_puts_it(model, parameters, pixel):
    lens = Lens.of(model, np.array(parameters, dtype=float), "cameras.txt")
    at = lens.pixels(np.array([0.6]), np.array([-0.4]))
    np.testing.assert_allclose(np.ravel(at), pixel, atol=1e-5)
    middle = lens.pixels(np.zeros(1), np.zeros(1))
    np.testing.assert_allclose(np.ravel(middle), [320.0, 240.0])


def test_every_model_is_held_to_colmap():
    assert {row[0] for row in COLMAP} == set(MODELS)


@pytest.mark.parametrize(("model", "parameters", "pixel"), COLMAP, ids=[row[0] for row in COLMAP])
def test_five_numbers_stand_for_a_lens_only_where_they_are_all_of_it(model, parameters, pixel):
    lens = Lens.of(model, np.array(parameters, dtype=float), "cameras.txt")
    five = lens.five()
    if five is None:
        assert "FISHEYE" in model or model in ("FULL_OPENCV", "FOV", "EUCM", "SIMPLE_DIVISION", "DIVISION")
        return
    x, y = distort(np.array([0.6]), np.array([-0.4]), np.array([five]))
    np.testing.assert_allclose([x[0] * lens.fx + 320, y[0] * lens.fy + 240], pixel, atol=1e-5)


def test_an_unknown_model_or_a_lost_number_is_one_line():
    with pytest.raises(
        UserError, match=r"cameras.txt:3: camera model EQUIRECTANGULAR is not read.*undistort"
    ):
        Lens.of("EQUIRECTANGULAR", np.array([640.0, 480.0]), "cameras.txt:3")
    with pytest.raises(UserError, match="OPENCV has 7 parameters, expected 8"):
        Lens.of("OPENCV", np.ones(7), "cameras.txt:3")


@pytest.mark.parametrize(("model", "parameters"), [(model, parameters) for model, parameters, _ in COLMAP])
def test_pixels_lead_back_to_the_plane(model, parameters):
    lens = Lens.of(model, np.array(parameters, dtype=float), "here")
    x, y = np.meshgrid(np.linspace(-0.7, 0.7, 9), np.linspace(-0.5, 0.5, 7))
    back = lens.plane(*lens.pixels(x, y))
    np.testing.assert_allclose(back, [x, y], atol=1e-6)


def test_a_pixel_that_no_point_lands_on_has_no_place():
    barrel = Lens("SIMPLE_RADIAL", 400.0, 400.0, 320.0, 240.0, (-0.3,))  # reaches 0.7 at the most
    x, _ = barrel.plane(np.array([320.0 + 400.0 * 0.6, 320.0 + 400.0 * 0.9]), np.array([240.0, 240.0]))
    assert np.isfinite(x[0]) and np.isnan(x[1])
