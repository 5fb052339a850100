"""Whether a mesh has an inside: closed, turned, open, torn, soups."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import trimesh

from neurfield.shapes import Shape, UnitShape, mend

BALL = trimesh.creation.icosphere(3)


def shape_of(mesh: trimesh.Trimesh) -> UnitShape:
    return UnitShape(mend(Shape("a", np.asarray(mesh.vertices), np.asarray(mesh.faces))))


def around(count: int = 400) -> torch.Tensor:
    return torch.rand(count, 3, generator=torch.Generator().manual_seed(0)) * 2.0 - 1.0


def ball_sdf(unit: UnitShape, points: torch.Tensor) -> torch.Tensor:
    return points.norm(dim=1) - 1.0 / unit.frame.half


@pytest.mark.parametrize("turned", [False, True])
def test_a_closed_mesh_has_an_inside_whichever_way_it_turns(turned: bool) -> None:
    mesh = BALL.copy()
    if turned:
        mesh.invert()
    unit = shape_of(mesh)
    assert unit.sides.whole == 1.0 and unit.sides.flipped == turned
    assert ("turned inwards" in unit.sides.words) == turned
    points = around()
    torch.testing.assert_close(unit.sdf(points), ball_sdf(unit, points), atol=0.01, rtol=0)
    places, normals = unit.sample(500, torch.Generator().manual_seed(1))
    assert float((places * normals).sum(dim=1).min()) > 0.5  # outwards


def test_a_small_hole_keeps_the_inside_and_a_large_one_does_not() -> None:
    heights = BALL.triangles_center[:, 2]
    small, large = (shape_of(trimesh.Trimesh(BALL.vertices, BALL.faces[heights < h])) for h in (0.98, 0.0))
    assert small.sides.trusted and small.sides.whole < 1.0
    assert not large.sides.trusted
    points = around()
    points = points[(points[:, 2] < 0.5) & (ball_sdf(small, points).abs() > 0.02)]
    assert torch.equal(small.inside(points), ball_sdf(small, points) < 0.0)


def test_faces_that_turn_both_ways_have_no_inside() -> None:
    faces = BALL.faces.copy()
    faces[::2] = faces[::2, ::-1]
    assert not shape_of(trimesh.Trimesh(BALL.vertices, faces, process=False)).sides.trusted


def test_a_soup_without_shared_vertices_has_the_inside_of_its_mesh() -> None:
    soup = np.asarray(BALL.triangles).reshape(-1, 3)
    unit = UnitShape(mend(Shape("a", soup, np.arange(len(soup)).reshape(-1, 3))))
    assert unit.sides.trusted and len(unit.shape.vertices) == len(BALL.vertices)


def test_samples_are_spread_by_area() -> None:
    unit = shape_of(trimesh.creation.box((1.0, 2.0, 0.25)))
    places, _ = unit.sample(20000, torch.Generator().manual_seed(0))
    flat = (places[:, 2].abs() > 0.124 / unit.frame.half).float().mean()
    assert float(flat) == pytest.approx(4.0 / (4.0 + 1.0 + 0.5), abs=0.02)
