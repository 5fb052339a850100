"""Clouds laid onto each other: what was moved comes back, and ICP is Open3D's."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from neurfield.errors import UserError
from neurfield.evaluation import registration
from neurfield.evaluation.registration import (
    icp,
    match_cameras,
    motion_words,
    moved,
    moved_poses,
    similarity,
    similarity_of_poses,
)


def motion(degrees: float = 20.0, scale: float = 1.7) -> np.ndarray:
    transform = trimesh.transformations.rotation_matrix(np.radians(degrees), [1, -2, 3])
    transform[:3, :3] *= scale
    transform[:3, 3] = 4.0, -5.0, 6.0
    return transform


def egg() -> np.ndarray:
    """Points of an ellipsoid with axes of 50, 35 and 20."""
    return np.asarray(trimesh.creation.icosphere(3, 50.0).vertices) * [1.0, 0.7, 0.4]


@pytest.mark.parametrize("flat", [False, True])
def test_a_similarity_is_found_from_its_pairs(flat: bool) -> None:
    source = np.random.default_rng(0).random((30, 3)) * [1.0, 1.0, 0.0 if flat else 1.0]
    np.testing.assert_allclose(similarity(source, moved(source, motion())), motion(), atol=1e-9)


def test_mirrored_pairs_give_a_rotation_all_the_same() -> None:
    source = np.random.default_rng(0).random((30, 3))
    found = similarity(source, source * [1.0, 1.0, -1.0])
    assert np.linalg.det(found[:3, :3]) > 0
    mirrored = source * [1.0, 1.0, -1.0]
    least = ((moved(source, found) - mirrored) ** 2).sum()
    for scale in (0.99, 1.01):  # about the middle of the pairs, which stays
        middle = mirrored.mean(axis=0)
        other = middle + scale * (moved(source, found) - middle)
        assert ((other - mirrored) ** 2).sum() > least


def test_icp_brings_back_what_was_moved_a_little() -> None:
    target = egg()
    source = moved(
        target, np.linalg.inv(motion(1.0, 1.01)) @ trimesh.transformations.translation_matrix([3, -4, 5])
    )
    before = np.linalg.norm(source - target, axis=1).max()
    for reach in (8.0, 4.0, 4.0, 4.0, 4.0):
        source = moved(source, icp(source, cKDTree(target), reach))
    assert before > 2.0 and np.linalg.norm(source - target, axis=1).max() < 1e-6


def test_what_icp_gives_takes_the_source_to_where_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    places: list[np.ndarray] = []
    pairs = registration._pairs

    def watched(points: np.ndarray, target: cKDTree, reach: float) -> object:
        places.append(points)
        return pairs(points, target, reach)

    monkeypatch.setattr(registration, "_pairs", watched)
    tree = cKDTree(egg())
    away = trimesh.transformations.rotation_matrix(0.15, [1, 2, 1])
    away[:3, 3] = 6.0, -5.0, 5.0
    source = moved(egg(), away)
    np.testing.assert_allclose(moved(source, icp(source, tree, 5.0)), places[-1], atol=1e-9)
    assert len(places) > 4  # at first half of the points have no partner
    assert tree.query(places[-1])[0].mean() < 0.5 * tree.query(source)[0].mean()


def test_nothing_within_reach_leaves_everything_where_it_is() -> None:
    np.testing.assert_array_equal(icp(egg() + 500.0, cKDTree(egg()), 10.0), np.eye(4))


def test_cameras_are_matched_in_spite_of_wrong_and_missing_ones() -> None:
    rng = np.random.default_rng(0)
    source = rng.random((40, 3)) * 5.0
    target = moved(source, motion())
    target[:12] = rng.random((12, 3)) * 10.0
    source[12:15] = np.nan
    matched = match_cameras(source, target, 0.2, seed=0)
    np.testing.assert_allclose(matched.transform, motion(), atol=1e-9)
    assert matched.share == pytest.approx(25 / 37)


@pytest.mark.parametrize("count", [0, 2, 20])
def test_cameras_on_a_line_say_nothing_of_the_turn_about_it(count: int) -> None:
    line = np.linspace(0, 1, count)[:, None] * [1.0, 2.0, 3.0]
    with pytest.raises(UserError, match=f"{count} cameras on a line"):
        match_cameras(line, line, 0.2, seed=0)


def test_a_motion_in_words() -> None:
    assert motion_words(motion(20.0, 1.7)) == "scale 1.700000, turn 20.0000 degrees"


def walked(count: int = 12, straight: bool = False) -> np.ndarray:
    """Poses [n,4,4] of cameras that look all ways, on a line or anywhere."""
    random = np.random.default_rng(3)
    poses = np.tile(np.eye(4), (count, 1, 1))
    poses[:, :3, :3] = Rotation.random(count, random_state=3).as_matrix()
    poses[:, :3, 3] = random.normal(size=(count, 3)) * ([1.0, 0.0, 0.0] if straight else 1.0)
    return poses


@pytest.mark.parametrize("straight", [False, True])
def test_poses_are_laid_onto_their_partners_even_from_a_line(straight: bool) -> None:
    poses = walked(straight=straight)
    target = moved_poses(poses, motion())
    np.testing.assert_allclose(
        target[:, :3, :3] @ np.swapaxes(target[:, :3, :3], 1, 2), [np.eye(3)] * 12, atol=1e-9
    )
    np.testing.assert_allclose(similarity_of_poses(poses, target), motion(), atol=1e-8)


def test_a_partner_that_is_far_off_does_not_count() -> None:
    poses = walked()
    target = moved_poses(poses, motion())
    target[:, :3, 3] += 1e-3 * np.random.default_rng(0).normal(size=(12, 3))
    target[4] = np.eye(4)  # such as a tracker writes that has lost its way
    np.testing.assert_allclose(similarity_of_poses(poses, target), motion(), atol=5e-3)
