"""Points of structure from motion say how deep stereo looks."""

from __future__ import annotations

import numpy as np
import pytest

from neurfield.scenes import Scene
from neurfield.scenes.images import FileList, read_depth
from neurfield.stereo import StereoSettings, match
from neurfield.stereo.fingerprint import fingerprint
from neurfield.stereo.ranges import searched_by
from tests.stereo import made

SMALL = StereoSettings(planes=32, passes=1, geometric=0, refine=False, sources=4)


def seen_points(scene: made.MadeScene, count: int = 20) -> np.ndarray:
    """Points [k, 3] that each view sees, world."""
    random, points = np.random.default_rng(0), []
    for i in range(0, len(scene.depth), 3):
        rows, columns = np.nonzero(scene.depth[i] > 0)
        some = random.choice(len(rows), count, replace=False)
        pixels = np.stack([columns[some], rows[some]], 1) + 0.5
        origins, directions, z_per_t = scene.cameras.rays(np.full(count, i), pixels)
        points.append(origins + directions * (scene.depth[i][rows[some], columns[some]] / z_per_t)[:, None])
    return np.concatenate(points)


def with_points(points: np.ndarray | None, **files: FileList) -> Scene:
    """The textured room as photographs of it are, with these points."""
    scene = made.textured_room().scene()
    known = {"image": scene.files["image"], **files}
    return Scene(scene.name, scene.path, scene.cameras, known, kind="inside", points=points)


@pytest.mark.parametrize("stray", [0, 3])
def test_maps_with_points_are_right_and_stray_ones_do_no_harm(stray):
    true = made.textured_room()
    far = np.random.default_rng(1).uniform(-500.0, 500.0, (stray, 3))
    maps = match(with_points(np.concatenate([seen_points(true), far])), SMALL)
    depth, known = maps.depth.numpy(), true.depth[maps.frames]
    both = (depth > 0) & (known > 0)
    error = np.abs(depth[both] / known[both] - 1.0)
    assert both.mean() > 0.6 and np.median(error) < 0.005 and (error < 0.02).mean() > 0.93


def test_what_lies_far_from_all_points_is_not_looked_for():
    true = made.textured_room()
    middle = true.cameras.centers.mean(axis=0)
    maps = match(with_points(middle + 6.0 * (seen_points(true, 100) - middle)), SMALL)
    depth, known = maps.depth.numpy(), true.depth[maps.frames]
    right = (depth > 0) & (np.abs(depth / np.maximum(known, 1e-6) - 1.0) < 0.02)
    assert right.mean() < 0.05  # of 0.6, where nothing says how deep to look


def test_pictures_that_see_none_of_the_points_are_matched_all_the_same():
    true = made.textured_room()
    points = seen_points(true, 60)[:60]  # of the first view alone
    maps, without = (match(with_points(some), SMALL) for some in (points, None))
    assert len(maps) == len(without) == 24
    found = [float(((m.depth.numpy() > 0) & (true.depth > 0)).mean()) for m in (maps, without)]
    assert found[0] > 0.9 * found[1]


def test_few_points_say_nothing_and_a_sensor_says_it_better(tmp_path):
    points = seen_points(made.textured_room())
    far = np.full((1, 3), 1e4)
    kept = searched_by(with_points(np.concatenate([points, far])))
    assert kept is not None and np.abs(kept).max() < 100 and len(kept) > 0.9 * len(points)
    assert searched_by(with_points(points[:40])) is None and searched_by(with_points(None)) is None
    sensed = FileList((tmp_path / "0.npy",) * len(made.textured_room().depth), read_depth(1.0))
    assert searched_by(with_points(points, sensor_depth=sensed)) is None


def test_other_points_are_other_maps():
    points = seen_points(made.textured_room())
    words = [fingerprint(with_points(some), SMALL) for some in (None, points, 1.1 * points, points[:40])]
    assert words[0] == words[3] and len(set(words)) == 3
