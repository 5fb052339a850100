"""What is measured of meshes of slices, where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from benchmarks import slice_metrics
from benchmarks.bench_shapes import unit_of
from neurfield.slices import cut, parallel_planes
from neurfield.slices.unit_slices import UnitSlices


def fine_box(steps: float = 0.0) -> trimesh.Trimesh:
    """A box of side 2, its sides waved along Z by so much."""
    box = trimesh.creation.box([2.0, 2.0, 2.0])
    vertices, faces = trimesh.remesh.subdivide_to_size(box.vertices, box.faces, 0.1)
    mesh = trimesh.Trimesh(vertices, faces)
    wave = 1.0 + steps * np.sin(20.0 * mesh.vertices[:, 2])
    mesh.vertices[:, :2] *= wave[:, None]
    return mesh


def test_a_mesh_is_as_near_to_itself_as_can_be_and_a_larger_one_is_not() -> None:
    box = fine_box()
    far, volume, euler, ripple, _ = slice_metrics.closely(box, unit_of(box))
    assert far < 1e-3 and abs(volume) < 1e-6 and euler == 0.0 and ripple < 0.1
    far, volume, _, ripple, none = slice_metrics.closely(box.copy().apply_scale(1.1), unit_of(box))
    assert far == pytest.approx(100.0 * 0.1 * 3**0.5 / 12**0.5, rel=0.1)
    assert volume == pytest.approx(33.1, abs=0.1) and ripple < 1.0 and none is None


def test_terraces_are_ripple_and_a_bubble_is_another_euler_number() -> None:
    box, waved = fine_box(), fine_box(0.01)
    ripple = slice_metrics.closely(waved, unit_of(box))[3]
    # A wave a sin(w z) leans normals by arctan(a w cos(w z)): 11.3 degrees at most on four sides of six.
    assert 4.0 < ripple < 9.0
    bubble = trimesh.creation.icosphere(2, 0.2).apply_translation([0.0, 0.0, 2.0])
    assert slice_metrics.closely(trimesh.util.concatenate([box, bubble]), unit_of(box))[2] == 2.0
    ball = trimesh.creation.icosphere(2)
    assert np.isnan(slice_metrics.ripple(np.asarray(ball.vertices), np.asarray(ball.vertex_normals), ball))


def test_a_staircase_has_terraces_and_other_ripples_have_none() -> None:
    cone = trimesh.creation.cone(2.0, 2.0, sections=40)
    slices = cut(cone, parallel_planes(np.asarray(cone.bounds), 10))
    fine = trimesh.Trimesh(*trimesh.remesh.subdivide_to_size(cone.vertices, cone.faces, 0.06))

    def stepped(amount: float, period: float) -> float:
        made = fine.copy()
        wave = 1.0 + amount * np.sin(2.0 * np.pi * made.vertices[:, 2] / period)
        made.vertices[:, :2] *= wave[:, None]
        places, face = trimesh.sample.sample_surface(made, 20_000, seed=0)
        return slice_metrics.terraces(places, made.face_normals[face], cone, slices)

    assert stepped(0.0, 0.2) < 0.3
    assert stepped(0.01, 0.2) > 3.0 and stepped(0.02, 0.2) > 1.5 * stepped(0.01, 0.2)
    assert stepped(0.01, 0.2) > 3.0 * stepped(0.01, 0.137)  # of the planes' own period alone


@pytest.mark.parametrize("name", ["box", "cylinder"])
def test_invented_shapes_are_closed_and_turned(name: str) -> None:
    mesh = slice_metrics.invented(name)
    assert mesh is not None and mesh.is_watertight and mesh.volume > 1.0
    assert np.abs(mesh.face_normals).max() < 0.999
    assert slice_metrics.invented("hand") is None


def test_poisson_goes_through_contours() -> None:
    pytest.importorskip("open3d")
    ball = trimesh.creation.icosphere(4, 1.0)
    slices = UnitSlices(cut(ball, parallel_planes(np.asarray(ball.bounds), 12)))
    made = slice_metrics.poisson(slices, 6000)
    assert made is not None
    assert abs(float(np.median(np.linalg.norm(made.vertices, axis=1))) - 1.0) < 0.05
