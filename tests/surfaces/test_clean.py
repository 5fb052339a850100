"""Cleaning keeps what should stay: pieces by area, closed meshes closed, colours with their vertices."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from neurfield.errors import UserError
from neurfield.surfaces import extract_level_set, keep_components, remove_degenerate_faces


@pytest.fixture
def three_balls() -> trimesh.Trimesh:
    balls = [trimesh.creation.icosphere(subdivisions=2, radius=r) for r in (0.2, 1.0, 0.5)]
    for i, ball in enumerate(balls):
        ball.apply_translation([3.0 * i, 0, 0])
        ball.visual.vertex_colors = [50 * i, 100, 200, 255]
    return trimesh.util.concatenate(balls)


def test_largest_is_by_area_and_keeps_its_colours(three_balls: trimesh.Trimesh) -> None:
    kept = keep_components(three_balls, "largest")
    assert kept.is_watertight and kept.body_count == 1
    assert kept.area == pytest.approx(4 * np.pi, rel=0.05)
    assert (kept.visual.vertex_colors == [50, 100, 200, 255]).all()
    assert three_balls.body_count == 3


@pytest.mark.parametrize(("which", "count"), [("all", 3), (0.0, 3), (0.1, 2), ("0.5", 1), (1.0, 0)])
def test_pieces_by_their_share_of_the_area(
    three_balls: trimesh.Trimesh, which: str | float, count: int
) -> None:
    kept = keep_components(three_balls, which)
    assert (kept.body_count if len(kept.faces) else 0) == count


@pytest.mark.parametrize("which", ["biggest", -0.1, 2.0, "nan"])
def test_an_unknown_choice_is_the_users_mistake(three_balls: trimesh.Trimesh, which: str | float) -> None:
    with pytest.raises(UserError, match="component"):
        keep_components(three_balls, which)


def test_empty_mesh_stays_empty() -> None:
    assert len(keep_components(trimesh.Trimesh(), "largest").faces) == 0


def test_faces_without_area_go_and_the_mesh_stays_closed() -> None:
    # An octahedron whose corners and faces' centres lie on the lattice: values exactly at the level.
    vertices, faces = extract_level_set(
        lambda p: p.abs().sum(dim=1) - 1.0, np.array([[-2.0] * 3, [2.0] * 3]), 0.25
    )
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    assert (mesh.area_faces == 0).any()
    cleaned = remove_degenerate_faces(mesh)
    assert (cleaned.edges_unique_length > 0).all() and cleaned.is_watertight
    assert cleaned.volume == pytest.approx(mesh.volume) == pytest.approx(4 / 3)


def test_nothing_to_remove_changes_nothing(three_balls: trimesh.Trimesh) -> None:
    assert remove_degenerate_faces(three_balls) is three_balls
