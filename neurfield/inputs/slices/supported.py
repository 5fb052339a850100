"""Pieces of a mesh that no contour supports: specks within and beside it, and bubbles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import trimesh

from neurfield.errors import UserError
from neurfield.slices import Slice, cut, inside
from neurfield.slices.unit_slices import UnitSlices
from neurfield.surfaces.clean import vertex_components, with_faces

UNSUPPORTED = "unsupported"  # how many pieces were left out, in a mesh's metadata and in metrics
_SIDE = 24  # places along the longer side of a piece's cut


class _Piece(NamedTuple):
    """Faces that hang together, whether they go around something or are a cavity, and what planes show."""

    rows: np.ndarray
    solid: bool
    cuts: list[tuple[int, list[np.ndarray]]]


def supported(mesh: trimesh.Trimesh, slices: UnitSlices) -> tuple[trimesh.Trimesh, int]:
    """A mesh without pieces that the slices say nothing of or deny, and how many these are.

    A piece that goes around something is supported if in some plane a place of it is inside the contours; a
    cavity if in some plane a place of it is outside of them. What no plane meets is made up. A piece in a
    cavity that is left out goes with it. Whatever meets a contour's inside stays.

    Args:
        mesh: closed pieces, in the world.
        slices: that it was fitted to, of what the mesh goes around.
    """
    pieces = _pieces(mesh, slices.slices.slices)
    given = [slices.loops(one) for one in slices.slices.slices]
    if len(pieces) < 2:
        return mesh, 0
    kept = [any(_agrees(cut, given[k], one.solid) for k, cut in one.cuts) for one in pieces]
    for cavity, stays in zip(pieces, list(kept)):
        if stays or cavity.solid:
            continue
        around = dict(cavity.cuts)
        for i, one in enumerate(pieces):
            lies = [inside(cut[0][:1], around[k])[0] for k, cut in one.cuts if k in around]
            kept[i] &= not (one.solid and lies and all(lies))
    if all(kept) or not any(kept):
        return mesh, 0
    left = np.zeros(len(mesh.faces), bool)
    for one, stays in zip(pieces, kept):
        left[one.rows] = stays
    return with_faces(mesh, left), len(kept) - sum(kept)


def _pieces(mesh: trimesh.Trimesh, slices: Sequence[Slice]) -> list[_Piece]:
    faces = np.asarray(mesh.faces)
    of = vertex_components(len(mesh.vertices), mesh.edges_unique)[faces[:, 0]]
    order = np.argsort(of, kind="stable")
    found = []
    for rows in np.split(order, np.flatnonzero(np.diff(of[order])) + 1):
        alone = trimesh.Trimesh(mesh.vertices, faces[rows], process=False)
        alone.remove_unreferenced_vertices()
        alone.vertices -= (middle := alone.vertices.mean(axis=0))
        volume = float(alone.volume)  # exact far from zero, too
        alone.vertices += middle
        met = [k for k, one in enumerate(slices) if _meets(one, alone)]
        found.append(_Piece(rows, volume > 0.0, _cuts(alone, slices, met)))
    return found


def _meets(one: Slice, mesh: trimesh.Trimesh) -> bool:
    heights = one.plane.heights(np.asarray(mesh.vertices))
    return bool(heights.min() < 0.0 <= heights.max())


def _cuts(
    mesh: trimesh.Trimesh, slices: Sequence[Slice], met: list[int]
) -> list[tuple[int, list[np.ndarray]]]:
    try:
        made = cut(mesh, [slices[k].plane for k in met]).slices if met else ()
    except UserError:  # none meets it
        return []
    each = [(k, [contour.corners for contour in one.contours]) for k, one in zip(met, made)]
    return [(k, loops) for k, loops in each if loops]


def _agrees(made: list[np.ndarray], given: list[np.ndarray], solid: bool) -> bool:
    """Whether some place inside a piece's cut is inside the contours, of a cavity outside them."""
    corners = np.concatenate(made)
    low, size = corners.min(axis=0), np.ptp(corners, axis=0)
    counts = np.maximum(1, np.ceil(_SIDE * size / max(float(size.max()), 1e-300))).astype(int)
    axes = [low[k] + (np.arange(counts[k]) + 0.5) / counts[k] * size[k] for k in (0, 1)]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    places = np.concatenate([places[inside(places, made)], corners])
    around = bool(given) and bool(inside(np.concatenate(given), made).any())  # small contours, between places
    return around or bool((inside(places, given) == solid).any())
