"""Signs by vote: whole surfaces of noisy distances without a sign, at any resolution."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import trimesh

from neurfield.surfaces import extract_dual_mesh, extract_mesh_udf
from tests.surfaces.unsigned_shapes import (
    BOX,
    border_length,
    cube,
    edge_uses,
    euler,
    field_of,
    hemisphere,
    noisy,
    sphere,
    torus,
    turned,
)


@pytest.mark.parametrize(
    ("shape", "characteristic", "volume"),
    [
        (sphere(), 2, 4 / 3 * math.pi * 0.63**3),
        (torus(), 0, 2 * math.pi**2 * 0.55 * 0.22**2),
        *((turned(cube(0.5), seed), 2, 1.0) for seed in range(3)),
    ],
)
def test_closed_shapes_are_closed_and_turned_outwards(shape, characteristic: int, volume: float) -> None:  # type: ignore[no-untyped-def]
    mesh = extract_mesh_udf(field_of(shape), BOX, 2.0 / 40)
    assert (edge_uses(mesh.faces)[1] == 2).all() and euler(mesh.faces) == characteristic
    solid = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    assert solid.is_winding_consistent and solid.volume == pytest.approx(volume, rel=0.03)


def test_an_open_surface_ends_where_it_ends() -> None:
    mesh = extract_mesh_udf(field_of(hemisphere()), BOX, 2.0 / 50)
    assert euler(mesh.faces) == 1 and edge_uses(mesh.faces)[1].max() == 2
    assert border_length(mesh.vertices, mesh.faces) == pytest.approx(2 * math.pi * 0.63, rel=0.02)
    assert trimesh.Trimesh(mesh.vertices, mesh.faces).area == pytest.approx(2 * math.pi * 0.63**2, rel=0.02)


@pytest.mark.slow
def test_smaller_cells_do_not_make_a_worse_mesh_of_a_noisy_field() -> None:
    query, radius = noisy(field_of(sphere(0.4)), 0.003, 0.0015), 0.4
    errors = []
    for resolution in (64, 128, 256):
        mesh = extract_mesh_udf(query, BOX, 2.0 / resolution)
        assert (edge_uses(mesh.faces)[1] == 2).all()
        middles = mesh.vertices[mesh.faces].mean(axis=1)
        errors.append(np.abs(np.linalg.norm(middles, axis=1) - radius).mean())
        assert trimesh.Trimesh(mesh.vertices, mesh.faces).volume == pytest.approx(
            4 / 3 * math.pi * radius**3, rel=0.01
        )
    assert errors[2] < 1.05 * errors[1] < 1.1 * errors[0] and errors[0] < 0.004


def test_in_noise_votes_are_whole_and_so_are_tangent_planes_that_are_looked_at_from_both_sides() -> None:
    query = noisy(field_of(sphere(0.4)), 0.003, 0.0015)
    votes = extract_mesh_udf(query, BOX, 2.0 / 128)
    planes = extract_dual_mesh(query, BOX, 2.0 / 128)
    assert (edge_uses(votes.faces)[1] == 2).all() and euler(votes.faces) == 2
    assert (edge_uses(planes.faces)[1] == 2).all() and euler(planes.faces) == 2


def test_no_surface_is_no_mesh_and_a_field_without_gradient_is_told() -> None:
    mesh = extract_mesh_udf(field_of(sphere(5.0)), BOX, 0.1)
    assert mesh.vertices.shape == (0, 3) and mesh.faces.shape == (0, 3)
    with pytest.raises(ValueError, match="no gradient at any of"):
        extract_mesh_udf(lambda p: (torch.zeros(len(p)), torch.zeros_like(p)), BOX, 0.1)
