"""What a tracer gives, as pictures that mean what render.json says."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from neurfield.errors import UserError
from neurfield.renders.pictures import (
    WORST,
    beside,
    clay_picture,
    depth_16,
    depth_colored,
    depth_step,
    error_picture,
    normals_picture,
)
from neurfield.renders.tracers import MeshTracer
from neurfield.scenes.walks import Walk, looking

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("reach", [1e-6, 0.3, 8.0, 70.0, 5e4])
@pytest.mark.parametrize("metres", [True, False])
def test_depth_comes_back_within_half_a_step(reach, metres):
    step = depth_step(reach, metres)
    assert step >= 0.001 or not metres
    depth = np.where(
        RNG.random((20, 30)) < 0.2, 0.0, RNG.uniform(2.0 * step, max(reach, 3.0 * step), (20, 30))
    )
    back = depth_16(depth, step) * step
    assert back.shape == (20, 30) and ((back > 0) == (depth > 0)).all()
    assert np.abs(back - depth).max() <= 0.501 * step
    assert depth_step(8.0, True) == 0.001  # millimetres in a room


def test_what_is_near_is_not_nothing():
    assert depth_16(np.array([[1e-6, 0.0]]), 0.001).tolist() == [[1, 0]]


def test_near_is_warm_far_is_blue_and_nothing_white():
    near, far, none = depth_colored(np.array([[1.0, 4.0, 0.0]]), 1.0, 4.0)[0].astype(int)
    assert near[0] > near[2] and far[2] > far[0] and none.tolist() == [255] * 3


def test_normals_come_back_where_something_is():
    normal = RNG.normal(size=(5, 7, 3))
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    opacity = np.ones((5, 7))
    opacity[0] = 0.0
    picture = normals_picture({"normal": normal, "opacity": opacity})
    assert (picture[0] == 255).all()
    assert np.abs(picture[1:] / 127.5 - 1.0 - normal[1:]).max() < 1.0 / 127.0


def test_errors_are_brighter_the_larger_they_are_and_masked_ones_are_white():
    true = np.full((4, 200, 3), 100, np.uint8)
    rgb = true + np.linspace(0, 255 * WORST, 200).astype(np.uint8)[None, :, None]
    inside = np.ones((4, 200), bool)
    inside[3] = False
    picture = error_picture(rgb, true, inside)
    assert picture.shape[0] > 4 and picture.shape[1:] == (200, 3)
    brightness = picture[0].astype(int).sum(axis=-1)
    assert (np.diff(brightness) >= -3).all() and brightness[-1] > 5 * max(1, brightness[0])
    assert (picture[3] == 255).all()
    ramp = picture[4 + 8].astype(int).sum(axis=-1)  # the legend has the same colours, in the same order
    assert np.abs(ramp - brightness).max() < 25


def test_pictures_side_by_side_have_even_sides():
    assert beside([np.zeros((3, 5, 3), np.uint8), np.ones((8, 4, 3), np.uint8)]).shape == (8, 10, 3)
    assert beside([np.zeros((3, 5, 3), np.uint8)]).shape == (4, 6, 3)


def test_a_mesh_is_drawn_where_it_is():
    """A ball far from the origin: depth, normals and colours against the formula."""
    centre = np.array([4e5, 5e6, 100.0])
    ball = trimesh.creation.icosphere(5, 1.0)
    red = np.tile(np.array([[255, 0, 0, 255]], np.uint8), (len(ball.vertices), 1))
    ball = trimesh.Trimesh(ball.vertices + centre, ball.faces, vertex_colors=red, process=False)
    eye = centre - np.array([0.0, 3.0, 0.0])
    cameras = Walk(looking(eye, centre, np.array([0, 0, 1.0]))[None], 60.0, np.zeros(1)).cameras((41, 31))
    told: list[float] = []
    drawn = MeshTracer(ball)(cameras, 0, None, told.append)
    assert told[-1] == 1.0
    assert drawn["depth"][15, 20] == pytest.approx(2.0, abs=2e-3)
    assert np.allclose(drawn["normal"][15, 20], [0, -1, 0], atol=0.05)
    assert drawn["depth"][0, 0] == 0 and (drawn["rgb"][0, 0] == 255).all()
    red_part = drawn["rgb"][15, 20].astype(int)
    assert red_part[0] > 150 and red_part[1:].max() < 3
    clay = clay_picture(drawn, cameras, 0)
    assert (clay[0, 0] == 255).all() and 100 < clay[15, 20].mean() < 250
    # On its rim the sphere is seen under the angle asin(1 / 3).
    covered = (drawn["opacity"] > 0.5).sum()
    radius = cameras.fx[0] * np.tan(np.arcsin(1.0 / 3.0))
    assert covered == pytest.approx(np.pi * radius**2, rel=0.05)


def test_an_empty_mesh_is_one_line():
    with pytest.raises(UserError, match="empty"):
        MeshTracer(trimesh.Trimesh())
