"""What a view can be asked, of a field and a surface that are known."""

from __future__ import annotations

import numpy as np
import pytest

from neurfield.errors import UserError
from neurfield.viewer.layers import Triangles
from neurfield.viewer.session import Session
from tests.viewer.balls import RADIUS, ball_content, fitted_ball

UTM = np.array([552345.0, 5412345.0, 312.0])


@pytest.mark.parametrize("center", [np.zeros(3), UTM])
def test_values_are_world_lengths_wherever_the_world_lies(center: np.ndarray) -> None:
    content = ball_content(center)
    session = Session(content, fitted_ball(center))
    middle = center - content.origin
    values = session.value_at(middle + np.array([[0, 0, 0], [1.5, 0, 0], [0, -1, 0], [2.5, 0, 0]]))
    np.testing.assert_allclose(values[:3], [-RADIUS, 0.5, 0.0], atol=1e-5)
    assert np.isnan(values[3])  # beyond the box nothing is known
    assert len(session.value_at(np.zeros((0, 3)))) == 0


def test_values_without_a_sign_are_not_negative() -> None:
    session = Session(ball_content(), fitted_ball(unsigned=True))
    assert session.unsigned
    assert session.value_at(np.zeros((1, 3)))[0] == pytest.approx(RADIUS)
    scale = session.slice(2, 0.0, 32).scale
    assert scale is not None and scale.low == 0.0 and not scale.two_sided


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_slice_lies_where_it_is_shown(axis: int) -> None:
    """The dark line of the zero is at the ball's outline, and pictures are the right way round."""
    fitted = fitted_ball(np.array([0.2, 0.1, -0.1]))
    session = Session(ball_content(), fitted)
    offset = float(fitted.box[0][axis] + 2.0 * RADIUS)
    pictures = session.slice(axis, offset, 101)
    (image,), (quad,) = pictures.images, pictures.quads
    assert image.shape == (101, 101, 3)
    assert np.ptp(quad, axis=0)[axis] == pytest.approx(0.0)
    down, right = quad[3] - quad[0], quad[1] - quad[0]
    assert down[1 if axis == 2 else 2] < 0  # up is up
    places = quad[0] + (np.arange(101)[:, None, None] + 0.5) / 101 * down
    places = places + (np.arange(101)[None, :, None] + 0.5) / 101 * right
    distance = np.abs(session.value_at(places.reshape(-1, 3)).reshape(101, 101))
    dark = image.max(axis=2) < 60
    assert dark.any() and distance[dark].max() < 2 * 4.0 / 101
    blue = image[..., 2].astype(int) - image[..., 0] > 30
    middle = np.zeros((101, 101), bool)
    middle[50, 50] = True
    assert blue[middle].all() and not blue[0].any()  # inside is blue, outside is not


def test_a_slice_beyond_the_box_is_brought_to_its_side() -> None:
    session = Session(ball_content(), fitted_ball())
    assert session.slice(0, 99.0, 16).quads[0, :, 0] == pytest.approx(2.0)


@pytest.mark.parametrize("level", [-0.3, 0.0, 0.25])
def test_other_levels_are_larger_and_smaller_balls(level: float) -> None:
    session = Session(ball_content(), fitted_ball())
    found = session.surface(level, 0.1)
    np.testing.assert_allclose(np.linalg.norm(found.vertices, axis=1), RADIUS + level, atol=5e-3)
    radial = found.vertices / np.linalg.norm(found.vertices, axis=1, keepdims=True)
    assert np.einsum("ki,ki->k", radial, found.normals).min() > 0.99


def test_levels_of_a_field_without_a_sign_are_around_it() -> None:
    session = Session(ball_content(), fitted_ball(unsigned=True))
    at_zero = np.linalg.norm(session.surface(0.0, 0.1).vertices, axis=1)
    np.testing.assert_allclose(at_zero, RADIUS, atol=0.02)
    around = np.linalg.norm(session.surface(0.3, 0.1).vertices, axis=1)
    np.testing.assert_allclose(np.abs(around - RADIUS), 0.3, atol=0.02)
    assert (around > RADIUS).any() and (around < RADIUS).any()


def test_a_level_that_is_nowhere_says_so() -> None:
    with pytest.raises(UserError, match=r"no place with the value -1\.5 m"):
        Session(ball_content(), fitted_ball()).surface(-1.5, 0.1)


def test_a_click_meets_the_surface_and_knows_field_and_truth() -> None:
    session = Session(ball_content(UTM, truth=1.1), fitted_ball(UTM))
    middle = UTM - session.content.origin
    hit = session.pick(middle + np.array([5.0, 0, 0]), np.array([-2.0, 0, 0]))
    assert hit is not None
    np.testing.assert_allclose(hit.world, UTM + np.array([RADIUS, 0, 0]), atol=2e-3)
    np.testing.assert_allclose(hit.normal, [1, 0, 0], atol=0.1)
    assert hit.value == pytest.approx(0.0, abs=5e-3) and hit.error == pytest.approx(0.1, abs=5e-3)
    assert "truth" in hit.words("m") and "cm" in hit.words("m")
    assert session.pick(middle + np.array([5.0, 0, 0]), np.array([1.0, 0, 0])) is None


def test_a_room_is_clicked_at_through_the_walls_that_are_not_drawn() -> None:
    for inside_out, x in ((True, -RADIUS), (False, RADIUS)):
        hit = Session(ball_content(inside_out=inside_out)).pick(np.array([5.0, 0, 0]), np.array([-1.0, 0, 0]))
        assert hit is not None and hit.point[0] == pytest.approx(x, abs=5e-3)
        assert hit.normal[0] > 0.9 and hit.value is None  # there is no field


def test_a_mesh_has_no_field_to_ask() -> None:
    session = Session(ball_content())
    assert not session.has_field
    with pytest.raises(UserError, match="no field to ask"):
        session.value_at(np.zeros((1, 3)))


def test_lengths_have_the_units_of_the_world() -> None:
    length, words = Session(ball_content()).distance(np.zeros(3), np.array([0.0, 0.03, 0.04]))
    assert length == pytest.approx(0.05) and words == "5 cm"


def test_errors_are_colours_with_a_scale() -> None:
    from neurfield.viewer.truth import error_colors

    content = ball_content(truth=1.15)
    assert content.nearest is not None and isinstance(content.surface, Triangles)
    shown = error_colors(content.surface, content.nearest, "m")
    assert shown.scale is not None and shown.scale.high == pytest.approx(0.2)
    expected = shown.scale.colors(np.array([0.15]))[0].astype(int)
    assert shown.colors is not None and np.abs(shown.colors.astype(int) - expected).max() < 12
