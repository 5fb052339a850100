"""The benchmark of shapes, tiny: its rows, and what it measures of meshes whose answer is known."""

from __future__ import annotations

import math

import pytest
import trimesh

from benchmarks import bench_shapes, shape_assets
from neurfield.shapes import Shape


def test_the_border_of_half_a_ball_is_a_circle() -> None:
    half = shape_assets.load("half ball")
    assert bench_shapes.border_length(half) == pytest.approx(2.0 * math.pi, rel=1e-3)
    assert bench_shapes.border_length(trimesh.creation.icosphere(2)) == 0.0


def test_dual_meshing_of_exact_distances_is_closed_and_as_published_it_is_not() -> None:
    rows = bench_shapes.exact_rows("ball", trimesh.creation.icosphere(4), 24)
    crossed, published = (dict(zip(bench_shapes.EXACT, row)) for row in rows)
    share = "edges of other than two faces %"
    assert crossed[share] == 0.0 and published[share] > 5.0
    assert 0.0 < crossed["Chamfer %"] < 0.2 and crossed["s"] > 0.0


def test_a_mesh_is_as_near_to_itself_as_can_be() -> None:
    ball = trimesh.creation.icosphere(3)
    unit = bench_shapes.unit_of(ball)
    assert isinstance(unit.shape, Shape)
    chamfer, normals = bench_shapes._scores(ball, unit)
    assert chamfer is not None and chamfer < 1e-4 and normals is not None and normals > 0.999
    assert bench_shapes._scores(None, unit) == (None, None)
