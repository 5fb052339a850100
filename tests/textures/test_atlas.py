"""Charts, texels and what lies between them."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from neurfield.errors import UserError
from neurfield.textures import covered, unwrap
from neurfield.textures.fill import filled, grown
from neurfield.textures.texels import reached


def by_hand(corners: np.ndarray, size: int) -> dict[int, set[int]]:
    """Of each texel the faces whose triangle holds its centre, edges included."""
    found: dict[int, set[int]] = {}
    for face, (a, b, c) in enumerate(corners):
        double = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        for row in range(size):
            for column in range(size):
                p = np.array([column + 0.5, row + 0.5])
                second = ((p[0] - a[0]) * (c[1] - a[1]) - (p[1] - a[1]) * (c[0] - a[0])) / double
                third = ((b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])) / double
                if min(second, third, 1.0 - second - third) >= 0:
                    found.setdefault(row * size + column, set()).add(face)
    return found


@pytest.mark.parametrize("size", [1, 7, 16])
@pytest.mark.parametrize("count", [0, 1, 13])
def test_texels_are_those_whose_centres_faces_hold(size: int, count: int) -> None:
    corners = np.random.default_rng(size + count).uniform(-3, size + 3, (count, 3, 2))
    texels = covered(corners, size)
    truth = by_hand(corners, size)
    assert set(texels.place.tolist()) == set(truth)
    assert len(np.unique(texels.place)) == len(texels.place)
    assert all(face in truth[place] for place, face in zip(texels.place.tolist(), texels.face.tolist()))
    assert (np.diff(texels.face) >= 0).all()
    centre = np.einsum("tk,tkd->td", texels.weights, corners[texels.face])
    np.testing.assert_allclose(centre[:, 0], texels.place % size + 0.5, atol=1e-4)
    np.testing.assert_allclose(centre[:, 1], texels.place // size + 0.5, atol=1e-4)


def test_faces_without_an_area_cover_nothing() -> None:
    flat = np.array([[[1.5, 1.5], [4.5, 4.5], [6.5, 6.5]], [[2.5, 2.5]] * 3])
    assert len(covered(flat, 8).place) == 0


def test_faces_smaller_than_a_texel_have_one_where_it_is_free() -> None:
    small = np.array([[4.6, 4.6], [4.9, 4.6], [4.6, 4.9]])  # beside the centre of texel (4, 4)
    large = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]])
    hidden = np.array([[0.6, 0.6], [0.9, 0.6], [0.6, 0.9]])  # in a texel of the large one
    corners = np.stack([large, small, small + 0.01, hidden])
    texels, exact = reached(corners, 8), covered(corners, 8)
    assert set(exact.face.tolist()) == {0}
    assert texels.place[texels.face == 1].tolist() == [4 * 8 + 4]
    assert set(texels.face.tolist()) == {0, 1} and len(np.unique(texels.place)) == len(texels.place)
    assert (np.diff(texels.face) >= 0).all()
    np.testing.assert_allclose(texels.weights.sum(axis=1), 1.0, atol=1e-6)
    assert len(reached(np.zeros((0, 3, 2)), 8).place) == 0


def test_charts_grow_by_their_own_colours() -> None:
    picture, known = np.full((12, 12, 3), 9.0, np.float32), np.zeros((12, 12), bool)
    known[2:5, 2:5], picture[2:5, 2:5] = True, 0.0
    known[2:5, 9:12], picture[2:5, 9:12] = True, 1.0
    larger, there = grown(picture, known, 2)
    assert there[:7, :7].all() and (larger[:7, :7] == 0.0).all()
    assert there[:7, 7:].all() and (larger[:7, 7:] == 1.0).all()
    assert not there[7:].any()
    np.testing.assert_array_equal(grown(picture, known, 0)[1], known)
    nothing = grown(picture, np.zeros((12, 12), bool), 2)
    assert not nothing[1].any()


def test_charts_do_not_lie_on_each_other_and_keep_shapes() -> None:
    pytest.importorskip("xatlas", reason="the extra texture is not installed")
    mesh = trimesh.creation.icosphere(subdivisions=3, radius=1e3).apply_translation([5e5, 5e6, 100.0])
    atlas = unwrap(mesh, 256)
    assert atlas.size == 256 and atlas.uv.min() >= 0 and atlas.uv.max() <= 1
    np.testing.assert_array_equal(atlas.origin[atlas.faces], mesh.faces)
    texels = covered(atlas.corners, 256)
    first, second = (np.diff(atlas.corners, axis=1)[:, k] for k in range(2))
    areas = 0.5 * np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0])
    # Were charts to overlap, texels would be fewer than the faces' areas.
    assert len(texels.place) == pytest.approx(areas.sum(), rel=0.03)
    assert areas.sum() > 0.35 * 256**2
    density = areas / mesh.area_faces
    assert density.max() / density.min() < 3.0


def test_what_is_no_texture_is_one_line() -> None:
    ball = trimesh.creation.icosphere(subdivisions=1)
    for size in (0, -5, 100_000):
        with pytest.raises(UserError, match="texels a side"):
            unwrap(ball, size)
    with pytest.raises(UserError, match="empty"):
        unwrap(trimesh.Trimesh(), 64)


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (16, 16), (33, 20)])
def test_filling_keeps_what_is_known_and_takes_what_is_near(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    picture = random.uniform(size=(*shape, 3)).astype(np.float32)
    known = random.uniform(size=shape) < 0.3
    known[0, 0] = True
    picture[~known] = np.nan
    whole = filled(np.nan_to_num(picture), known)
    np.testing.assert_array_equal(whole[known], picture[known])
    low, high = picture[known].min(axis=0), picture[known].max(axis=0)
    assert (whole >= low - 1e-6).all() and (whole <= high + 1e-6).all()
    left = np.zeros((16, 16, 3), np.float32)
    left[:, 8:] = 1.0
    some = np.zeros((16, 16), bool)
    some[3:13, 2:5] = some[3:13, 11:14] = True
    whole = filled(left, some)
    assert (whole[:, :6] == 0.0).all() and (whole[:, 10:] == 1.0).all()


def test_nothing_known_stays_as_it_is() -> None:
    nothing = np.zeros((4, 4, 3), np.float32)
    assert filled(nothing, np.zeros((4, 4), bool)) is nothing
