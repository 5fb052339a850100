"""A painted room: points that its pictures agree on are true, and priors that err alike in every view are
held to them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neurfield.fusion import align_priors
from neurfield.fusion.image_points import ImageSearch
from neurfield.fusion.point_views import views_of
from neurfield.fusion.prior_views import PriorViews
from neurfield.scenes import Scene
from neurfield.scenes.box import box_around_cameras
from tests.fusion.painted_room import FRAMES, ROOM, SIZE, painted_room


def relative_error(scene: Scene, true: list[np.ndarray]) -> tuple[float, object]:
    """Of aligned depth, mean over all pixels; and what was aligned."""
    aligned = align_priors(scene, box_around_cameras(scene.cameras))
    off = [
        np.abs(aligned.depth(i, np.asarray(scene.prior_depth(i))).numpy() - z) / z for i, z in enumerate(true)
    ]
    return float(np.mean(off)), aligned


def every(views: PriorViews) -> torch.Tensor:
    """Every image may be asked for points of every other."""
    return torch.arange(len(views)).expand(len(views), -1)


@pytest.fixture(scope="module")
def room() -> tuple[Scene, list[np.ndarray]]:
    return painted_room(bias=0.1)


def test_points_are_where_the_room_is(room: tuple[Scene, list[np.ndarray]]) -> None:
    scene, true = room
    views = PriorViews.of(scene)
    search = ImageSearch(scene, views)

    def at(image: torch.Tensor, uv: torch.Tensor) -> torch.Tensor:
        pixel = (uv * torch.tensor([SIZE[1], SIZE[0]])).long()
        return torch.from_numpy(np.stack(true))[image, pixel[:, 1], pixel[:, 0]].float()

    def off_by_two(image: torch.Tensor, uv: torch.Tensor) -> torch.Tensor:
        return at(image, uv) * 1.8

    def off_by_a_tenth(image: torch.Tensor, uv: torch.Tensor) -> torch.Tensor:
        return at(image, uv) * (1.0 + 0.2 * (uv[:, 0] - 0.5))

    for points, least in ((search.coarse(off_by_two), 2 * FRAMES), (search.fine(off_by_a_tenth), 8 * FRAMES)):
        error = (points.depth / at(points.image, points.uv)).log().abs()
        assert len(points) > least
        assert error.median() < 0.01 and (error < 0.05).float().mean() > 0.85


def test_views_of_a_point_stand_apart_and_see_it(room: tuple[Scene, list[np.ndarray]]) -> None:
    scene, true = room
    views = PriorViews.of(scene)
    image, uv = torch.arange(FRAMES), torch.full((FRAMES, 2), 0.5)
    z = torch.tensor([float(depth[SIZE[0] // 2, SIZE[1] // 2]) for depth in true])
    chosen, seen = views_of(views, image, uv, z, every(views))
    points = views.centers[image] + views.directions(image, uv) * z[:, None]
    for k in range(chosen.shape[1]):
        used = seen[:, k] > 0
        assert (chosen[used, k] != image[used]).all()
        back, to = views.centers[image] - points, views.centers[chosen[:, k]] - points
        cosine = torch.cosine_similarity(back, to, dim=1)[used]
        assert (cosine < np.cos(np.radians(1.9))).all() and (cosine > np.cos(np.radians(51))).all()


def test_errors_that_all_views_share_are_found_by_the_pictures(room: tuple[Scene, list[np.ndarray]]) -> None:
    scene, true = room
    error, aligned = relative_error(scene, true)
    blind, _ = relative_error(scene.without("image"), true)
    assert error < 0.03 and error < 0.6 * blind
    assert aligned.by_points() and aligned.warped and "points that several images show" in aligned.words()


def test_the_box_is_the_rooms(room: tuple[Scene, list[np.ndarray]]) -> None:
    scene, _ = room
    aligned = align_priors(scene, box_around_cameras(scene.cameras))
    assert np.abs(aligned.box() - ROOM).max() < 0.35
    assert (aligned.box()[0] < ROOM[0] + 0.02).all() and (aligned.box()[1] > ROOM[1] - 0.02).all()


def test_plain_pictures_are_said_to_tell_nothing() -> None:
    scene, _ = painted_room(shade=0.0)
    aligned = align_priors(scene, box_around_cameras(scene.cameras))
    assert not aligned.by_points() and len(aligned.points) == 0
    assert "overlap of the views alone" in aligned.words()
