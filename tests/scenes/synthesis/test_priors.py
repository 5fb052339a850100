"""Made-up priors: as wrong as asked for on frames of a real room, in the way that networks are wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from neurfield.scenes.room import build_room
from neurfield.scenes.room.designs import DESIGNS
from neurfield.scenes.synthesis.camera_walk import walk
from neurfield.scenes.synthesis.error_fields import ErrorFields, RepeatingFields, fresh_fields
from neurfield.scenes.synthesis.prior_depth import fit_scale_shift, make_prior_depth, relative_error
from neurfield.scenes.synthesis.prior_normal import angle_error, make_prior_normal
from neurfield.scenes.synthesis.prior_sets import FRESH, PRIOR_SETS, REPEATING, PriorSet
from neurfield.scenes.synthesis.sensor import edges
from neurfield.scenes.synthesis.shading import Frame, Pinhole, Renderer
from neurfield.scenes.synthesis.surface import prepare_surface
from neurfield.scenes.synthesis.thin import MISSED, missed_parts, thin_parts

CAMERA = Pinhole(300, 170, 150.0, 150.0, 85.0)
DIRECTIONS = CAMERA.directions((0.5, 0.5)).reshape(CAMERA.height, CAMERA.width, 3)
REPEAT = RepeatingFields(100, 0)


@dataclass
class View:
    frame: Frame
    pose: np.ndarray
    depth: np.ndarray
    normal: np.ndarray

    def off(self) -> np.ndarray:
        """What is left of the error of depth after the best scale and shift: ratio - 1 [h,w]."""
        scale, shift = fit_scale_shift(self.depth, self.frame.depth)
        return (scale * self.depth + shift) / self.frame.depth - 1


@pytest.fixture(scope="module")
def frames() -> list[tuple[Frame, np.ndarray]]:
    model = build_room()
    surface = prepare_surface(model, 0.5)
    # Of brightness the priors see what an evenly lit room shows.
    renderer = Renderer(surface, np.full_like(surface.point_positions, 0.5), 1.0)
    poses = walk(model.bounds, model.keep_out, DESIGNS["room0"].walk)
    # Every tenth for the errors' sizes, and a few that follow each other.
    return [(renderer.frame(poses[i], CAMERA), poses[i]) for i in (*range(0, 120, 10), 1, 2, 3)]


@pytest.fixture(scope="module", params=PRIOR_SETS, ids=lambda priors: priors.folder)
def priors(request: pytest.FixtureRequest) -> PriorSet:
    return request.param


@pytest.fixture(scope="module")
def views(frames: list[tuple[Frame, np.ndarray]], priors: PriorSet) -> list[View]:
    return made(frames, priors)


def made(frames: list[tuple[Frame, np.ndarray]], priors: PriorSet) -> list[View]:
    return [view_of(frame, pose, priors, number) for number, (frame, pose) in enumerate(frames)]


def fields_of(frame: Frame, pose: np.ndarray, priors: PriorSet, rng: np.random.Generator) -> ErrorFields:
    if not priors.repeats:
        return fresh_fields(frame.segment, rng)
    offsets = (frame.depth[..., None] * DIRECTIONS) @ pose[:3, :3].T
    return REPEAT.of_view(
        offsets, pose[:3, 3], pose[:3, :3], frame.rgb.mean(axis=2) / 255, frame.segment, rng
    )


def view_of(frame: Frame, pose: np.ndarray, priors: PriorSet, seed: int) -> View:
    rng = np.random.default_rng(seed)
    fields = fields_of(frame, pose, priors, rng)
    narrow = thin_parts(frame.depth)
    depth = make_prior_depth(frame.depth, narrow, fields, priors, rng)
    normal = make_prior_normal(
        frame.normal, frame.depth, narrow, frame.segment, DIRECTIONS, fields, priors, rng
    )
    return View(frame, pose, depth, normal)


def repetition(one: View, other: View) -> tuple[float, float]:
    """Correlations of the errors of depth and of normals where two views see the same surface."""
    place = (one.frame.depth[..., None] * DIRECTIONS) @ one.pose[:3, :3].T + one.pose[:3, 3]
    seen = (place - other.pose[:3, 3]) @ other.pose[:3, :3]
    z = np.maximum(seen[..., 2], 1e-6)
    u, v = (np.floor(150 * seen[..., i] / z + (150, 85)[i]).astype(int) for i in (0, 1))
    inside = (seen[..., 2] > 0.1) & (u >= 0) & (u < 300) & (v >= 0) & (v < 170)
    u, v = u.clip(0, 299), v.clip(0, 169)
    both = inside & (np.abs(other.frame.depth[v, u] / z - 1) < 0.01)
    assert both.sum() > 3000
    depth = np.corrcoef(one.off()[both], other.off()[v, u][both])[0, 1]
    bent, other_bent = ((w.normal - w.frame.normal) @ w.pose[:3, :3].T for w in (one, other))
    normal = np.corrcoef(bent[both].ravel(), other_bent[v, u][both].ravel())[0, 1]
    return float(depth), float(normal)


def test_depth_is_off_by_so_much_after_the_best_scale_and_shift(views: list[View], priors: PriorSet) -> None:
    errors = [relative_error(view.depth, view.frame.depth) for view in views]
    low, high = priors.depth_error
    assert low < np.mean(errors) < high
    assert min(errors) > 0.9 * low and max(errors) < 1.1 * high


def test_only_errors_of_the_second_kind_repeat(frames: list[tuple[Frame, np.ndarray]]) -> None:
    fresh, repeating = made(frames, FRESH), made(frames, REPEATING)
    # Frames 0, 1, 2, 3 of the walk.
    pairs = [(0, 12), (12, 13), (13, 14), (0, 14)]
    for priors, low, high in ((fresh, -0.2, 0.5), (repeating, 0.5, 1.0)):
        depth, normal = np.mean([repetition(priors[i], priors[j]) for i, j in pairs], axis=0)
        assert low < depth < high and low < normal < high


def test_errors_that_repeat_fade_as_the_direction_changes() -> None:
    """One wall from the front, and from the other end of the room: the same place is wrong otherwise."""
    segment, bright = np.zeros((40, 60), int), np.full((40, 60), 0.5)
    u, v = np.meshgrid(np.linspace(-1, 1, 60), np.linspace(-0.7, 0.7, 40))
    wall = np.stack([u, v, np.full_like(u, 2.0)], axis=-1)

    def warp(eye: tuple[float, float, float]) -> np.ndarray:
        place = np.array(eye)
        fields = []
        for seed in range(20, 40):
            rng = np.random.default_rng(seed)
            repeating = RepeatingFields(1, seed)
            fields.append(repeating.of_view(wall - place, place, np.eye(3), bright, segment, rng))
        return np.concatenate([(f.warp - f.warp.mean()).ravel() for f in fields])

    front, beside, aslant = warp((0, 0, 0)), warp((0.15, 0, 0)), warp((-3.0, 0.5, 1.0))
    assert np.corrcoef(front, beside)[0, 1] > np.corrcoef(front, aslant)[0, 1] + 0.1


def test_depth_looks_like_a_networks_output(views: list[View]) -> None:
    for view in views:
        assert view.depth.dtype == np.float32 and view.depth.shape == view.frame.depth.shape
        assert view.depth.min() > 0 and view.depth.max() <= 1


def test_scale_and_shift_are_of_each_image_alone(views: list[View]) -> None:
    fits = np.array([fit_scale_shift(view.depth, view.frame.depth) for view in views])
    assert (fits[:, 0] > 0).all()
    assert fits[:, 0].std() > 0.1 * fits[:, 0].mean() and fits[:, 1].std() > 0.05


def test_the_error_of_depth_is_mostly_smooth(views: list[View]) -> None:
    for view in views:
        off = view.off()
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


def test_normals_are_off_by_so_much_in_the_median_and_in_the_mean(
    views: list[View], priors: PriorSet
) -> None:
    angles = [angle_error(view.normal, view.frame.normal) for view in views]
    low, high = priors.normal_error
    medians, means = np.array([np.median(a) for a in angles]), np.array([a.mean() for a in angles])
    assert low < medians.mean() < high
    assert means.mean() / medians.mean() == pytest.approx(priors.mean_over_median, abs=0.06)
    assert (np.abs(medians - medians.mean()) < 3).all()


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


def test_the_same_seed_makes_the_same_and_another_does_not(views: list[View], priors: PriorSet) -> None:
    view = views[3]
    again = view_of(view.frame, view.pose, priors, 3)
    assert np.array_equal(again.depth, view.depth) and np.array_equal(again.normal, view.normal)
    other = view_of(view.frame, view.pose, priors, 40)
    alike = np.corrcoef(view.off().ravel(), other.off().ravel())[0, 1]
    assert (0.5 < alike < 0.99) if priors.repeats else abs(alike) < 0.8


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
        rng = np.random.default_rng(seed)
        prior = make_prior_depth(depth, thin_parts(depth), fresh_fields(segment, rng), FRESH, rng)
        contrast = np.median(prior[:, :140], axis=1) - prior[:, 151]
        seen.append(contrast > 0.15 * np.ptp(prior))
    assert 0.1 < np.mean(seen) < 0.5


def test_missed_patches_are_as_many_as_stated() -> None:
    thin, segment = np.ones((170, 300), bool), np.zeros((170, 300), int)
    patches = [fresh_fields(segment, np.random.default_rng(seed)).missing for seed in range(20)]
    assert np.mean([missed_parts(thin, p).mean() for p in patches]) == pytest.approx(MISSED, abs=0.01)
    assert not missed_parts(~thin, patches[0]).any()
