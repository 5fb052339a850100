"""Meshes of known fields: closed, in place, the same whatever was pruned, and as good as the peers'."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import trimesh
from scipy.spatial import cKDTree
from torch import Tensor

from neurfield.surfaces import extract_level_set

BOX = np.array([[-1.0, -1.1, -0.9], [1.0, 1.2, 1.0]])


def sphere(points: Tensor) -> Tensor:
    return points.norm(dim=1) - 0.7


def torus(points: Tensor) -> Tensor:
    ring = points[:, :2].norm(dim=1) - 0.6
    return torch.stack([ring, points[:, 2]], dim=1).norm(dim=1) - 0.22


def waves(points: Tensor) -> Tensor:
    """A smooth random field with surfaces all over the box, slope at most about 1."""
    generator = torch.Generator().manual_seed(3)
    directions = torch.randn(12, 3, generator=generator)
    directions *= 7.0 / directions.norm(dim=1, keepdim=True)
    phase = torch.rand(12, generator=generator) * 2 * math.pi
    return torch.sin(points @ directions.T + phase).mean(dim=1) / 2.0


FIELDS = {"sphere": sphere, "torus": torus, "waves": waves}


def mesh_of(field, voxel: float, **options) -> trimesh.Trimesh:  # type: ignore[no-untyped-def]
    vertices, faces = extract_level_set(field, BOX, voxel, **options)
    assert vertices.dtype == np.float64 and faces.dtype == np.int64
    return trimesh.Trimesh(vertices, faces, process=False)


@pytest.mark.parametrize(("name", "euler"), [("sphere", 2), ("torus", 0)])
@pytest.mark.parametrize("voxel", [0.11, 0.03])
def test_closed_with_the_right_genus_size_and_side(name: str, euler: int, voxel: float) -> None:
    mesh = mesh_of(FIELDS[name], voxel)
    assert mesh.is_watertight and mesh.is_winding_consistent and mesh.euler_number == euler
    assert len(mesh.vertices) == len(np.unique(mesh.faces))
    exact = {"sphere": 4 / 3 * math.pi * 0.7**3, "torus": 2 * math.pi**2 * 0.6 * 0.22**2}[name]
    assert mesh.volume == pytest.approx(
        exact, rel=20 * voxel**2
    )  # positive: normals point to where the field is
    error = FIELDS[name](torch.tensor(mesh.vertices)).abs().max()
    assert error < voxel**2


@pytest.mark.parametrize("name", FIELDS)
def test_pruned_is_dense_bit_for_bit(name: str) -> None:
    asked = []

    def counting(points: Tensor) -> Tensor:
        asked.append(len(points))
        return FIELDS[name](points)

    voxel = 0.025
    sparse = extract_level_set(counting, BOX, voxel, chunk=3000)
    evaluations = sum(asked)
    dense = extract_level_set(FIELDS[name], BOX, voxel, lipschitz=math.inf)
    assert np.array_equal(sparse[0], dense[0]) and np.array_equal(sparse[1], dense[1])
    assert evaluations < 0.9 * np.prod((BOX[1] - BOX[0]) / voxel)
    assert max(asked) <= 3000


@pytest.mark.parametrize("name", FIELDS)
def test_no_cracks_inside_the_box(name: str) -> None:
    mesh = mesh_of(FIELDS[name], 0.05)
    edges, counts = np.unique(mesh.edges_sorted, axis=0, return_counts=True)
    assert counts.max() == 2
    ends = mesh.vertices[edges[counts == 1]]
    last = BOX[0] + 0.05 * np.round((BOX[1] - BOX[0]) / 0.05)
    on_border = (np.isclose(ends, BOX[0]) | np.isclose(ends, last)).all(axis=1).any(axis=1)
    assert on_border.all()


def test_a_field_steeper_than_reckoned_is_followed_to_its_end() -> None:
    # Twelve times too steep away from one spot: there alone the pruning keeps cells, the rest is walked to.
    def steep(points: Tensor) -> Tensor:
        return sphere(points) * (1.0 + 11.0 * (points[:, 0] < 0.4))

    mesh = mesh_of(steep, 0.02, lipschitz=1.0)
    assert mesh.is_watertight and mesh.euler_number == 2
    assert mesh.area == pytest.approx(4 * math.pi * 0.49, rel=0.01)


@pytest.mark.parametrize("name", FIELDS)
def test_as_the_peers_have_it(name: str) -> None:
    mcubes, measure = pytest.importorskip("mcubes"), pytest.importorskip("skimage.measure")
    voxel, box = 0.04, np.array([[-1.0] * 3, [1.0] * 3])
    vertices, faces = extract_level_set(FIELDS[name], box, voxel)
    mine = trimesh.Trimesh(vertices, faces, process=False)
    axis = torch.arange(51) * voxel - 1.0
    lattice = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1)
    values = FIELDS[name](lattice.view(-1, 3)).view(51, 51, 51).numpy()
    for v, f in (mcubes.marching_cubes(values, 0.0), measure.marching_cubes(values, 0.0)[:2]):
        peer = trimesh.Trimesh(v * voxel - 1.0, f, process=False)
        assert len(vertices) == len(np.unique(np.round(peer.vertices, 6), axis=0)) == len(peer.vertices)
        assert cKDTree(peer.vertices).query(vertices)[0].max() < 2e-5
        assert mine.area == pytest.approx(peer.area, rel=2e-3)
        if mine.is_watertight:
            assert mine.volume == pytest.approx(abs(peer.volume), rel=2e-3)


def test_level_and_box_offset() -> None:
    box = np.array([[10.0, 20.0, 30.0], [12.0, 22.0, 32.0]])
    centre = torch.tensor([11.0, 21.0, 31.0])
    vertices, _ = extract_level_set(lambda p: (p - centre).norm(dim=1), box, 0.05, level=0.6)
    np.testing.assert_allclose(np.linalg.norm(vertices - centre.numpy(), axis=1), 0.6, atol=1e-3)


def test_no_surface_is_no_mesh() -> None:
    for sign in (-1.0, 1.0):
        vertices, faces = extract_level_set(lambda p, s=sign: torch.full((len(p),), s), BOX, 0.1)
        assert vertices.shape == (0, 3) and faces.shape == (0, 3)


def test_a_flat_box_and_a_voxel_larger_than_it() -> None:
    vertices, faces = extract_level_set(lambda p: p[:, 2] - 0.05, np.array([[0, 0, 0], [1, 1, 0.1]]), 0.03)
    assert len(faces) and np.allclose(vertices[:, 2], 0.05)
    vertices, faces = extract_level_set(lambda p: p[:, 2] - 0.5, np.array([[0, 0, 0], [1, 1, 1]]), 5.0)
    assert len(faces) == 2


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_field_that_is_no_number_is_named_with_its_place(value: float) -> None:
    def broken(points: Tensor) -> Tensor:
        return torch.where(points[:, 0] > 0.5, torch.tensor(value), sphere(points))

    with pytest.raises(ValueError, match=rf"the field is {value} at \["):
        extract_level_set(broken, BOX, 0.1)


@pytest.mark.parametrize(
    ("box", "voxel"), [(BOX[::-1], 0.1), (BOX, 0.0), (BOX, math.nan), (BOX * math.inf, 0.1)]
)
def test_impossible_boxes_and_voxels_are_refused(box: np.ndarray, voxel: float) -> None:
    with pytest.raises(ValueError, match="need a box"):
        extract_level_set(sphere, box, voxel)


def test_progress_only_grows_within_a_stage_and_no_gradient_is_kept() -> None:
    told: list[tuple[str, float]] = []
    weight = torch.ones(1, requires_grad=True)
    extract_level_set(lambda p: sphere(p) * weight, BOX, 0.05, chunk=5000, progress=lambda *a: told.append(a))
    assert all(0.0 <= fraction <= 1.0 for _, fraction in told)
    for stage in {text for text, _ in told}:
        fractions = [fraction for text, fraction in told if text == stage]
        assert fractions == sorted(fractions)
