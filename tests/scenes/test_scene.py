from __future__ import annotations

import numpy as np
import pytest
from tiny_scenes import room_cameras

from neurfield.errors import UserError
from neurfield.scenes import Scene, load_scene
from neurfield.scenes.images import FileList


def test_frames_of_a_scene_keep_their_files_together(replica):
    scene = load_scene(replica)
    some = scene.with_frames(np.array([7, 2]))
    assert len(some) == 2 and some.sources == scene.sources
    for k, i in enumerate((7, 2)):
        np.testing.assert_array_equal(some.cameras.world_from_cam[k], scene.cameras.world_from_cam[i])
        np.testing.assert_array_equal(some.image(k), scene.image(i))
        np.testing.assert_array_equal(some.depth(k), scene.depth(i))
        np.testing.assert_array_equal(some.prior_normal(k), scene.prior_normal(i))


def test_a_scene_without_depth_does_not_know_what_depth_told(replica):
    scene = load_scene(replica)
    blind = scene.without("depth", "sensor_depth")
    assert blind.sources == scene.sources - {"depth", "sensor_depth"}
    assert blind.depth(0) is None and blind.depth(0, "noisy") is None
    centers = scene.cameras.centers
    np.testing.assert_allclose(blind.box, [centers.min(axis=0) - 1.5, centers.max(axis=0) + 1.5])
    assert np.abs(scene.box - blind.box).max() > 0.1


def test_a_box_by_hand_stays_with_what_is_derived(replica):
    box = np.array([[-1.0, -1.0, -1.0], [6.0, 6.0, 6.0]])
    scene = load_scene(replica).with_box(box)
    for derived in (scene, scene.without("depth"), scene.with_frames(np.arange(3))):
        np.testing.assert_array_equal(derived.box, box)


def test_arrays_are_read_once_and_cannot_be_written_to(replica):
    scene = load_scene(replica)
    assert scene.image(1) is scene.image(1)
    for array in (scene.image(0), scene.depth(0), scene.prior_depth(0), scene.prior_normal(0)):
        assert not array.flags.writeable


def test_frames_beyond_the_last_are_the_callers_mistake(replica):
    with pytest.raises(IndexError, match="frame 20 of a scene with 20 frames"):
        load_scene(replica).image(20)


@pytest.mark.parametrize(
    ("box", "says"),
    [
        ([[0, 0, 0], [1, 1]], "box .*give"),
        ([0, 0, 0, 1, 1, 1], "box .*give"),
        ([[0, 0, 0], [1, 1, "high"]], "box .*give"),
        ([[0, 0, 0], [1, -1, 1]], "minimum below maximum"),
        ([[0, 0, 0], [1, np.nan, 1]], "minimum below maximum"),
        ([[2, 1, 50], [3, 2, 51]], "no camera looks at it"),
    ],
)
def test_a_box_that_cannot_hold_the_surface_is_refused(replica, box, says):
    with pytest.raises(UserError, match=says):
        load_scene(replica).with_box(box)


def test_a_scene_needs_frames_and_one_file_a_camera(tmp_path):
    none = room_cameras(3).select(np.array([], int))
    with pytest.raises(UserError, match="no frames"):
        Scene("empty", tmp_path, none, {})
    with pytest.raises(UserError, match="1 image files, 3 cameras"):
        Scene("short", tmp_path, room_cameras(3), {"image": FileList((tmp_path / "a.png",), np.load)})
    with pytest.raises(UserError, match=r"frame 0 has no image"):
        Scene("blank", tmp_path, room_cameras(3), {}).image(0)
    with pytest.raises(UserError, match="unknown source 'depths'"):
        Scene("blank", tmp_path, room_cameras(3), {}).without("depths")
