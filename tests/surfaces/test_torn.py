"""Small holes that the field knows nothing of are closed, others stay, and crumbs go."""

from __future__ import annotations

import numpy as np
import trimesh

from neurfield.surfaces.torn import whole
from tests.surfaces.unsigned_shapes import border_length, edge_uses


def ball(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    length = np.linalg.norm(points, axis=1)
    outside = length - 1.0
    return np.abs(outside), points / length[:, None] * np.where(outside < 0.0, -1.0, 1.0)[:, None]


def holed(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A ball that lacks the faces around some of its vertices."""
    mesh = trimesh.creation.icosphere(4)
    vertices, faces = np.asarray(mesh.vertices), np.asarray(mesh.faces)
    lost = np.random.default_rng(seed).choice(len(vertices), count, replace=False)
    return vertices, faces[~np.isin(faces, lost).any(axis=1)]


def test_a_sieve_becomes_whole() -> None:
    vertices, faces = holed(150)
    assert (edge_uses(faces)[1] == 1).sum() > 300
    found, mended = whole(vertices, faces, ball, 0.1)
    assert (edge_uses(mended)[1] == 2).all()
    solid = trimesh.Trimesh(found, mended, process=False)
    assert solid.is_winding_consistent and solid.volume > 0.99 * 4.0 / 3.0 * np.pi
    assert np.abs(np.linalg.norm(found, axis=1) - 1.0).max() < 1e-6


def test_holes_of_the_surface_and_long_borders_stay() -> None:
    vertices, faces = holed(20)
    small = border_length(vertices, faces)

    def sieve(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        distance, normal = ball(points)
        return distance + 0.2, normal

    assert border_length(*whole(vertices, faces, sieve, 0.1)) == small
    half = faces[vertices[faces][:, :, 2].mean(axis=1) > 0.0]
    assert border_length(*whole(vertices, half, ball, 0.1)) > 2.0 * np.pi * 0.9


def test_crumbs_are_dropped_and_pieces_of_some_size_are_not() -> None:
    large, crumb = trimesh.creation.icosphere(3), trimesh.creation.icosphere(1, 0.02)
    crumb.apply_translation([2.0, 0.0, 0.0])
    both = trimesh.util.concatenate([large, crumb])
    vertices, faces = np.asarray(both.vertices), np.asarray(both.faces)
    assert len(whole(vertices, faces, ball, 0.1)[1]) == len(large.faces)
    assert len(whole(vertices, faces, ball, 0.001)[1]) == len(faces)
    assert whole(np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64), ball, 0.1)[1].shape == (0, 3)
