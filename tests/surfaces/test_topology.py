"""Surfaces of random values: closed for all signs, zeros and plateaus, and those of the trilinear field."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from neurfield.surfaces import extract_level_set, manifoldness
from neurfield.surfaces.topology import saddles


def trilinear(values: np.ndarray) -> Callable[[Tensor], Tensor]:
    """The field that interpolates values on a lattice of spacing 1 from the origin."""
    grid = torch.from_numpy(values).double()
    last = torch.tensor(grid.shape) - 2

    def field(points: Tensor) -> Tensor:
        low = torch.minimum(points.double().floor().long(), last).clamp(min=0)
        x, y, z = (points.double() - low).T
        total = torch.zeros(len(points), dtype=torch.float64)
        for corner in range(8):
            a, b, c = corner >> 2, corner >> 1 & 1, corner & 1
            weight = (x if a else 1 - x) * (y if b else 1 - y) * (z if c else 1 - z)
            total += weight * grid[low[:, 0] + a, low[:, 1] + b, low[:, 2] + c]
        return total.float()

    return field


def surface_of(values: np.ndarray, voxel: float = 1.0, level: float = 0.0) -> trimesh.Trimesh:
    box = np.array([[0.0] * 3, [n - 1.0 for n in values.shape]])
    vertices, faces = extract_level_set(trilinear(values), box, voxel, level=level, lipschitz=np.inf)
    return trimesh.Trimesh(vertices, faces, process=False)


def walled(inside: np.ndarray, wall: float = 1.0) -> np.ndarray:
    """Values with one more layer around them, so that no surface leaves the lattice."""
    return np.pad(inside, 1, constant_values=wall)


def assert_closed(mesh: trimesh.Trimesh) -> None:
    counts = manifoldness(mesh)
    assert counts.border_edges == 0 and counts.crowded_edges == 0
    assert mesh.is_winding_consistent and len(np.unique(mesh.faces)) == len(mesh.vertices)


@pytest.mark.parametrize("wall", [1.0, -1.0])
@pytest.mark.parametrize("kind", ["random", "zeros", "plateaus"])
def test_closed_for_all_256_signs(wall: float, kind: str) -> None:
    random = np.random.default_rng(5)
    for case in range(256):
        size = {"random": random.uniform(0.1, 1.0, 8), "plateaus": np.full(8, 0.5), "zeros": np.ones(8)}[kind]
        if kind == "zeros":
            size[random.random(8) < 0.4] = 0.0  # a zero counts as positive, and -0 is one
        values = np.where(case >> np.arange(8) & 1, size, -size).reshape(2, 2, 2)
        mesh = surface_of(walled(values, wall))
        if len(mesh.faces):
            assert_closed(mesh)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), steps=st.sampled_from([0, 2, 5]))
def test_as_the_trilinear_field_however_finely_that_is_looked_at(seed: int, steps: int) -> None:
    # Restricted to a smaller cube a trilinear field is one, too: its topology does not depend on the voxel.
    values = np.random.default_rng(seed).uniform(-1.0, 1.0, (4, 4, 4))
    if steps:  # ties everywhere, none of them at zero
        values = (np.floor(values * steps) + 0.5) / steps + 1e-3 * values
    values = walled(values)
    coarse, fine = surface_of(values), surface_of(values, 0.25)
    assert_closed(coarse)
    assert_closed(fine)
    assert manifoldness(coarse)[2:] == manifoldness(fine)[2:]


def test_positive_corners_hang_together_where_their_product_is_more() -> None:
    for high, pieces in ((2.0, 1), (0.5, 2)):
        values = -np.ones((4, 4, 3))
        values[1, 1, 1] = values[2, 2, 1] = high
        assert manifoldness(surface_of(values)).components == pieces


def test_corners_meet_through_the_inside_of_a_cube() -> None:
    """Chernyaev's case 4: two positive corners at the ends of a diagonal, strong or weak."""
    for high, pieces, euler in ((0.5, 2, 4), (8.0, 1, 2)):
        values = np.full((4, 4, 4), -1.0)
        values[1, 1, 1] = values[2, 2, 2] = high
        values[1:3, 1:3, 1:3][values[1:3, 1:3, 1:3] < 0] = -0.3
        counts = manifoldness(surface_of(values))
        assert (counts.components, counts.euler) == (pieces, euler)


def test_saddles_are_where_the_gradient_is_zero_and_have_their_kind() -> None:
    # f = s ((x - .5)(y - .5) + (y - .5)(z - .5) + (z - .5)(x - .5)) + c: one critical point, no term in xyz.
    corners = np.array([[c >> 2, c >> 1 & 1, c & 1] for c in range(8)]) - 0.5
    x, y, z = corners.T
    for s, c, meets in ((1.0, 0.1, (True, False)), (1.0, -0.1, (False, False)), (-1.0, -0.1, (False, True))):
        values = s * (x * y + y * z + z * x) + c
        found = saddles(np.stack([values, values + 1e-3 * x * y * z]))
        assert [tuple(map(bool, one)) for one in np.stack(found, axis=1)] == [meets, meets]


def test_a_level_is_a_level() -> None:
    values = walled(np.random.default_rng(1).integers(-3, 4, (5, 5, 5)).astype(float), 4.0)
    for level in (0.0, 1.0):
        assert_closed(surface_of(values, level=level))
        moved = surface_of(values + 7.0, level=level + 7.0)
        assert np.array_equal(moved.faces, surface_of(values, level=level).faces)
