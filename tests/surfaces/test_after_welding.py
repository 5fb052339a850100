"""What is done to a welded mesh: holes filled, triangles made fewer, and how it hangs together counted."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from neurfield.errors import UserError
from neurfield.surfaces import HoleLimit, Manifoldness, clean_up, fill_holes, manifold, manifoldness
from neurfield.surfaces.holes import border_loops


def ball(subdivisions: int = 3) -> trimesh.Trimesh:
    mesh = trimesh.creation.icosphere(subdivisions=subdivisions)
    height = 127.5 * (1.0 + mesh.vertices[:, 2])
    mesh.visual.vertex_colors = np.stack([height, 255 - height, 0 * height, 0 * height + 255], 1).astype(
        np.uint8
    )
    return mesh


def without(mesh: trimesh.Trimesh, gone: np.ndarray) -> trimesh.Trimesh:
    result = mesh.copy()
    result.update_faces(~gone)
    result.remove_unreferenced_vertices()
    return result


def punched(mesh: trimesh.Trimesh, *sizes: float) -> trimesh.Trimesh:
    """With round holes of these angles (radians) around the ends of the axes."""
    middles = mesh.triangles_center / np.linalg.norm(mesh.triangles_center, axis=1, keepdims=True)
    ends = np.concatenate([np.eye(3), -np.eye(3)])
    gone = np.zeros(len(mesh.faces), dtype=bool)
    for size, end in zip(sizes, ends):
        gone |= middles @ end > np.cos(size)
    return without(mesh, gone)


def test_counts_of_known_meshes() -> None:
    assert manifoldness(ball()) == Manifoldness(0, 0, 1, 2)
    assert manifoldness(trimesh.creation.torus(1.0, 0.3)) == Manifoldness(0, 0, 1, 0)
    two = trimesh.util.concatenate([ball(1), ball(1).apply_translation([3, 0, 0])])
    assert manifoldness(two) == Manifoldness(0, 0, 2, 4)
    square = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [9, 9, 9]], [[0, 1, 2], [0, 2, 3]],
                             process=False)  # fmt: skip
    assert manifoldness(square) == Manifoldness(4, 0, 1, 1)  # the vertex of no face does not count
    fin = trimesh.Trimesh(np.eye(5, 3), [[0, 1, 2], [1, 0, 3], [0, 1, 4]], process=False)
    assert manifoldness(fin).crowded_edges == 1 and "1 of more than two" in manifoldness(fin).words
    assert manifoldness(trimesh.Trimesh()) == Manifoldness(0, 0, 0, 0)
    assert "closed" in manifoldness(ball()).words and "2 pieces" in manifoldness(two).words


def test_holes_up_to_a_size_are_closed_and_larger_ones_left() -> None:
    whole = ball()
    mesh = punched(whole, 0.2, 0.3, 0.8)
    loops = border_loops(np.asarray(mesh.faces), len(mesh.vertices))
    assert len(loops) == 3
    at = [mesh.vertices[loop] for loop in loops]
    lengths = sorted(np.linalg.norm(p - np.roll(p, -1, axis=0), axis=1).sum() for p in at)
    filled = fill_holes(mesh, HoleLimit(length=0.5 * (lengths[1] + lengths[2])))
    assert (filled.filled, filled.left) == (2, 1)
    counts = manifoldness(filled.mesh)
    assert counts.crowded_edges == 0 and counts.border_edges == max(len(loop) for loop in loops)
    closed = fill_holes(mesh, HoleLimit()).mesh
    assert closed.is_watertight and closed.is_winding_consistent and closed.euler_number == 2
    assert 0.9 * whole.volume < closed.volume < whole.volume
    assert np.array_equal(closed.visual.vertex_colors, mesh.visual.vertex_colors)
    counts_of = sorted(map(len, loops))
    assert fill_holes(mesh, HoleLimit(edges=counts_of[0] - 1)).filled == 0
    assert fill_holes(mesh, HoleLimit(edges=counts_of[2] - 1)).filled == 2
    assert fill_holes(whole, HoleLimit()).mesh is whole


def test_a_flat_hole_is_filled_flat_whatever_its_shape() -> None:
    # A plate with a hole like an L: the filling has its area, and no triangle lies outside of it.
    n = 7
    x, y = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    vertices = np.stack([x, y, 0 * x], axis=-1).reshape(-1, 3).astype(float)
    hole = {(2, 2), (3, 2), (4, 2), (2, 3), (2, 4)}
    faces = []
    for i in range(n - 1):
        for j in range(n - 1):
            if (i, j) not in hole:
                a, b, c, d = i * n + j, (i + 1) * n + j, (i + 1) * n + j + 1, i * n + j + 1
                faces += [[a, b, c], [a, c, d]]
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    filled = fill_holes(mesh, HoleLimit(edges=12))
    assert (filled.filled, filled.left) == (1, 1)
    assert filled.mesh.area == pytest.approx((n - 1) ** 2)
    assert (filled.mesh.face_normals[:, 2] > 0.99).all()


def test_a_border_that_touches_itself_counts_as_two() -> None:
    whole = ball(2)
    corner = 0
    first, *around = [face for face in range(len(whole.faces)) if corner in whole.faces[face]]
    other = next(f for f in around if len(set(whole.faces[f]) & set(whole.faces[first])) == 1)
    mesh = without(whole, np.isin(np.arange(len(whole.faces)), [first, other]))
    loops = border_loops(np.asarray(mesh.faces), len(mesh.vertices))
    assert [len(loop) for loop in loops] == [3, 3]
    assert fill_holes(mesh, HoleLimit()).mesh.is_watertight


def test_no_edge_gets_a_third_face() -> None:
    # A tetrahedron without two of its faces: the chord that would fill the hole flat is an edge already.
    mesh = trimesh.Trimesh(
        np.concatenate([np.zeros((1, 3)), np.eye(3)]), [[0, 2, 1], [0, 1, 3]], process=False
    )
    filled = fill_holes(mesh, HoleLimit())
    assert manifoldness(filled.mesh).crowded_edges == 0 and filled.mesh.is_watertight


@pytest.mark.parametrize("text", ["", "wide", "-1", "nan", "2.5edges", "0edges", "inf"])
def test_what_is_no_size_of_holes(text: str) -> None:
    with pytest.raises(UserError, match="20edges"):
        HoleLimit.read(text)


def test_sizes_of_holes_as_people_write_them() -> None:
    assert HoleLimit.read("20edges") == HoleLimit(edges=20.0) == HoleLimit.read("20 edges").scaled(3.0)
    assert (
        HoleLimit.read(0.3) == HoleLimit.read("0.3") == HoleLimit.read("0.1").scaled(3.0)._replace(length=0.3)
    )


def test_all_in_their_order_and_said() -> None:
    mesh = clean_up(punched(ball(4), 0.2, 0.8), faces=800, holes="40edges")
    assert len(mesh.faces) <= 800 and manifoldness(mesh).euler == 1
    holes, fewer = mesh.metadata["clean_up"]
    assert holes == "1 hole filled, 1 border is left" and fewer.endswith(f"made {len(mesh.faces):,}")
    plain = ball()
    assert clean_up(plain) is plain
    with pytest.raises(UserError, match="at least 1"):
        clean_up(plain, faces=0)


def test_as_many_as_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = ball(4)
    made = clean_up(mesh, "auto", cell=0.3)
    said = made.metadata["clean_up"][0]
    assert len(made.faces) < 0.7 * len(mesh.faces) and f"made {len(made.faces):,}, off by 0.0" in said
    assert clean_up(mesh, "all", cell=0.3) is mesh and clean_up(mesh, cell=0.3) is mesh
    finer = clean_up(mesh, "auto", cell=0.1)
    assert len(made.faces) < len(finer.faces)
    monkeypatch.setattr("neurfield.ops.native.module", None)
    monkeypatch.setattr("neurfield.surfaces.after_welding._SLOW", 1000)
    kept = clean_up(mesh, "auto", cell=0.3)
    assert len(kept.faces) == len(mesh.faces) and "are kept" in kept.metadata["clean_up"][0]


def test_lengths_of_holes_are_in_the_worlds_unit() -> None:
    mesh = punched(ball(), 0.3)
    assert manifoldness(clean_up(mesh, holes=2.5, unit=1.0)).border_edges == 0
    assert manifoldness(clean_up(mesh, holes=2.5, unit=10.0)).border_edges > 0


@pytest.mark.parametrize("rows", [1, 7, 100])
def test_pieces_are_counted_some_faces_at_a_time(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(rows)
    balls = [ball(1).apply_translation([3 * k, 0, 0]) for k in range(5)]
    mesh = trimesh.util.concatenate(balls)
    mesh = trimesh.Trimesh(mesh.vertices, random.permutation(mesh.faces), process=False)
    whole = manifoldness(mesh)
    monkeypatch.setattr(manifold, "_ROWS", rows)
    assert manifoldness(mesh) == whole == Manifoldness(0, 0, 5, 10)


def test_borders_that_share_a_vertex_are_loops_of_their_own() -> None:
    faces = np.array([[0, 1, 2], [0, 3, 4]])
    loops = sorted(sorted(loop.tolist()) for loop in border_loops(faces, 5))
    assert loops == [[0, 1, 2], [0, 3, 4]]
    assert border_loops(np.zeros((0, 3), dtype=np.int64), 0) == []


def test_a_mesh_that_may_be_less_off_keeps_more_triangles() -> None:
    mesh = trimesh.creation.icosphere(subdivisions=5)
    more, fewer = (clean_up(mesh, "auto", cell=0.1, off=off) for off in (0.02, 0.1))
    assert len(fewer.faces) < len(more.faces) < len(mesh.faces)
    off = [float(np.abs(np.linalg.norm(m.triangles_center, axis=1) - 1.0).mean()) for m in (more, fewer)]
    assert off[0] < off[1]
