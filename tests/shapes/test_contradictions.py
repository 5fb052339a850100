"""Normals that do not fit their points are told from those that do."""

from __future__ import annotations

import numpy as np
import pytest

from neurfield.shapes import Shape, mend
from neurfield.shapes.contradictions import contradiction
from tests.shapes.known_clouds import SHAPES, noisy, plate, torus


@pytest.mark.parametrize("share", [0.0, 0.0025, 0.01])
@pytest.mark.parametrize("name", sorted(SHAPES))
def test_right_normals_are_believed_whichever_side_they_name(name: str, share: float) -> None:
    if name == "plate" and share == 0.01:
        pytest.skip("three deviations thick: no sides can be told")
    points, normals = SHAPES[name](10_000)
    for sign in (1.0, -1.0):
        assert contradiction(noisy(points, share)[0], sign * normals) == ""


def test_normals_that_err_by_some_degrees_are_believed() -> None:
    points, normals = torus(5000)
    wrong = normals + 0.3 * np.random.default_rng(0).normal(size=normals.shape)
    assert contradiction(points, wrong / np.linalg.norm(wrong, axis=1, keepdims=True)) == ""


@pytest.mark.parametrize("share", [0.0, 0.0025])
def test_normals_that_nobody_turned_are_not(share: float) -> None:
    points, normals = torus(10_000)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (len(points), 1))
    assert "point to both sides" in contradiction(noisy(points, share)[0], signs * normals)


def test_normals_in_other_axes_are_not() -> None:
    points, normals = torus(10_000)
    assert "along the surface" in contradiction(points, normals[:, [2, 0, 1]])


def test_what_is_no_surface_tells_nothing() -> None:
    random = np.random.default_rng(0)
    points, normals = random.normal(size=(2, 5000, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    assert contradiction(points, normals) == "" and contradiction(points[:30], normals[:30]) == ""


def test_a_cloud_goes_on_without_them_and_says_so() -> None:
    points, normals = plate(4000)
    shape = mend(Shape("a", points, normals=normals[:, [2, 0, 1]]))
    assert shape.normals is None and "they are not used" in shape.notes[0]
