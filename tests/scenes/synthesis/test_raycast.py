"""Rays find the nearest face, and what stands between two places."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import trimesh

from neurfield.scenes.synthesis.raycast import RayCaster


@pytest.fixture(scope="module")
def ball() -> RayCaster:
    mesh = trimesh.creation.icosphere(subdivisions=5, radius=1.0)
    return RayCaster(mesh.vertices, mesh.faces)


def test_distance_to_a_ball(ball: RayCaster) -> None:
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(500, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    hits = ball.first_hits(-3 * directions, directions)
    assert np.abs(hits.distance - 2).max() < 2e-3


def test_distance_counts_in_lengths_of_the_direction(ball: RayCaster) -> None:
    hits = ball.first_hits(np.zeros(3), np.array([[0, 0, 0.5]]))
    assert hits.distance[0] == pytest.approx(2.0, abs=5e-3)


def test_weights_and_face_name_the_place_that_was_hit() -> None:
    mesh = trimesh.creation.box((2, 3, 4))
    rng = np.random.default_rng(1)
    directions = rng.normal(size=(300, 3)).astype(np.float32)
    hits = RayCaster(mesh.vertices, mesh.faces).first_hits(np.zeros(3), directions)
    a, b, c = (mesh.vertices[mesh.faces[hits.face, i]] for i in range(3))
    place = (1 - hits.u - hits.v)[:, None] * a + hits.u[:, None] * b + hits.v[:, None] * c
    assert np.allclose(place, hits.distance[:, None] * directions, atol=1e-5)


def test_what_misses_has_no_face_and_no_distance(ball: RayCaster) -> None:
    hits = ball.first_hits(np.array([[0, 0, 3.0]]), np.array([[0, 0, 1.0]]))
    assert hits.face[0] == -1 and np.isinf(hits.distance[0])


def test_occlusion_is_between_the_two_ends_only(ball: RayCaster) -> None:
    starts = np.array([[-3, 0, 0], [-3, 0, 0], [-3, 0, 0], [-3, 2, 0]], float)
    ways = np.array([[6, 0, 0], [1.9, 0, 0], [-6, 0, 0], [6, 0, 0]], float)
    assert ball.occluded(starts, ways).tolist() == [True, False, False, False]


def test_the_target_itself_does_not_occlude() -> None:
    plane = RayCaster(np.array([[0, -9, -9], [0, 9, -9], [0, 0, 9.0]]), np.array([[0, 1, 2]]))
    assert not plane.occluded(np.array([[-2.0, 0, 0]]), np.array([[2.0, 0, 0]]))[0]


def test_threads_see_the_same(ball: RayCaster) -> None:
    rng = np.random.default_rng(2)
    rays = [rng.normal(size=(2000, 3)) for _ in range(8)]
    alone = [ball.first_hits(np.zeros(3), directions).face for directions in rays]
    with ThreadPoolExecutor(4) as executor:
        together = list(executor.map(lambda d: ball.first_hits(np.zeros(3), d).face, rays))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together))


def test_no_rays(ball: RayCaster) -> None:
    assert len(ball.first_hits(np.zeros((0, 3)), np.zeros((0, 3))).face) == 0
    assert len(ball.occluded(np.zeros((0, 3)), np.zeros((0, 3)))) == 0
