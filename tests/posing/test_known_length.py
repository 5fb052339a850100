"""A length that somebody measured, as it is typed."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from neurfield.errors import UserError
from neurfield.posing.known_length import parse_length, photos_meant, scale_of
from neurfield.posing.pictures import Picture


def test_two_photos_and_their_distance():
    length = parse_length("IMG_1 IMG_9.JPG 0.52")
    assert length.names == ("IMG_1", "IMG_9.JPG") and length.metres == 0.52 and length.pixels is None
    assert photos_meant(length, ["img_9", "IMG_1", "IMG_2"]) == (1, 0)


def test_two_points_in_two_photos():
    length = parse_length("a 120,340 880,350.5 b 300,310 990,420 0.258")
    assert length.names == ("a", "b") and length.metres == 0.258
    np.testing.assert_array_equal(length.pixels, [[[120, 340], [880, 350.5]], [[300, 310], [990, 420]]])


@pytest.mark.parametrize(
    "text",
    [
        "", "0.5", "a b", "a b c", "a b -1", "a b 0", "a b nan", "a b inf", "a b 1 2", "a a 0.5",
        "a 1,2 3,4 b 5,6 7 0.2", "a 1,2 3,4 b 5,6 7,8 x",
    ],
)  # fmt: skip
def test_what_is_neither_is_one_line_with_the_form(text):
    with pytest.raises(UserError, match="PHOTO PHOTO METRES"):
        parse_length(text)


def test_a_photo_that_is_not_there_is_named_with_the_nearest():
    with pytest.raises(UserError, match=r"no photo 'IMG_12'.*did you mean 'IMG_1[01]'"):
        photos_meant(parse_length("IMG_12 IMG_10 1"), ["IMG_10", "IMG_11"])


def view(center):
    """What COLMAP says of a picture of 320x240 that looks along z from a place, of focal length 300."""
    center = np.array(center)

    def seen(point):
        x, y, z = point - center
        return np.array([300.0 * x / z + 160.0, 300.0 * y / z + 120.0])

    camera = SimpleNamespace(cam_from_img=lambda uv: np.array([(uv[0] - 160) / 300, (uv[1] - 120) / 300]))
    pose = SimpleNamespace(rotation=SimpleNamespace(matrix=lambda: np.eye(3)))
    return SimpleNamespace(
        camera=camera, cam_from_world=lambda: pose, projection_center=lambda: center, project_point=seen
    )


@pytest.mark.parametrize("factor", [1, 4])
def test_pixels_are_those_of_the_photo_however_small_its_picture_is(factor):
    views = {"a.jpg": view([0.0, 0.0, 0.0]), "b.jpg": view([1.0, 0.0, 0.0])}
    full = (320 * factor, 240 * factor)
    pictures = [Picture(n, f"{n}.jpg", (320, 240), full, None, "", 0.5) for n in "ab"]
    ends = np.array([[-0.5, 0.3, 4.0], [0.7, 0.3, 4.0]])
    words = []
    for name, one in zip("ab", views.values()):
        words += [name, *("{:.3f},{:.3f}".format(*(factor * one.project_point(end))) for end in ends)]
    length = parse_length(" ".join([*words, "0.6"]))
    assert scale_of(length, pictures, views) == pytest.approx(0.5, rel=1e-3)
