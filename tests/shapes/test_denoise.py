"""Planes through points: their mean lies on what bends, and noisy points are moved onto it."""

from __future__ import annotations

import numpy as np
import pytest

from neurfield.shapes.denoise import best_width, moved, planes_of
from neurfield.shapes.planes import Planes, mean_plane
from tests.shapes.known_clouds import Cloud, noisy, plate, sphere, torus


def off_the_ring(points: np.ndarray) -> np.ndarray:
    """Distances [N] from the ring of `torus`."""
    return np.hypot(np.hypot(points[:, 0], points[:, 1]) - 1.0, points[:, 2]) - 0.35


def test_the_mean_of_planes_of_a_sphere_lies_on_it_however_its_points_are_drawn() -> None:
    """Of one cap, unevenly weighted; at the height h above it, the mean of (1 + cos) / 2 of h."""
    random = np.random.default_rng(0)
    points, _ = sphere(20_000)
    cap = points[points[:, 2] > 0.8][None]
    weight = random.uniform(size=cap.shape[:2])
    _, axis = mean_plane(np.zeros_like(cap), cap, weight)
    for height in (0.0, 0.05, -0.05):
        place = (1.0 + height) * axis
        found, about = mean_plane(place[:, None] - cap, cap, weight)
        cosine = float((weight @ cap[0] @ axis[0])[0] / weight.sum())
        assert found[0] == pytest.approx(height * (1.0 + cosine) / 2.0, abs=1e-12)
        np.testing.assert_allclose(about, axis)


def test_a_clean_cloud_stays_where_it_is() -> None:
    points, normals = torus(4000)
    planes = planes_of(points, normals, 0.0)
    assert planes.points is points and planes.normals is normals


def test_heights_near_a_cloud_are_distances_to_what_it_was_drawn_of() -> None:
    planes = Planes(*torus(10_000))
    other, normals = torus(11_000)  # the same draw would lie on the points themselves
    places = other[10_000:] + 0.02 * normals[10_000:]
    heights, about = planes.mean(places, *planes.nearest(places))
    assert np.abs(heights - 0.02).mean() < 1e-3
    assert np.einsum("nd,nd->n", about, normals[10_000:]).mean() > 0.995


@pytest.mark.parametrize("turned", [True, False])
@pytest.mark.parametrize("share", [0.0025, 0.01])
def test_noise_is_averaged_out_and_nothing_shrinks(share: float, turned: bool) -> None:
    points, normals = torus(20_000)
    points, deviation = noisy(points, share)
    random = np.random.default_rng(1)
    signs = 1.0 if turned else random.choice([-1.0, 1.0], (len(points), 1))
    planes = planes_of(points, signs * normals, deviation, turned)
    off = off_the_ring(planes.points)
    assert off.std() < 0.35 * deviation and abs(off.mean()) < 0.1 * deviation
    assert np.abs(np.einsum("nd,nd->n", planes.normals, normals)).mean() > 0.98


def test_more_noise_is_averaged_over_more() -> None:
    points, normals = torus(20_000)
    widths = [best_width(Planes(noisy(points, share)[0], normals)) for share in (0.0005, 0.0025, 0.01)]
    assert widths[0] < widths[1] < widths[2]


def test_the_width_is_about_that_which_errs_least() -> None:
    points, normals = torus(20_000)
    planes = Planes(noisy(points, 0.0025)[0], normals)
    spacing = float(np.median(planes.spacing))

    def error(width: float) -> float:
        return float(np.abs(off_the_ring(moved(planes.points, planes.normals, planes, width)[0])).mean())

    assert error(best_width(planes)) < 1.2 * min(error(k * spacing) for k in (1.0, 1.5, 2.0, 3.0, 4.0, 5.0))


def test_edges_stay_and_the_other_side_of_a_plate_counts_for_nothing() -> None:
    clean: Cloud = plate(20_000, thickness=0.1)
    points, deviation = noisy(clean[0], 0.004)  # the plate is some nine deviations thick
    planes = planes_of(points, clean[1], deviation)
    flat = np.abs(clean[1][:, 2]) == 1.0
    height = planes.points[flat, 2] * clean[1][flat, 2]
    assert abs(height.mean() - 0.05) < 0.1 * deviation and height.std() < 0.5 * deviation
    edge = flat & (np.abs(clean[0][:, :2]).max(axis=1) > 0.97)
    beside = np.einsum("nd,nd->n", planes.points - clean[0], clean[1])
    assert abs(beside[edge].mean()) < 0.5 * deviation
