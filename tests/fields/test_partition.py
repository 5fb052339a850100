"""Distances of several labels: each place is of one or of none, and neighbours share their boundary."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import trimesh
from scipy.spatial import cKDTree
from torch import Tensor

from neurfield.encodings import HashGrid
from neurfield.errors import UserError
from neurfield.fields import PartitionField, make_partition
from neurfield.surfaces import extract_level_set, manifoldness
from neurfield.surfaces.level_set_mesh import LevelSet

IDS = (3, 8, 40)


def field_of(ids: tuple[int, ...] = IDS, seed: int = 1) -> PartitionField:
    """A field whose labels are all over the place, and nobody's near the sides of the box."""
    torch.manual_seed(seed)
    grid = HashGrid(levels=4, log2_table_size=10, finest_resolution=16, interpolation="smoothstep")
    field = PartitionField(ids, grid, (32,))
    with torch.no_grad():
        for parameter in field.layers.parameters():
            parameter.normal_(std=0.5)
        grid.table.normal_(std=0.02)
    return field


def points(count: int = 500) -> Tensor:
    return 2.0 * torch.rand(count, 3, generator=torch.Generator().manual_seed(2)) - 1.0


def test_each_place_is_of_one_or_of_none() -> None:
    field = field_of()
    distances = field.distances(points())
    assert ((distances < 0).sum(dim=1) == 1).all()
    owner = field.owner(points())
    assert (distances.argmin(dim=1) == owner).all() and len(owner.unique()) > 1
    assert ((field.sdf(points()) < 0) == (owner > 0)).all()
    for k in range(4):
        assert torch.equal(field.one(k).sdf(points()), distances[:, k])
    with pytest.raises(IndexError):
        field.one(4)


def test_what_has_no_label_is_all_that_the_labels_leave() -> None:
    field = field_of()
    torch.testing.assert_close(field.one(0).sdf(points()), -field.sdf(points()), atol=1e-6, rtol=1e-5)


def assert_gradient_is_that_of_differences(one: Any, at: Tensor) -> None:
    step = 2e-3
    with torch.no_grad():
        sample = one.query(at, gradient=True)
        torch.testing.assert_close(sample.sdf, one.sdf(at), atol=1e-6, rtol=1e-5)
        moved = [one.sdf(at + s * step * e) for e in torch.eye(3) for s in (1, -1)]
        numeric = torch.stack([(a - b) / (2 * step) for a, b in zip(moved[::2], moved[1::2])], dim=1)
    assert sample.gradient is not None
    off = (numeric - sample.gradient).norm(dim=1)
    assert off.median() < 2e-3 and (off < 0.05).float().mean() > 0.9  # rivals change within a step


@pytest.mark.parametrize("index", [None, 0, 2])
def test_values_and_gradients_are_those_of_finite_differences(index: int | None) -> None:
    field = field_of()
    one = field if index is None else field.one(index)
    assert_gradient_is_that_of_differences(one, points(200))


@pytest.mark.parametrize("enclosed", [{}, {3: (40,)}, {3: (8, 40), 8: (40,)}])
def test_a_label_with_others_in_it_ends_around_all_of_them(enclosed: dict[int, tuple[int, ...]]) -> None:
    field = field_of()
    field.inner, field.enclosed = {3: (40,)}, enclosed
    at = points(2000)
    owner = field.owner(at)
    body, rest = field.one(1), field.one(2)
    assert torch.equal(body.sdf(at) < 0, (owner == 1) | (owner == 3)) and (owner == 3).any()
    assert torch.equal(rest.sdf(at) < 0, owner == 2)  # others as ever
    assert_gradient_is_that_of_differences(body, at)


def test_what_a_label_goes_around_is_taken_away_from_it() -> None:
    """Of two balls, one in the other, the network says the whole of each; the decision says the shell."""
    field = PartitionField((3, 8))
    at = points(2000)
    radius = at.norm(dim=1)
    whole, inner = radius - 0.9, radius - 0.3
    outputs = whole, torch.stack([whole, inner], dim=1)
    values = field._decided(*outputs)[0]
    assert (values.argmin(dim=1)[radius < 0.25] == 1).all()  # the deeper one, as nobody said more
    field.enclosed = {3: (8,)}
    values, rows, signs = field._decided(*outputs)
    wanted = torch.where(radius < 0.3, 2, torch.where(radius < 0.9, 1, 0))
    assert (values.argmin(dim=1) == wanted).all()
    raw = torch.stack([whole, whole, inner], dim=1)
    torch.testing.assert_close(values, signs * raw.gather(1, rows))
    two = values.topk(2, dim=1, largest=False).values
    near = (radius - 0.3).abs() < 0.1
    torch.testing.assert_close(0.5 * (two[near, 0] - two[near, 1]), -(radius[near] - 0.3).abs())


