"""Surfaces of distances without a sign: closed ones closed, open ones with their border, sheets that meet."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import trimesh
from torch import Tensor

from neurfield.surfaces import UnsignedMesh, extract_dual_mesh
from tests.surfaces.unsigned_shapes import (
    BOX,
    Query,
    border_length,
    cube,
    edge_uses,
    euler,
    field_of,
    hemisphere,
    moebius,
    noisy,
    sphere,
    square,
    torus,
    turned,
    union,
)


def errors(mesh: UnsignedMesh, query: Query, voxel: float) -> np.ndarray:
    return query(torch.from_numpy(mesh.vertices))[0].numpy() / voxel


@pytest.mark.parametrize(
    ("shape", "depth", "vertices", "quads", "uses"),
    [
        (sphere(), 5, 2240, 2748, (0, 6096, 1368, 48)),
        (sphere(), 6, 9056, 11652, (0, 24048, 6504, 576)),
        (cube(0.613), 5, 2624, 2622, (456, 7182, 0, 228)),
        pytest.param(torus(), 8, 136536, 177200, (224, 364008, 98064, 10192), marks=pytest.mark.slow),
    ],
)
def test_faithful_is_the_release_with_its_defects(
    shape,
    depth: int,
    vertices: int,
    quads: int,
    uses: tuple[int, ...],  # type: ignore[no-untyped-def]
) -> None:
    # Counts of the released code (cong-yi/DualMesh-UDF), run on the same exact fields.
    mesh = extract_dual_mesh(field_of(shape), BOX, 2.0 / 2**depth, faithful=True)
    assert (len(mesh.vertices), len(mesh.faces)) == (vertices, 2 * quads)
    assert tuple(np.bincount(edge_uses(mesh.faces)[1], minlength=5)[1:]) == uses


@pytest.mark.parametrize(
    ("shape", "characteristic", "volume"),
    [
        (sphere(), 2, 4 / 3 * math.pi * 0.63**3),
        (torus(), 0, 2 * math.pi**2 * 0.55 * 0.22**2),
        (cube(0.613), 2, (2 * 0.613) ** 3),
        (cube(0.5), 2, 1.0),  # in planes of round numbers
        *((turned(cube(0.5), seed), 2, 1.0) for seed in range(4)),
    ],
)
def test_closed_shapes_are_closed_and_turned_outwards(shape, characteristic: int, volume: float) -> None:  # type: ignore[no-untyped-def]
    query, voxel = field_of(shape), 2.0 / 40
    mesh = extract_dual_mesh(query, BOX, voxel)
    assert mesh.vertices.dtype == np.float64 and mesh.faces.dtype == np.int64
    assert (edge_uses(mesh.faces)[1] == 2).all()
    assert euler(mesh.faces) == characteristic and mesh.one_sided == 0
    solid = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    assert solid.is_winding_consistent and solid.volume == pytest.approx(volume, rel=0.005)
    error = errors(mesh, query, voxel)
    assert error.mean() < 0.03 and np.quantile(error, 0.999) < 0.2
    assert np.array_equal(np.unique(mesh.faces), np.arange(len(mesh.vertices)))


def test_creases_and_corners_are_sharp() -> None:
    mesh = extract_dual_mesh(field_of(turned(cube(0.5), 2)), BOX, 2.0 / 32)
    axes, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))
    for corner in np.array(np.meshgrid(*[[-0.5, 0.5]] * 3)).reshape(3, -1).T @ axes.T:
        assert np.linalg.norm(mesh.vertices - corner, axis=1).min() < 1e-3
    assert mesh.vertices[mesh.faces].mean(axis=1) @ axes == pytest.approx(0.0, abs=0.501)


def test_an_open_surface_ends_where_it_ends() -> None:
    query, voxel = field_of(hemisphere()), 2.0 / 50
    mesh = extract_dual_mesh(query, BOX, voxel)
    uses = edge_uses(mesh.faces)[1]
    assert uses.max() == 2 and (uses == 1).sum() > 50 and euler(mesh.faces) == 1  # a disk
    assert border_length(mesh.vertices, mesh.faces) == pytest.approx(2 * math.pi * 0.63, rel=0.02)
    assert trimesh.Trimesh(mesh.vertices, mesh.faces).area == pytest.approx(2 * math.pi * 0.63**2, rel=0.01)
    assert errors(mesh, query, voxel).max() < 0.1


def test_a_strip_of_one_turn_has_one_side_and_one_border() -> None:
    mesh = extract_dual_mesh(field_of(moebius()), BOX, 2.0 / 24)
    uses = edge_uses(mesh.faces)[1]
    assert mesh.one_sided == 1 and uses.max() == 2 and euler(mesh.faces) == 0
    rim = trimesh.load_path(mesh.vertices[edge_uses(mesh.faces)[0][uses == 1]])
    assert len(rim.entities) == 1


@pytest.mark.parametrize(("turn", "slits"), [(False, 0.0), (True, 0.08)])
def test_sheets_that_cross_keep_their_borders_and_their_lines(turn: bool, slits: float) -> None:
    # Where they cross at an angle to the lattice, an edge here and there along the line is left open.
    shape = union(square(0), square(1), square(2))
    mesh = extract_dual_mesh(field_of(turned(shape, 1) if turn else shape), BOX, 2.0 / 32)
    edges, uses = edge_uses(mesh.faces)
    assert border_length(mesh.vertices, mesh.faces) == pytest.approx(3 * 4 * 1.2, rel=0.01 + slits)
    assert (uses == 4).sum() > 20 and (uses == 3).sum() <= 4
    axes = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0] if turn else np.eye(3)
    middles = np.abs(mesh.vertices[edges[uses == 4]].mean(axis=1) @ axes)
    assert np.sort(middles, axis=1)[:, :2].max() < 2.0 / 32  # on one of the three lines


@pytest.mark.parametrize("half", [0.6, 0.58])
def test_noise_moves_the_threshold_with_it(half: float) -> None:
    query, voxel = noisy(field_of(cube(half)), 0.003, 0.0015), 2.0 / 32
    mesh = extract_dual_mesh(query, BOX, voxel)
    assert (edge_uses(mesh.faces)[1] == 2).all() and euler(mesh.faces) == 2
    assert 0.004 < mesh.noise < 0.02
    assert field_of(cube(half))(torch.from_numpy(mesh.vertices))[0].max() < 0.15 * voxel
    published = extract_dual_mesh(query, BOX, voxel, faithful=True)
    assert len(published.faces) < 0.5 * len(mesh.faces)  # the collapse that this is for


def test_a_slope_that_is_not_one_is_reckoned_with() -> None:
    exact = field_of(sphere(0.5))

    def steep(points: Tensor) -> tuple[Tensor, Tensor]:
        distance, gradient = exact(points)
        return 1.2 * distance, 1.2 * gradient

    mesh = extract_dual_mesh(steep, BOX, 2.0 / 32)
    assert (edge_uses(mesh.faces)[1] == 2).all() and euler(mesh.faces) == 2


def test_depth_ten_and_more_where_the_surface_is_small() -> None:
    voxel = 2.0 / 2**12
    mesh = extract_dual_mesh(field_of(sphere(20 * voxel)), BOX, voxel)
    assert (edge_uses(mesh.faces)[1] == 2).all() and euler(mesh.faces) == 2
    assert np.linalg.norm(mesh.vertices, axis=1) == pytest.approx(20 * voxel, abs=0.05 * voxel)


def test_any_box_and_the_surface_leaves_it() -> None:
    box = np.array([[0.1, -0.4, -0.9], [0.9, 0.35, 0.8]])
    mesh = extract_dual_mesh(field_of(sphere(0.6)), box, 0.04)
    assert len(mesh.faces) and (mesh.vertices > box[0] - 0.05).all() and (mesh.vertices < box[1] + 0.05).all()
    assert np.linalg.norm(mesh.vertices, axis=1) == pytest.approx(0.6, abs=0.004)
    assert edge_uses(mesh.faces)[1].max() == 2


def test_no_surface_is_no_mesh() -> None:
    far = field_of(sphere(5.0))
    above = lambda points: (far(points)[0] * 0 + 0.5, far(points)[1])  # noqa: E731
    for query in (far, above):
        mesh = extract_dual_mesh(query, BOX, 0.1)
        assert mesh.vertices.shape == (0, 3) and mesh.faces.shape == (0, 3) and mesh.faces.dtype == np.int64


@pytest.mark.parametrize(
    ("value", "slope", "says"),
    [(0.0, 0.0, "no gradient at any of"), (-1.0, 1.0, "has a sign"), (math.nan, 1.0, "has the fit diverged")],
)
def test_fields_without_a_surface_to_find_are_told(value: float, slope: float, says: str) -> None:
    def query(points: Tensor) -> tuple[Tensor, Tensor]:
        return torch.full((len(points),), value), torch.full((len(points), 3), slope)

    with pytest.raises(ValueError, match=says) as told:
        extract_dual_mesh(query, BOX, 0.1)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(("box", "voxel"), [(BOX[::-1], 0.1), (BOX, 0.0), (BOX, math.nan), (BOX, 1e-7)])
def test_impossible_boxes_and_voxels_are_refused(box: np.ndarray, voxel: float) -> None:
    with pytest.raises(ValueError, match=r"need a box|at most"):
        extract_dual_mesh(field_of(sphere()), box, voxel)


def test_chunks_do_not_change_it_and_no_gradient_is_kept() -> None:
    weight = torch.ones(1, requires_grad=True)
    sizes = []

    def query(points: Tensor) -> tuple[Tensor, Tensor]:
        sizes.append(len(points))
        distance, gradient = field_of(hemisphere())(points)
        return distance * weight, gradient

    told: list[tuple[str, float]] = []
    one = extract_dual_mesh(query, BOX, 0.08, chunk=1000, progress=lambda *what: told.append(what))
    assert max(sizes) <= 1000 and told
    two = extract_dual_mesh(query, BOX, 0.08)
    assert np.array_equal(one.faces, two.faces) and np.allclose(one.vertices, two.vertices)
