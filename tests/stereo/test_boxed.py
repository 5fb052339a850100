"""A box given by hand: where rays meet it, and how it bounds the search."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neurfield.ops import StereoPictures
from neurfield.scenes import Scene
from neurfield.stereo import StereoSettings
from neurfield.stereo.boxed import box_depths, box_limits, box_points
from neurfield.stereo.geometry import places, world_points
from neurfield.stereo.pictures import scene_pictures
from neurfield.stereo.ranges import Search
from neurfield.stereo.survey import survey
from tests.stereo import made

BOX = np.array([[-1.0, -0.5, 3.0], [1.0, 0.5, 5.0]])
FAR_AWAY = np.array([4.4e6, 5.1e5, 250.0])


def pictures(*centres: tuple[float, float, float]) -> StereoPictures:
    """Cameras that look along z from these places."""
    pose = torch.eye(4, dtype=torch.float64).repeat(len(centres), 1, 1)
    pose[:, :3, 3] = -torch.tensor(centres, dtype=torch.float64)
    lens = torch.tensor([[20.0, 20.0, 16.0, 12.0]]).repeat(len(centres), 1)
    return StereoPictures(torch.zeros(len(centres), 24, 32, dtype=torch.uint8), lens, pose)


@pytest.mark.parametrize("shift", [np.zeros(3), FAR_AWAY])
def test_rays_enter_and_leave_the_box_at_its_sides(shift: np.ndarray) -> None:
    centre = shift + np.array([0.3, 0.1, 0.0])
    views, box = pictures(tuple(centre)), BOX + shift
    near, far = box_depths(views, 0, box)
    meets = far > 0
    assert meets.any() and not meets.all() and (near[meets] < far[meets]).all() and not near[~meets].any()
    for depth in (near, far):
        points = world_points(views, 0, depth, meets).numpy()
        beyond = np.maximum(box[0] - points, points - box[1]).max(axis=1)
        assert np.abs(beyond).max() < 1e-5


def test_rays_from_within_start_at_the_camera() -> None:
    near, far = box_depths(pictures((0.0, 0.0, 4.0)), 0, BOX)
    assert not near.any() and (far > 0).all() and float(far.max()) == pytest.approx(1.0)


def test_limits_say_nothing_where_nothing_is_known() -> None:
    views = pictures((0.0, 0.0, 0.0), (0.0, 0.0, 4.0), (0.0, 0.0, 9.0))  # before it, in it, past it
    every = np.arange(3)
    limits = box_limits(views, every, BOX, beyond=False)
    # What lies on a side of the box is searched on both sides of it.
    assert 1 / 8 < limits.low[0] < 1 / 5 and 1 / 3 < limits.high[0] < 1 / 2
    assert 1 / 2 < limits.low[1] < 1 and limits.low[2] == 0
    assert limits.high[1:].isinf().all()
    assert not box_limits(views, every, BOX, beyond=True).low.any()
    wide = Search(torch.full((3,), 0.01), torch.full((3,), 2.0))
    whole = limits.whole(wide)
    assert whole.low[2] == wide.low[2] and whole.high[2] == wide.high[2]
    assert whole.high[0] == limits.high[0] and whole.high[1] >= 3 * whole.low[1]
    cut = limits.cut(Search(torch.tensor([0.25, 0.25, 0.25]), torch.tensor([2.0, 2.0, 2.0])))
    assert cut.low.tolist() == [0.25, limits.low[1], 0.25] and cut.high.tolist() == [limits.high[0], 2.0, 2.0]
    elsewhere = limits.cut(Search(torch.full((3,), 7.0), torch.full((3,), 8.0)))
    assert elsewhere.low.tolist() == [7.0, 7.0, 7.0] and elsewhere.high.tolist() == [8.0, 8.0, 8.0]
    none = box_limits(views, every, None, beyond=False).whole(wide)
    assert torch.equal(none.low, wide.low) and torch.equal(none.high, wide.high)


def test_points_are_in_the_box_and_in_the_picture() -> None:
    views = pictures((0.0, 0.0, 0.0), (0.0, 0.0, 4.0), (0.0, 0.0, 9.0))
    points = box_points(views, np.arange(3), BOX)
    assert not len(points[2])
    for r in (0, 1):
        assert len(points[r]) > 100
        assert (points[r] >= BOX[0] - 1e-5).all() and (points[r] <= BOX[1] + 1e-5).all()
        assert (places(views, r, torch.from_numpy(points[r]))[0] >= 0).all()


def without_box(scene: Scene, box: np.ndarray | None = None) -> Scene:
    return Scene(scene.name, scene.path, scene.cameras, scene.files, kind=scene.kind, box=box)


def test_the_search_stays_in_a_box_given_by_hand() -> None:
    room = made.textured_room().scene().with_frames(np.arange(0, 24, 3))
    settings = StereoSettings(sources=4)
    searches = {}
    for name, box in {"none": None, "room": room.box, "part": room.box * [[1], [0.6]]}.items():
        scene = without_box(room, box)
        views = scene_pictures(scene, settings.longest)
        searches[name] = survey(scene, views, settings).search
        if box is not None:
            limits = box_limits(views.pictures, np.arange(8), box, beyond=False)
            assert (searches[name].low >= 0.99 * limits.low).all()
            assert (searches[name].high <= 1.01 * limits.high).all()
    assert (searches["none"].low < searches["part"].low).all()
