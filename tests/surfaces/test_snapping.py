"""Vertices lie where the field has its level, on their own edges; steep fields are found out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from neurfield.surfaces import extract_level_set, find_level_set, snap_to_level

BOX = np.array([[-1.0, -1.1, -0.9], [1.0, 1.2, 1.0]])


def sphere(points: Tensor) -> Tensor:
    return points.norm(dim=1) - 0.7


def query(points: Tensor) -> tuple[Tensor, Tensor]:
    return sphere(points), points / points.norm(dim=1, keepdim=True)


@pytest.mark.parametrize("voxel", [0.05, 0.1, 0.2])
def test_nearer_to_the_level_and_on_the_same_edges(voxel: float) -> None:
    vertices, _ = extract_level_set(sphere, BOX, voxel)
    snapped = snap_to_level(vertices.copy(), BOX, voxel, sphere, query)
    before, after = (np.abs(np.linalg.norm(v, axis=1) - 0.7) for v in (vertices, snapped))
    assert (after <= before + 1e-7).all() and after.mean() < 0.1 * before.mean()
    places, moved = ((v - BOX[0]) / voxel for v in (vertices, snapped))
    assert (np.abs(moved - places).astype(bool).sum(axis=1) <= 1).all()
    axis = np.abs(places - np.rint(places)).argmax(axis=1)
    rows = np.arange(len(places))
    assert (np.floor(places[rows, axis]) == np.floor(moved[rows, axis])).all()


def test_a_step_that_would_leave_the_edge_or_lead_away_is_not_made() -> None:
    vertices, _ = extract_level_set(sphere, BOX, 0.1)

    def wrong(points: Tensor) -> tuple[Tensor, Tensor]:
        return sphere(points), -points  # uphill is downhill

    assert np.array_equal(snap_to_level(vertices.copy(), BOX, 0.1, sphere, wrong), vertices)

    def flat(points: Tensor) -> tuple[Tensor, Tensor]:
        return sphere(points), torch.zeros_like(points)

    assert np.array_equal(snap_to_level(vertices.copy(), BOX, 0.1, sphere, flat), vertices)


def test_vertices_at_corners_stay() -> None:
    def plane(points: Tensor) -> Tensor:
        return points[:, 2]

    box = np.array([[-1.0] * 3, [1.0] * 3])
    vertices, _ = extract_level_set(plane, box, 0.25)
    assert (vertices[:, 2] == 0.0).all()
    snapped = snap_to_level(
        vertices.copy(), box, 0.25, plane, lambda p: (plane(p), torch.eye(3)[[2] * len(p)])
    )
    assert np.array_equal(snapped, vertices)


def test_a_field_of_slope_three_is_found_out_and_extracted_whole() -> None:
    def steep(points: Tensor) -> Tensor:
        """Two shells a third of a voxel block apart, three times as steep as distances."""
        away = points.norm(dim=1)
        return 3.0 * torch.minimum((away - 0.7).abs() - 0.01, (away - 0.3).abs() - 0.01)

    with pytest.warns(UserWarning, match="steeper than a distance"):
        vertices, faces = extract_level_set(steep, BOX, 0.02)
    found = find_level_set(steep, BOX, 0.02)
    whole = find_level_set(steep, BOX, 0.02, lipschitz=math.inf)
    assert found.slope == pytest.approx(3.3, rel=0.05) and whole.slope == math.inf
    assert np.array_equal(vertices, whole.vertices) and np.array_equal(faces, whole.faces)
    assert found.asked < 0.5 * whole.points <= whole.asked


def test_distances_are_not_called_steep(recwarn: pytest.WarningsRecorder) -> None:
    extract_level_set(sphere, BOX, 0.05, lipschitz=1.0)
    assert not len(recwarn)
    made = find_level_set(sphere, BOX, 0.05)
    assert made.slope == pytest.approx(1.25) and 0 < made.asked < made.points and made.seconds > 0.0
