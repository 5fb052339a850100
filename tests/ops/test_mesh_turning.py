"""Edges of triangles: borders, and faces turned alike; native and reference agree."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from neurfield.ops import native
from neurfield.ops.mesh_turning import border_vertices, faces_to_turn
from neurfield.ops.reference import mesh_turning as reference

needs_native = pytest.mark.skipif(native.module is None, reason="no native kernels")


def shuffled(mesh: trimesh.Trimesh, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A mesh whose faces begin anywhere, in any order, and are turned at random."""
    generator = np.random.default_rng(seed)
    faces = generator.permutation(np.asarray(mesh.faces, dtype=np.int64))
    faces = np.take_along_axis(faces, (generator.integers(0, 3, (len(faces), 1)) + np.arange(3)) % 3, axis=1)
    over = generator.random(len(faces)) < 0.5
    return np.asarray(mesh.vertices), np.where(over[:, None], faces[:, ::-1], faces)


def strip(turns: int, count: int = 30) -> trimesh.Trimesh:
    """A closed strip with so many half turns."""
    angle = np.arange(count) * 2.0 * np.pi / count
    out = np.stack([np.cos(angle), np.sin(angle), np.zeros(count)], axis=1)
    tilt = turns * angle[:, None] / 2.0
    across = 0.3 * (np.cos(tilt) * out + np.sin(tilt) * [0.0, 0.0, 1.0])
    low, high = np.arange(count), np.arange(count) + count
    next_low, next_high = np.roll(low, -1), np.roll(high, -1)
    if turns % 2:
        next_low[-1], next_high[-1] = count, 0
    faces = np.concatenate([np.stack([low, next_low, high], 1), np.stack([high, next_low, next_high], 1)])
    return trimesh.Trimesh(np.concatenate([out - across, out + across]), faces, process=False)


def half_ball() -> trimesh.Trimesh:
    ball = trimesh.creation.icosphere(2)
    return trimesh.Trimesh(ball.vertices, ball.faces[ball.triangles_center[:, 2] > 0.05], process=False)


SHAPES = {
    "ball": lambda: trimesh.creation.icosphere(2),
    "two balls": lambda: (
        trimesh.creation.icosphere(2) + trimesh.creation.icosphere(1).apply_translation([3, 0, 0])
    ),
    "half ball": half_ball,
    "Moebius strip": lambda: strip(1),
    "Moebius strip and ball": lambda: strip(1) + trimesh.creation.icosphere(1),
    "nothing": lambda: trimesh.Trimesh(np.zeros((3, 3)), np.zeros((0, 3), dtype=np.int64), process=False),
}


@needs_native
@pytest.mark.parametrize("name", SHAPES)
def test_native_is_the_reference(name: str) -> None:
    assert hasattr(native.module, "surface_turn_faces")
    for seed in range(3):
        vertices, faces = shuffled(SHAPES[name](), seed)
        over, one_sided = faces_to_turn(vertices, faces)
        wanted, also = reference.faces_to_turn(vertices, faces)
        assert over.dtype == bool and np.array_equal(over, wanted) and one_sided == also
        got = border_vertices(faces, len(vertices))
        assert got.dtype == bool and np.array_equal(got, reference.border_vertices(faces, len(vertices)))


@needs_native
def test_random_triangles_have_the_reference_borders_and_pieces() -> None:
    generator = np.random.default_rng(0)
    for count in (1, 50, 200, 3000):
        faces = generator.integers(0, 60, (count, 3))  # repeated corners, edges of many faces
        assert np.array_equal(border_vertices(faces, 60), reference.border_vertices(faces, 60))
        _, first = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)
        distinct = faces[np.sort(first)]
        distinct = distinct[(np.diff(np.sort(distinct, axis=1)) > 0).all(axis=1)]
        vertices = generator.normal(size=(60, 3))
        got, wanted = faces_to_turn(vertices, distinct), reference.faces_to_turn(vertices, distinct)
        assert got[1] == wanted[1]
        # A face alone is flat: neither way is outwards.
        edges = np.sort(distinct[:, [[0, 1], [1, 2], [2, 0]]], axis=2)
        _, edge, uses = np.unique(edges.reshape(-1, 2), axis=0, return_inverse=True, return_counts=True)
        alone = (uses[edge].reshape(-1, 3) != 2).all(axis=1)
        assert np.array_equal(got[0][~alone], wanted[0][~alone])


def test_a_shuffled_ball_is_turned_outwards() -> None:
    vertices, faces = shuffled(SHAPES["two balls"](), 5)
    over, one_sided = faces_to_turn(vertices, faces)
    turned = trimesh.Trimesh(vertices, np.where(over[:, None], faces[:, ::-1], faces), process=False)
    assert turned.is_winding_consistent and turned.volume > 4.0 and one_sided == 0
    assert not border_vertices(faces, len(vertices)).any()


def test_a_moebius_strip_has_one_side_and_stays() -> None:
    vertices, faces = shuffled(strip(1), 1)
    over, one_sided = faces_to_turn(vertices, faces)
    assert one_sided == 1 and not over.any()
    assert border_vertices(faces, len(vertices)).all()
    assert faces_to_turn(*shuffled(strip(2), 1))[1] == 0


def test_half_a_ball_ends_at_its_rim() -> None:
    mesh = half_ball()
    border = border_vertices(np.asarray(mesh.faces, dtype=np.int64), len(mesh.vertices))
    used = np.unique(mesh.faces)
    assert border.any() and mesh.vertices[border, 2].max() < mesh.vertices[used, 2].max() / 2
    assert not border[np.setdiff1d(np.arange(len(mesh.vertices)), used)].any()


def test_faces_of_no_vertices_are_refused() -> None:
    for refuse in (lambda f: border_vertices(f, 3), lambda f: faces_to_turn(np.zeros((3, 3)), f)):
        with pytest.raises(ValueError, match="faces must be of vertices 0 to 2"):
            refuse(np.array([[0, 1, 3]]))