def test_a_row_is_one_distance_with_its_gradient_and_learns() -> None:
    field, at = field_of(), points(60)
    row = torch.arange(60) % 4
    sample = field.query(at, gradient=True, row=row)
    values = field.values(at)
    signed = torch.where(row == 0, -1.0, 1.0) * sample.sdf
    torch.testing.assert_close(signed.detach(), values.gather(1, row[:, None])[:, 0])
    (sample.sdf.sum() + sample.gradient.square().sum()).backward()  # type: ignore[union-attr]
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in field.layers.parameters())
    again = field(at.clone().requires_grad_())
    torch.testing.assert_close(again.detach(), field.sdf(at), atol=1e-6, rtol=1e-5)


def test_all_distances_start_as_one_sphere() -> None:
    field = PartitionField(IDS)
    field.start_as_sphere(0.4, inside=False, seed=3)
    at = points()
    values = field.values(at)
    assert torch.equal(values[:, 1:], -values[:, :1].expand(-1, 3))
    assert (field.sdf(at) - (at.norm(dim=1) - 0.4)).abs().mean() < 0.05


class Balls(PartitionField):
    """Exact distances of a ball's two halves, and of a smaller ball in it."""

    def values(self, points: Tensor) -> Tensor:
        whole, small = points.norm(dim=-1) - 0.7, (points - 0.1).norm(dim=-1) - 0.25
        left, right = torch.maximum(whole, points[..., 0]), torch.maximum(whole, -points[..., 0])
        return torch.stack([-whole, torch.maximum(left, -small), torch.maximum(right, -small), small], dim=-1)


def test_neighbours_share_their_boundary_and_leave_no_gap() -> None:
    field, box, voxel = Balls(IDS), np.array([[-1.0] * 3, [1.0] * 3]), 0.05
    meshes = []
    for k in (1, 2, 3):
        vertices, faces = extract_level_set(field.one(k).sdf, box, voxel)
        meshes.append(trimesh.Trimesh(vertices, faces, process=False))
        found = manifoldness(meshes[-1])
        assert not found.border_edges and not found.crowded_edges
    small, left = (np.asarray(meshes[k].vertices) for k in (2, 0))
    lone = small[small[:, 0] < -0.02]  # of the small ball, where the left half alone is beside it
    assert len(lone) > 20 and cKDTree(left).query(lone)[0].max() < 1e-6
    volumes = [float(mesh.volume) for mesh in meshes]
    assert volumes[2] == pytest.approx(4 / 3 * np.pi * 0.25**3, rel=0.03)
    assert sum(volumes) == pytest.approx(4 / 3 * np.pi * 0.7**3, rel=0.02)


def test_the_part_takes_the_labels_of_the_slices() -> None:
    class Two:
        labels = (2, 5)

    assert make_partition.resolved(Two(), ids=[])[0] == {"ids": [2, 5]}  # type: ignore[attr-defined]
    with pytest.raises(UserError, match="--label NAME"):
        make_partition.resolved(Two(), ids=[2])  # type: ignore[attr-defined]
    with pytest.raises(UserError, match="--set field=sdf"):
        make_partition()
    assert make_partition(ids=[2, 5], levels=2).objects == 3


def test_extraction_snaps_vertices_of_neighbours_to_the_same_places() -> None:
    field, box = field_of((1, 2), seed=4), np.array([[-0.9] * 3, [0.9] * 3])
    with torch.no_grad():
        field.layers[-1].bias[0] = -50.0  # nobody's place is nowhere
    a, b = (LevelSet().extract(field.one(k), box, 0.06, torch.device("cpu"))[0] for k in (1, 2))
    assert len(a) > 50 and cKDTree(b).query(a)[0].max() < 1e-5 > cKDTree(a).query(b)[0].max()
