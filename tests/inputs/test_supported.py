"""Pieces that no contour supports go, those that one does stay."""

from __future__ import annotations

import numpy as np
import trimesh

from neurfield.inputs.slices.supported import supported
from neurfield.slices import Slices, cut, parallel_planes
from neurfield.slices.unit_slices import UnitSlices
from neurfield.surfaces.clean import vertex_components

FAR = np.array([4e5, -2e5, 900.0])


def ball(radius: float, at: tuple[float, float, float]) -> trimesh.Trimesh:
    mesh = trimesh.creation.icosphere(2, radius)
    mesh.apply_translation(FAR + at)
    return mesh


def turned(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    mesh.invert()
    return mesh


def together(*meshes: trimesh.Trimesh) -> trimesh.Trimesh:
    return trimesh.util.concatenate(list(meshes))


def sliced(*meshes: trimesh.Trimesh) -> Slices:
    """Planes 0.5 apart from -2.75 to 2.75 across Z."""
    box = FAR + np.array([[-3.0] * 3, [3.0] * 3])
    return cut(together(*meshes), parallel_planes(box, 12), "balls")


def pieces(mesh: trimesh.Trimesh) -> int:
    return int(vertex_components(len(mesh.vertices), mesh.edges_unique).max()) + 1


def test_pieces_without_a_contour_go() -> None:
    true = ball(2.0, (0, 0, 0)), ball(0.3, (0, 2.5, 0.2))
    slices = UnitSlices(sliced(*true))
    beside, between = ball(0.4, (2.7, 0, 0.1)), ball(0.1, (2.4, 0, 1.0))
    bubble, thin = turned(ball(0.5, (0.5, 0, 0))), turned(ball(0.1, (0, 0, -1.0)))
    within = ball(0.3, (0.5, 0, 0.1))
    found, count = supported(together(*true, beside, between, bubble, thin, within), slices)
    assert count == 5 and pieces(found) == 2
    assert np.isclose(found.volume, sum(mesh.volume for mesh in true), rtol=1e-6)
    again, none = supported(found, slices)
    assert none == 0 and again is found


def test_pieces_with_a_contour_stay() -> None:
    shell, island, small = turned(ball(1.2, (0, 0, 0))), ball(0.6, (0, 0, 0)), ball(0.3, (0, 2.5, 0.2))
    true = ball(2.0, (0, 0, 0)), shell, island, small
    slices = UnitSlices(sliced(*true))
    # A piece off its contour stays as long as some of what the contour goes around is in it.
    moved = ball(0.4, (0, 2.1, 0.2)), *true[:3]
    for mesh in (together(*true), together(*moved)):
        found, count = supported(mesh, slices)
        assert count == 0 and found is mesh


def test_a_mesh_of_one_piece_stays_whatever_contours_say() -> None:
    alone = ball(0.4, (2.7, 0, 0.1))
    found, count = supported(alone, UnitSlices(sliced(ball(2.0, (0, 0, 0)))))
    assert found is alone and count == 0
