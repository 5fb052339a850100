"""Shape makers: closed, outward, of the size asked for."""

from __future__ import annotations

import numpy as np
import pytest

from neurfield.scenes.room.designs import DESIGNS
from neurfield.scenes.room.shapes import (
    Shape,
    block,
    circle,
    curve,
    lathe,
    loft,
    prism,
    rectangle_frame,
    rotation,
    rounded,
    rounded_box,
    superellipse,
    superellipsoid,
    sweep,
    tube,
)
from neurfield.scenes.room.sheets import leaf, pillow, sheet
from neurfield.scenes.room.shell import carved_hull


def wave_grid() -> np.ndarray:
    u, v = np.meshgrid(np.linspace(0, 1, 9), np.linspace(0, 0.7, 7), indexing="ij")
    return np.stack([u, v, 0.05 * np.sin(6 * u)], 2)


BEND = [(0, 0, 0), (1, 0, 0), (1, 1, 0)]
FRUSTUM = [np.column_stack([r * circle(12), np.full(12, z)]) for r, z in ((0.2, 0.0), (0.1, 0.5))]
MITRE = [(0, 0), (0, -0.02), (0.03, -0.02), (0.03, 0)]
SHAPES = {
    "rounded box": rounded_box((0.4, 0.3, 0.2), (0, 0, 0), 0.05, 3, (3, 2, 1), (0.01, 0.0, 0.03)),
    "sharp radius": rounded_box((0.4, 0.3, 0.002), radius=0.5),
    "block": block((-1, 0, 0), (1, 2, 3)),
    "tube": tube(curve([(0, 0, 0), (0.1, 0, 0.3), (0.4, 0.2, 0.5)], 12), 0.01),
    "ring": tube(np.column_stack([circle(24), np.zeros(24)]), 0.05, closed=True),
    "upright": tube([(0, 0, 0), (0, 0, 1)], 0.01),
    "swept": sweep(curve(BEND, 9), superellipse(0.02, 0.05), scale=np.linspace(1, 0.3, 9)),
    "turned": lathe([(0, 0), (0.1, 0), (0.12, 0.2), (0, 0.2)]),
    "turned hollow": lathe([(0.1, 0), (0.1, 0.2), (0.09, 0.2), (0.09, 0)]),
    "ellipsoid": superellipsoid((0.2, 0.3, 0.1), 0.4, 0.6),
    "slab": prism(superellipse(0.5, 0.3), 0.1, 0.2, 0.01, 3),
    "frame": rectangle_frame(0.6, 0.4, MITRE),
    "cone": loft(np.stack(FRUSTUM)),
    "sheet": sheet(wave_grid(), 0.01),
    "pillow": pillow(0.4, 0.4, 0.15),
    "leaf": leaf(0.3, 0.1, 40, 90),
}


def is_closed(shape: Shape) -> bool:
    f = shape.faces
    edges = np.concatenate([f[:, [0, 1]], f[:, [1, 2]], f[:, [2, 0]]])
    there = {tuple(e) for e in edges.tolist()}
    return len(there) == len(edges) and all((b, a) in there for a, b in there)


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_are_closed_outward_and_without_slivers_of_no_area(name: str) -> None:
    shape = SHAPES[name]
    a, b, c = (shape.vertices[shape.faces[:, i]] for i in range(3))
    assert is_closed(shape)
    assert shape.signed_volume() > 0
    assert np.linalg.norm(np.cross(b - a, c - a), axis=1).min() > 0
    assert np.array_equal(np.unique(shape.faces), np.arange(len(shape.vertices)))


def test_rounded_box_has_the_size_asked_for_and_loses_only_its_edges() -> None:
    box = rounded_box((0.4, 0.3, 0.2), (1, 2, 3), radius=0.02, segments=4)
    assert np.allclose(box.vertices.min(0), [0.8, 1.85, 2.9])
    assert np.allclose(box.vertices.max(0), [1.2, 2.15, 3.1])
    # a box of half extents h and radius r is a smaller box, six slabs, twelve quarter cylinders and a ball
    x, y, z, r = 0.36, 0.26, 0.16, 0.02
    exact = x * y * z + 2 * r * (x * y + y * z + z * x) + np.pi * r**2 * (x + y + z) + 4 / 3 * np.pi * r**3
    assert np.isclose(box.signed_volume(), exact, rtol=2e-3)


def test_turned_bodies_have_the_volume_of_their_profile() -> None:
    cylinder = lathe([(0, 0), (0.1, 0), (0.1, 0.5), (0, 0.5)], 200)
    assert np.isclose(cylinder.signed_volume(), np.pi * 0.1**2 * 0.5, rtol=1e-3)
    ball = superellipsoid((0.3, 0.3, 0.3), segments=120, rings=80)
    assert np.isclose(ball.signed_volume(), 4 / 3 * np.pi * 0.3**3, rtol=3e-3)


def test_the_hull_is_closed_and_its_volume_is_the_room_with_window_and_door() -> None:
    shell = DESIGNS["room0"].shell
    hull = carved_hull(shell)
    assert is_closed(hull)
    inwards = -hull.signed_volume()
    recess, niche = 0.26 * 1.70 * 1.38, 0.07 * 0.88 * 2.06
    assert np.isclose(inwards, shell.width * shell.depth * shell.height + recess + niche, rtol=1e-9)


def test_subset_keeps_only_the_vertices_it_needs() -> None:
    box = block((0, 0, 0), (1, 1, 1))
    top = box.subset(box.vertices[box.faces][..., 2].min(1) > 0.99)
    assert len(top.faces) < len(box.faces)
    assert np.array_equal(np.unique(top.faces), np.arange(len(top.vertices)))


def test_rotation_turns_counter_clockwise_about_each_axis() -> None:
    x, y, z = np.eye(3)
    assert np.allclose(rotation(90, "z") @ x, y)
    assert np.allclose(rotation(90, "x") @ y, z)
    assert np.allclose(rotation(90, "y") @ z, x)


def test_rounded_keeps_ends_and_stays_inside_the_corner() -> None:
    line = rounded([(0, 0), (1, 0), (1, 1)], 0.2, 6)
    assert np.allclose(line[0], [0, 0]) and np.allclose(line[-1], [1, 1])
    assert (line[:, 0] - line[:, 1] < 1.0).all()
