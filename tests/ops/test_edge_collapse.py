"""Vertices moved onto neighbours: native and reference agree, and the mesh hangs together as before."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from neurfield.ops import native
from neurfield.ops.edge_collapse import collapse_edges
from neurfield.surfaces import Manifoldness, manifoldness

needs_native = pytest.mark.skipif(native.module is None, reason="no native kernels")


def bumpy(subdivisions: int = 3, seed: int = 0, holes: int = 0) -> trimesh.Trimesh:
    """A ball that is nowhere alike, with holes where faces are left out."""
    random = np.random.default_rng(seed)
    mesh = trimesh.creation.icosphere(subdivisions)
    vertices = mesh.vertices * (1.0 + 0.05 * random.random((len(mesh.vertices), 1)))
    faces = mesh.faces
    for centre in random.normal(size=(holes, 3)):
        centre /= np.linalg.norm(centre)
        faces = faces[np.linalg.norm(mesh.vertices[faces].mean(axis=1) - centre, axis=1) > 0.35]
    return trimesh.Trimesh(vertices, faces, process=False)


def knit(mesh: trimesh.Trimesh, faces: np.ndarray) -> Manifoldness:
    """How faces hang together, the length of borders left out."""
    return manifoldness(trimesh.Trimesh(mesh.vertices, faces, process=False))._replace(border_edges=0)


@needs_native
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kinds", [0, 1, 3])
def test_native_and_reference_agree(seed: int, kinds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = bumpy(seed=seed, holes=seed)
    random = np.random.default_rng(seed)
    attributes = 0.01 * random.random((len(mesh.vertices), kinds))
    locked = random.random(len(mesh.vertices)) < 0.05
    wishes = {"attributes": attributes, "locked": locked}
    target, error = (200, np.inf) if seed % 2 else (0, 0.04)
    fast = collapse_edges(mesh.vertices, mesh.faces, target, error, **wishes)
    monkeypatch.setattr(native, "module", None)
    slow = collapse_edges(mesh.vertices, mesh.faces, target, error, **wishes)
    assert np.array_equal(fast.faces, slow.faces) and len(fast.faces) < 0.7 * len(mesh.faces)
    assert fast.error == pytest.approx(slow.error, rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 4), st.sampled_from([0, 100, 333]))
def test_the_mesh_hangs_together_as_before(seed: int, holes: int, target: int) -> None:
    mesh = bumpy(3, seed, holes)
    two = trimesh.util.concatenate([mesh, trimesh.creation.torus(3.0, 0.5, 24, 12)])
    made = collapse_edges(two.vertices, two.faces, target).faces
    assert target - 1 <= len(made) < 400  # those of closed meshes are even
    assert knit(two, made) == knit(two, two.faces)
    assert trimesh.Trimesh(two.vertices, made, process=False).is_winding_consistent


def test_where_three_faces_meet_nothing_moves() -> None:
    ball = bumpy()
    one, other = ball.edges[0]
    fin = [one, other, len(ball.vertices)]
    mesh = trimesh.Trimesh([*ball.vertices, [2.0, 2.0, 2.0]], [*ball.faces, fin], process=False)
    made = collapse_edges(mesh.vertices, mesh.faces).faces
    assert len(made) < len(mesh.faces) / 2 and manifoldness(mesh).crowded_edges == 1
    assert knit(mesh, made) == knit(mesh, mesh.faces) and np.isin(fin, made).all()


def test_a_plane_costs_nothing_and_keeps_its_corners() -> None:
    n = 20
    x, y = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    vertices = np.stack([x, y, 2 * x + y], axis=-1).reshape(-1, 3).astype(float)
    a = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).reshape(-1)
    faces = np.concatenate([np.stack([a, a + n, a + n + 1], 1), np.stack([a, a + n + 1, a + 1], 1)])
    made = collapse_edges(vertices, faces, error=0.01)
    assert len(made.faces) < 12 and made.error < 0.01
    assert np.isin([0, n - 1, n * (n - 1), n * n - 1], made.faces).all()


def test_what_lies_on_a_plane_counts() -> None:
    n = 33
    x, y = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    vertices = np.stack([x, y, 0 * x], axis=-1).reshape(-1, 3).astype(float)
    a = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).reshape(-1)
    faces = np.concatenate([np.stack([a, a + n, a + n + 1], 1), np.stack([a, a + n + 1, a + 1], 1)])
    picture = (vertices[:, :1] > 15).astype(float)
    made = collapse_edges(vertices, faces, error=0.05, attributes=picture).faces
    assert 4 <= len(made) < len(faces) / 4
    used = np.unique(made)
    inside = np.abs(vertices[used, 0] - 15.5) < 1.0  # the step stays as steep as it was
    assert inside.any()
    corners = vertices[made]
    crossing = (corners[..., 0].min(axis=1) < 15.0) & (corners[..., 0].max(axis=1) > 16.0)
    assert not crossing.any()
    ramp = collapse_edges(vertices, faces, error=0.05, attributes=vertices[:, :1] + 0.5 * vertices[:, 1:2])
    assert len(ramp.faces) < 12  # what changes evenly costs nothing


def test_locked_vertices_stay() -> None:
    mesh = bumpy()
    locked = np.random.default_rng(0).random(len(mesh.vertices)) < 0.2
    made = collapse_edges(mesh.vertices, mesh.faces, locked=locked).faces
    assert np.isin(np.flatnonzero(locked), made).all() and len(made) < len(mesh.faces)


def test_empty_and_wrong() -> None:
    none = np.zeros((0, 3), dtype=np.int64)
    assert collapse_edges(np.zeros((0, 3)), none).faces.shape == (0, 3)
    assert len(collapse_edges(np.eye(3), np.array([[0, 1, 2]])).faces) == 1
    with pytest.raises(ValueError, match="vertices 0 to 2"):
        collapse_edges(np.eye(3), np.array([[0, 1, 3]]))
    with pytest.raises(ValueError, match="at most 3"):
        collapse_edges(np.eye(3), np.array([[0, 1, 2]]), attributes=np.zeros((3, 4)))
