"""What is said of poses that were found, and of pictures that have none."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from neurfield.posing.diagnosis import Links, turned_on_the_spot, why_left, why_nothing
from neurfield.posing.gate import Points, PoseNumbers, points_of
from neurfield.posing.pictures import Picture

GOOD = PoseNumbers(registered=40, pictures=40, points=9000, error=0.6, track=4.0, angle=9.0)


def test_good_numbers_raise_no_doubt():
    assert GOOD.doubts() == []
    at_the_limit = PoseNumbers(registered=32, pictures=40, points=9, error=1.0, track=3.0, angle=3.0)
    assert at_the_limit.doubts() == []


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"registered": 31}, "only 31 of 40 pictures have a pose"),
        ({"error": 1.4}, "1.40 pixels"),
        ({"track": 2.0}, "fewer than 3 pictures (median 2)"),
        ({"angle": 1.2}, "1.2 degrees apart"),
    ],
)
def test_the_number_that_failed_is_named_in_one_line(changed, says):
    (doubt,) = replace(GOOD, **changed).doubts()
    assert says in doubt and "\n" not in doubt


def test_points_that_are_not_sure_are_left_out():
    points = Points(
        np.arange(15.0).reshape(5, 3),
        np.array([0.5, 2.5, 0.5, 0.5, 2.0]),
        np.array([4, 4, 2, 4, 3]),
        np.array([9.0, 9.0, 9.0, 1.5, 2.0]),
        np.array([11, 12, 13, 14, 15]),
    )
    np.testing.assert_array_equal(points.sure().places, points.places[[0, 4]])
    np.testing.assert_array_equal(points.sure().number, [11, 15])


def test_points_are_seen_from_as_far_apart_as_their_widest_rays():
    centres = {1: [0.0, 0.0, 0.0], 2: [1.0, 0.0, 0.0], 3: [3.0, 0.0, 0.0], 4: [9.0, 0.0, 0.0]}
    images = {k: SimpleNamespace(projection_center=lambda c=c: np.array(c)) for k, c in centres.items()}

    def point(xyz, error, seen_by):
        elements = [SimpleNamespace(image_id=k) for k in seen_by]
        return SimpleNamespace(xyz=np.array(xyz), error=error, track=SimpleNamespace(elements=elements))

    model = SimpleNamespace(
        images=images, reg_image_ids=lambda: [1, 2, 3],
        points3D={7: point([0.0, 0.0, 3.0], 0.4, [1, 2, 3, 4]), 9: point([1.0, 0.0, 5.0], 0.6, [2, 2])},
    )  # fmt: skip
    points = points_of(model)
    np.testing.assert_allclose(points.angle, [45.0, 0.0], atol=1e-5)  # camera 4 has no pose
    assert points.track.tolist() == [3, 2] and points.number.tolist() == [7, 9]
    np.testing.assert_allclose(points.places, [[0.0, 0.0, 3.0], [1.0, 0.0, 5.0]])


def picture(i: int, sharpness: float = 0.5) -> Picture:
    return Picture(f"IMG_{i}", f"{i}.jpg", (320, 240), (320, 240), None, "", sharpness)


PICTURES = [picture(i) for i in range(5)]


def links(features=1000, matches=None, homographies=(), cameras=()) -> Links:
    return Links(
        {one.file: features for one in PICTURES},
        matches or {},
        np.array(homographies).reshape(-1, 3, 3),
        np.array(cameras).reshape(-1, 3),
    )


@pytest.mark.parametrize(
    ("pictures", "found", "says"),
    [
        (PICTURES, links(), "no two pictures show enough of the same"),
        (PICTURES, links(features=50), "hardly anything to be recognised in them (50 features"),
        ([picture(i, 0.05) for i in range(5)], links(features=50), "5 of 5 pictures are blurred"),
        (PICTURES, links(matches={("0.jpg", "1.jpg"): 80}), "2 of 5 pictures match others in 1 pairs"),
    ],
)
def test_why_there_is_nothing(pictures, found, says):
    assert says in why_nothing(pictures, found)


@pytest.mark.parametrize(
    ("features", "matches", "says"),
    [
        (20, {}, "20 features: hardly anything"),
        (900, {}, "shows nothing that another picture shows"),
        (900, {("3.jpg", "4.jpg"): 50}, "matches only pictures that have no pose either"),
        (900, {("0.jpg", "4.jpg"): 18, ("1.jpg", "4.jpg"): 16}, "too few matches: 18 with the best of 2"),
        (900, {("0.jpg", "4.jpg"): 60}, "60 matches with the best of 1 pictures, but no pose"),
    ],
)
def test_why_a_picture_has_no_pose(features, matches, says):
    assert says in why_left(PICTURES[4], links(features, matches), ["0.jpg", "1.jpg", "2.jpg"])
    assert "blurred" in why_left(picture(4, 0.05), links(features, matches), ["0.jpg", "1.jpg", "2.jpg"])


def homography(angles: list[float], moved: float, focal: float = 300.0) -> np.ndarray:
    """Of the plane z = 2 as a camera sees it that turns and steps sideways; at any scale."""
    from scipy.spatial.transform import Rotation

    k = np.array([[focal, 0, 160], [0, focal, 120], [0, 0, 1.0]])
    turn = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    step = np.outer([moved, 0, 0], [0, 0, 1 / 2.0])
    return -3.7 * k @ (turn + step) @ np.linalg.inv(k)


@pytest.mark.parametrize(("moved", "turned"), [(0.0, True), (0.3, False)])
def test_a_camera_that_only_turned_is_told_from_one_that_moved(moved, turned):
    matches = {(f"{i}.jpg", f"{i + 1}.jpg"): 100 for i in range(4)}
    each = [homography([3.0 * k, -5.0 * k, 2.0], moved * k) for k in range(1, 5)]
    lens = [[320.0, 160.0, 120.0]] * 4
    assert turned_on_the_spot(links(matches=matches, homographies=each, cameras=lens)) is turned
    # Pairs that no homography explains speak against it.
    more = {**matches, ("0.jpg", "2.jpg"): 90, ("0.jpg", "3.jpg"): 80}
    assert not turned_on_the_spot(links(matches=more, homographies=each, cameras=lens))
