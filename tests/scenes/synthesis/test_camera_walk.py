"""The walk: clear of everything, smooth, level, and seeing the room."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_room import ROUTE, room, surface

from neurfield.scenes.room import build_room
from neurfield.scenes.room.designs import DESIGNS
from neurfield.scenes.synthesis.camera_walk import CLEARANCE, clearance, free_places, walk
from neurfield.scenes.synthesis.coverage import covered_part
from neurfield.scenes.synthesis.shading import Pinhole
from neurfield.scenes.synthesis.surface import prepare_surface

CAMERA = Pinhole(600, 340, 300.0, 300.0, 170.0)
# What of its surface the walk of each room sees by three frames: room2's camera keeps to the middle.
SEEN = {"room0": 0.95, "room1": 0.92, "room2": 0.86}


@pytest.fixture(scope="module", params=["small", *DESIGNS])
def walked(request: pytest.FixtureRequest):
    if request.param == "small":
        model = room()
        return model, walk(model.bounds, model.keep_out, ROUTE)
    return walk_of(request.param)


def walk_of(name: str):
    model, design = build_room(name), DESIGNS[name]
    return model, walk(model.bounds, model.keep_out, design.walk, seed=design.seed)


def turns(poses: np.ndarray) -> np.ndarray:
    """Degrees [n-1] between each frame and the next."""
    traces = np.einsum("nij,nij->n", poses[1:, :3, :3], poses[:-1, :3, :3])
    return np.degrees(np.arccos(np.clip((traces - 1) / 2, -1, 1)))


def test_the_camera_keeps_clear(walked) -> None:
    model, poses = walked
    assert clearance(poses[:, :3, 3], model.bounds, model.keep_out).min() >= CLEARANCE


def test_the_camera_is_held_at_the_height_of_a_hand(walked) -> None:
    _, poses = walked
    assert poses[:, 2, 3].min() > 1.2 and poses[:, 2, 3].max() < 1.7


def test_poses_are_rigid(walked) -> None:
    _, poses = walked
    rotation = poses[:, :3, :3]
    assert np.allclose(rotation @ rotation.transpose(0, 2, 1), np.eye(3), atol=1e-12)
    assert np.allclose(np.linalg.det(rotation), 1)


def test_the_horizon_is_nearly_level(walked) -> None:
    _, poses = walked
    # The camera's x axis points up or down by no more than some degrees, and its y axis downwards.
    assert np.degrees(np.arcsin(np.abs(poses[:, 2, 0]))).max() < 3
    assert (poses[:, 2, 1] < -0.5).all()


def test_the_walk_is_smooth(walked) -> None:
    _, poses = walked
    steps = np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1)
    assert np.median(steps) > 0.03 and steps.max() < 0.25
    assert turns(poses).max() < 40


def test_room2_turns_twice_as_fast_as_room0_and_keeps_to_the_middle() -> None:
    _, slow = walk_of("room0")
    model, fast = walk_of("room2")
    assert turns(slow).mean() == pytest.approx(10, abs=1) and turns(fast).mean() > 1.8 * turns(slow).mean()
    places = fast[:, :3, 3]
    # The room is larger than the box of its cameras and 1.5 m beyond it.
    assert (places.min(axis=0) - 1.5 > model.bounds[0])[:2].all()
    assert (places.max(axis=0) + 1.5 < model.bounds[1])[:2].all()


def test_a_crammed_room_is_refused() -> None:
    bounds = np.array([[0, 0, 0], [2.0, 2.0, 2.5]])
    with pytest.raises(ValueError, match="free floor"):
        walk(bounds, np.array([[[0.2, 0.2, 0], [1.8, 1.8, 2.5]]]), ROUTE, 20)


def test_clearance_of_boxes_and_walls() -> None:
    bounds, box = np.array([[0, 0, 0], [4.0, 4.0, 3.0]]), np.array([[[1.0, 1.0, 0.0], [2.0, 2.0, 1.0]]])
    points = np.array([[1.5, 1.5, 0.5], [1.5, 1.5, 1.4], [2.3, 2.4, 0.5], [0.1, 3.0, 1.5], [-1.0, 2.0, 1.0]])
    assert clearance(points, bounds, box) == pytest.approx([0, 0.4, 0.5, 0.1, 0])
    assert clearance(points[3:4], bounds, np.zeros((0, 2, 3))) == pytest.approx([0.1])


def test_places_to_hold_a_camera_are_free() -> None:
    model = room()
    places = free_places(model.bounds, model.keep_out, 200, np.random.default_rng(0))
    assert len(places) > 50
    assert clearance(places, model.bounds, model.keep_out).min() >= CLEARANCE


def test_coverage_counts_views() -> None:
    model, lit = room(), surface()
    poses = walk(model.bounds, model.keep_out, ROUTE, 60)
    places = free_places(model.bounds, model.keep_out, 100, np.random.default_rng(0))
    few, many = (covered_part(lit, poses[::step], CAMERA, places) for step in (20, 1))
    assert few < many and many > 0.9
    assert covered_part(lit, poses[:2], CAMERA, places, times=3) == 0


@pytest.mark.parametrize("name", DESIGNS)
def test_rooms_are_seen(name: str) -> None:
    model, poses = walk_of(name)
    places = free_places(model.bounds, model.keep_out, 300, np.random.default_rng(0))
    assert covered_part(prepare_surface(model, 0.25), poses, CAMERA, places) >= SEEN[name]
