"""Made-up priors: as wrong as asked for on frames of the real room, in the way that networks are wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from neurfield.scenes.room import build_room
from neurfield.scenes.room.designs import DESIGNS
from neurfield.scenes.synthesis.camera_path import walk
from neurfield.scenes.synthesis.prior_depth import fit_scale_shift, make_prior_depth, relative_error
from neurfield.scenes.synthesis.prior_normal import angle_error, make_prior_normal
from neurfield.scenes.synthesis.sensor import edges
from neurfield.scenes.synthesis.shading import Frame, Pinhole, Renderer
from neurfield.scenes.synthesis.surface import prepare_surface
from neurfield.scenes.synthesis.thin import MISSED, missed_parts, thin_parts

CAMERA = Pinhole(300, 170, 150.0, 150.0, 85.0)
DIRECTIONS = CAMERA.directions((0.5, 0.5)).reshape(CAMERA.height, CAMERA.width, 3)


@dataclass
class View:
    frame: Frame
    depth: np.ndarray
    normal: np.ndarray


@pytest.fixture(scope="module")
def views() -> list[View]:
    model = build_room()
    surface = prepare_surface(model, 0.5)
    # Priors do not look at colours: the room may stay dark.
    renderer = Renderer(surface, np.zeros_like(surface.point_positions), 1.0)
    made = []
    for number, pose in enumerate(walk(model.bounds, model.keep_out, DESIGNS["room0"].walk, 12)):
        frame = renderer.frame(pose, CAMERA)
        made.append(View(frame, prior_of_depth(frame, number), prior_of_normal(frame, number)))
    return made


def prior_of_depth(frame: Frame, seed: int) -> np.ndarray:
    return make_prior_depth(frame.depth, frame.segment, np.random.default_rng(seed))


def prior_of_normal(frame: Frame, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return make_prior_normal(frame.normal, frame.depth, frame.segment, DIRECTIONS, rng)


def test_depth_is_four_to_six_percent_off_after_the_best_scale_and_shift(views: list[View]) -> None:
    errors = [relative_error(view.depth, view.frame.depth) for view in views]
    assert 0.04 < np.mean(errors) < 0.06
    assert min(errors) > 0.035 and max(errors) < 0.07


def test_depth_looks_like_a_networks_output(views: list[View]) -> None:
    for view in views:
        assert view.depth.dtype == np.float32 and view.depth.shape == view.frame.depth.shape
        assert view.depth.min() >= 0 and view.depth.max() <= 1


def test_scale_and_shift_are_of_each_image_alone(views: list[View]) -> None:
    fits = np.array([fit_scale_shift(view.depth, view.frame.depth) for view in views])
    assert (fits[:, 0] > 0).all()
    assert fits[:, 0].std() > 0.1 * fits[:, 0].mean() and fits[:, 1].std() > 0.05


def test_the_error_of_depth_is_mostly_smooth(views: list[View]) -> None:
    for view in views:
        scale, shift = fit_scale_shift(view.depth, view.frame.depth)
        off = (scale * view.depth + shift) / view.frame.depth - 1
        flat = ~edges(view.frame.depth)
        inner = flat[:, 1:] & flat[:, :-1] & (view.frame.segment[:, 1:] == view.frame.segment[:, :-1])
        steps = np.abs(np.diff(off, axis=1))[inner]
        assert np.median(steps) < 0.1 * np.abs(off).mean()


def test_edges_of_depth_are_blurred(views: list[View]) -> None:
    sharper = [
        np.abs(np.diff(view.frame.depth, axis=1)).max()
        > 2 * np.abs(np.diff(scale * view.depth + shift, axis=1)).max()
        for view in views
        for scale, shift in [fit_scale_shift(view.depth, view.frame.depth)]
    ]
    assert np.mean(sharper) > 0.8


def test_normals_are_ten_degrees_off_in_the_median_and_sixteen_in_the_mean(views: list[View]) -> None:
    angles = [angle_error(view.normal, view.frame.normal) for view in views]
    assert 9 < np.mean([np.median(a) for a in angles]) < 11
    assert 15 < np.mean([a.mean() for a in angles]) < 17
    assert all(7 < np.median(a) < 13 for a in angles)


def test_normals_are_unit_and_face_the_camera(views: list[View]) -> None:
    for view in views:
        assert view.normal.dtype == np.float32
        assert np.allclose(np.linalg.norm(view.normal, axis=-1), 1, atol=1e-5)
        assert (np.einsum("hwi,hwi->hw", view.normal, DIRECTIONS) < 1e-5).all()


def test_normals_are_worst_at_borders_and_at_thin_parts(views: list[View]) -> None:
    angles = np.stack([angle_error(view.normal, view.frame.normal) for view in views])
    border = np.stack([edges(view.frame.depth) for view in views])
    thin = np.stack([thin_parts(view.frame.depth)[0] for view in views])
    assert angles[border].mean() > 1.5 * angles[~border].mean()
    assert angles[thin].mean() > 1.5 * angles[~thin].mean()


def test_the_error_of_normals_is_smooth_on_a_surface(views: list[View]) -> None:
    for view in views:
        same = (view.frame.segment[:, 1:] == view.frame.segment[:, :-1]) & (
            angle_error(view.frame.normal[:, 1:], view.frame.normal[:, :-1]) < 0.1
        )
        steps = angle_error(view.normal[:, 1:], view.normal[:, :-1])[same]
        assert np.median(steps) < 2.0


def test_the_same_seed_makes_the_same_and_another_does_not(views: list[View]) -> None:
    view = views[3]
    assert np.array_equal(prior_of_depth(view.frame, 3), view.depth)
    assert np.array_equal(prior_of_normal(view.frame, 3), view.normal)
    first, second = prior_of_depth(view.frame, 40), prior_of_depth(view.frame, 41)
    residuals = []
    for prior in (first, second):
        scale, shift = fit_scale_shift(prior, view.frame.depth)
        residuals.append((scale * prior + shift) / view.frame.depth - 1)
    assert abs(np.corrcoef(residuals[0].ravel(), residuals[1].ravel())[0, 1]) < 0.8


def pole_before_a_wall(width: int) -> tuple[np.ndarray, slice]:
    depth = np.full((170, 300), 3.0, np.float32)
    pole = slice(150, 150 + width)
    depth[:, pole] = 1.5
    return depth, pole


def test_a_pole_is_thin_and_a_cupboard_is_not() -> None:
    depth, pole = pole_before_a_wall(3)
    thin, behind = thin_parts(depth)
    assert thin[:, pole].all() and not np.delete(thin, np.r_[pole], axis=1).any()
    assert (behind == 3.0).all()
    assert not thin_parts(pole_before_a_wall(40)[0])[0].any()


def test_thin_parts_are_often_missing() -> None:
    depth, _ = pole_before_a_wall(3)
    segment = (depth < 2).astype(np.int32)
    seen = []
    for seed in range(30):
        prior = make_prior_depth(depth, segment, np.random.default_rng(seed))
        contrast = np.median(prior[:, :140], axis=1) - prior[:, 151]
        seen.append(contrast > 0.15 * np.ptp(prior))
    assert 0.1 < np.mean(seen) < 0.5


def test_missed_patches_are_as_many_as_stated() -> None:
    thin = np.ones((170, 300), bool)
    parts = [missed_parts(thin, np.random.default_rng(seed)).mean() for seed in range(20)]
    assert np.mean(parts) == pytest.approx(MISSED, abs=0.01)
    assert not missed_parts(np.zeros((5, 5), bool), np.random.default_rng(0)).any()
