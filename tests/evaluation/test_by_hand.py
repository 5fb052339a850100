"""Measures of surfaces so simple that the right number can be written down."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from neurfield.evaluation import evaluate_mesh, psnr
from neurfield.evaluation.culling import in_picture
from neurfield.scenes import Cameras
from tests.evaluation.test_culling import plate, seen
from tests.evaluation.test_geometry import FEW, plane


@pytest.mark.parametrize("threshold", [0.02, 0.05, 0.08])
def test_precision_and_recall_of_a_ramp_are_the_shares_within_the_threshold(threshold):
    # It rises from the ground to 0.1 over 1 m: half-way up it is 5 cm above.
    ground = trimesh.Trimesh([[-1, 0, 0], [2, 0, 0], [2, 1, 0], [-1, 1, 0]], [[0, 1, 2], [0, 2, 3]])
    ramp = trimesh.Trimesh([[0, 0, 0], [1, 0, 0.1], [1, 1, 0.1], [0, 1, 0]], [[0, 1, 2], [0, 2, 3]])
    numbers = evaluate_mesh(ramp, ground, thresholds=(threshold,), **FEW)
    assert numbers[f"precision@{threshold:g}"] == pytest.approx(threshold / 0.1, abs=0.015)
    assert numbers["accuracy"] == pytest.approx(0.05, rel=0.01)
    # Of 3 m of ground: to the left as far as the threshold reaches, and under the ramp.
    below = threshold / np.sin(np.arctan(0.1))
    assert numbers[f"recall@{threshold:g}"] == pytest.approx((threshold + below) / 3.0, abs=0.005)
    assert numbers["completeness"] > 0.3


def test_nearness_is_strictly_less_than_the_threshold_in_either_direction():
    for shift, counts in ((0.049, 1.0), (0.051, 0.0), (0.07, 0.0)):
        numbers = evaluate_mesh(plane(shift), plane(), **FEW)
        assert numbers["precision@0.05"] == numbers["recall@0.05"] == numbers["f_score@0.05"] == counts


def test_pictures_are_as_wide_and_as_high_as_they_are():
    wide = Cameras(np.eye(4)[None], 50.0, 50.0, 60.0, 30.0, 120, 60)
    points = np.array([[1.1, 0, 1.0], [0, 0.5, 1], [1.3, 0, 1], [0, 0.7, 1], [0, -0.7, 1], [-1.3, 0, 1]])
    np.testing.assert_array_equal(in_picture(wide, 0, points), [True, True, False, False, False, False])


@pytest.mark.parametrize(("degrees", "is_seen"), [(3.0, False), (5.0, False), (7.0, True), (20.0, True)])
def test_a_surface_is_seen_from_six_degrees_on(degrees, is_seen):
    tilt = trimesh.transformations.rotation_matrix(np.radians(90.0 - degrees), [1, 0, 0])
    small = plate(0.0, half=0.01).apply_transform(tilt).apply_translation([0, 0, 2.0])
    assert (seen(small)[1] == is_seen).all()


def test_psnr_inside_a_mask_is_a_mean_over_the_mask_alone():
    truth = np.full((20, 30, 3), 0.5)
    image, mask = truth.copy(), np.zeros((20, 30), bool)
    image[:4, :5] += 0.1
    mask[:4, :5] = True
    assert psnr(image, truth, mask) == pytest.approx(20.0)
    assert psnr(image, truth) == pytest.approx(20.0 + 10.0 * np.log10(30.0))  # of which it is a thirtieth
