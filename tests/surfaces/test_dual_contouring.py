"""Dual contouring of fields with a sign: closed, sharp, of marching cubes' topology, two faces an edge."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import trimesh
from torch import Tensor

from neurfield.surfaces import extract_dual_contour, extract_level_set
from tests.surfaces.unsigned_shapes import (
    BOX,
    Closest,
    Query,
    cube,
    edge_uses,
    euler,
    field_of,
    sphere,
    torus,
    turned,
)


def signed(shape: Closest, inside: Closest) -> Query:
    """Distances that are negative where `inside` [n, 3] says so."""
    unsigned = field_of(shape)

    def query(points: Tensor) -> tuple[Tensor, Tensor]:
        distance, gradient = unsigned(points)
        side = torch.where(inside(points), -1.0, 1.0).to(points)
        return side * distance, side[:, None] * gradient

    return query


def of_query(query: Query, box: np.ndarray, voxel: float) -> tuple[np.ndarray, np.ndarray]:
    return extract_dual_contour(lambda points: query(points)[0], query, box, voxel)


def waves(points: Tensor) -> tuple[Tensor, Tensor]:
    """A smooth random field with surfaces all over the box."""
    generator = torch.Generator().manual_seed(3)
    ways = torch.randn(12, 3, generator=generator)
    ways *= 7.0 / ways.norm(dim=1, keepdim=True)
    phase = torch.rand(12, generator=generator) * 2 * math.pi
    angle = points @ ways.T.to(points) + phase
    return torch.sin(angle).mean(dim=1) / 2.0, torch.cos(angle) @ ways.to(points) / 24.0


def rotation(seed: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]


def solid_cube(seed: int, half: float = 0.5) -> Query:
    axes = torch.from_numpy(rotation(seed))
    return signed(
        turned(cube(half), seed), lambda points: ((points @ axes.to(points)).abs() < half).all(dim=1)
    )


@pytest.mark.parametrize(
    ("query", "characteristic", "volume"),
    [
        (signed(sphere(), lambda points: points.norm(dim=1) < 0.63), 2, 4 / 3 * math.pi * 0.63**3),
        (
            signed(torus(), lambda p: (p[:, :2].norm(dim=1) - 0.55) ** 2 + p[:, 2] ** 2 < 0.22**2),
            0, 2 * math.pi**2 * 0.55 * 0.22**2,
        ),
        (signed(cube(0.5), lambda points: (points.abs() < 0.5).all(dim=1)), 2, 1.0),
        *((solid_cube(seed), 2, 1.0) for seed in range(3)),
    ],
)  # fmt: skip
def test_closed_with_the_right_genus_size_and_side(query: Query, characteristic: int, volume: float) -> None:
    vertices, faces = of_query(query, BOX, 0.06)
    assert vertices.dtype == np.float64 and faces.dtype == np.int64
    assert (edge_uses(faces)[1] == 2).all() and euler(faces) == characteristic
    solid = trimesh.Trimesh(vertices, faces, process=False)
    assert solid.is_winding_consistent and solid.volume == pytest.approx(
        volume, rel=0.01
    )  # (voxel / tube)^2 / 12
    assert np.array_equal(np.unique(faces), np.arange(len(vertices)))


def test_edges_and_corners_are_sharper_than_those_of_marching_cubes() -> None:
    query, voxel = solid_cube(2), 0.06
    corners = np.array(np.meshgrid(*[[-0.5, 0.5]] * 3)).reshape(3, -1).T @ rotation(2).T
    dual = of_query(query, BOX, voxel)
    cubes = extract_level_set(lambda points: query(points)[0], BOX, voxel)
    error, nearest = [], []
    for vertices, faces in (dual, cubes):
        middles = torch.from_numpy(vertices[faces].mean(axis=1))
        error.append(float(query(middles)[0].abs().mean()))
        nearest.append([np.linalg.norm(vertices - corner, axis=1).min() for corner in corners])
    assert error[0] < 0.25 * error[1]
    # A cell finds its corner where all three faces cross edges of it.
    assert np.mean(nearest[0]) < 0.4 * np.mean(nearest[1]) and np.median(nearest[0]) < 0.1 * voxel


@pytest.mark.parametrize("voxel", [0.15, 0.08])
def test_no_edge_has_more_than_two_faces_and_borders_lie_at_the_box(voxel: float) -> None:
    vertices, faces = of_query(waves, BOX, voxel)
    edges, uses = edge_uses(faces)
    assert uses.max() == 2
    at_box = np.abs(vertices[edges[uses == 1]]).max(axis=2) > 1.0 - 1.5 * voxel
    assert at_box.all()
    assert trimesh.Trimesh(vertices, faces, process=False).is_winding_consistent


def test_a_field_of_random_signs_has_no_edge_of_more_than_two_faces() -> None:
    values = torch.randn(14, 14, 14, generator=torch.Generator().manual_seed(0))

    def query(points: Tensor) -> tuple[Tensor, Tensor]:
        at = ((points + 1.0) * 6.0).round().long().clamp(0, 13)
        return values[at[:, 0], at[:, 1], at[:, 2]], torch.ones_like(points)

    faces = extract_dual_contour(lambda p: query(p)[0], query, BOX, 1.0 / 6.0, lipschitz=math.inf)[1]
    assert len(faces) > 2000 and edge_uses(faces)[1].max() == 2


def test_level_and_box_offset() -> None:
    box = np.array([[10.0, 20.0, 30.0], [12.0, 22.0, 32.0]])
    centre = torch.tensor([11.0, 21.0, 31.0])

    def query(points: Tensor) -> tuple[Tensor, Tensor]:
        way = points - centre
        return way.norm(dim=1) + 8.0, way / way.norm(dim=1, keepdim=True)

    vertices, faces = extract_dual_contour(lambda p: query(p)[0], query, box, 0.05, level=8.6)
    np.testing.assert_allclose(np.linalg.norm(vertices - centre.numpy(), axis=1), 0.6, atol=2e-3)
    assert euler(faces) == 2


def test_no_surface_is_no_mesh_and_a_broken_field_is_named() -> None:
    one = torch.ones(1)
    vertices, faces = of_query(lambda p: (one.expand(len(p)), p), BOX, 0.1)
    assert vertices.shape == (0, 3) and faces.shape == (0, 3)
    with pytest.raises(ValueError, match=r"the field is nan at \["):
        of_query(lambda p: (p[:, 0] * math.nan, p), BOX, 0.1)
