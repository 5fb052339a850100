"""Steps of dual meshing that look at one stretch, one quad or one answer of the field at a time."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.arrays import tensor_of
from neurfield.ops.reference import dual_steps as reference

APART, TURNED, UNCLEAR, LIKELY = range(4)  # of a stretch between two points
PLANE, EDGE, CORNER = 1, 2, 3  # ranks of vertices


def crossing_turns(
    points: np.ndarray,
    distances: np.ndarray,
    normals: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    length: float,
    noise: float,
) -> np.ndarray:
    """Whether a surface passes between two points, as gradients of a distance without a sign tell.

    A surface between them turns the gradient round, and each point lies behind the tangent plane that the
    other one tells of.

    Args:
        points: float64 [n, 3] in cells.
        distances: float64 [n] in cells.
        normals: float64 [n, 3], unit gradients.
        low: int64 [m] rows of them, where stretches begin.
        high: int64 [m] where they end.
        length: of a stretch, in cells.
        noise: by how much distances err, in cells.

    Returns:
        uint8 [m]: `APART` or `TURNED` where that is clear, else `UNCLEAR`, or `LIKELY` where some of it
        speaks for a surface.

    Raises:
        ValueError: a row is none.

    Source: own notes on Zhang et al. 2023, after a reproduction of its release: edges are asked whether they
    are crossed.
    """
    rows = len(points)
    for name, ends in (("low", low), ("high", high)):
        if len(ends) and not (ends.min() >= 0 and ends.max() < rows):
            raise ValueError(f"crossing_turns: {name} must be 0 to {rows - 1}")
    first = tensor_of(low, np.int64)
    kernels = native.kernels(first, needs="surface_crossing_turns")
    if kernels is None:
        return reference.crossing_turns(points, distances, normals, low, high, length, noise)
    turns = np.empty(len(low), dtype=np.uint8)
    samples = [tensor_of(array, np.float64) for array in (points, distances, normals)]
    kernels.surface_crossing_turns(
        *samples, first, tensor_of(high, np.int64), length, noise, torch.from_numpy(turns)
    )
    return turns


def filtered_quads(
    vertices: np.ndarray, ranks: np.ndarray, directions: np.ndarray, quads: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The published filter: which quads face as their vertices say, and how each is cut.

    Args:
        vertices: float64 [v, 3].
        ranks: uint8 [v] of them: `PLANE`, `EDGE`, `CORNER`.
        directions: float64 [v, 3], a plane's normal, an edge's direction.
        quads: int64 [q, 4] of vertices.

    Returns:
        Which quads are kept, bool [q], and which are cut from 0 to 2, not from 1 to 3, bool [q].

    Raises:
        ValueError: a quad has a vertex that there is not.

    Source: Zhang et al., Surface Extraction from Neural Unsigned Distance Fields, ICCV 2023, released code.
    """
    if quads.size and not (quads.min() >= 0 and quads.max() < len(vertices)):
        raise ValueError(f"quads must be of vertices 0 to {len(vertices) - 1}")
    given = tensor_of(quads, np.int64)
    kernels = native.kernels(given, needs="surface_filter_quads")
    if kernels is None:
        return reference.filtered_quads(vertices[quads], ranks[quads], directions[quads])
    kept, along_02 = np.empty((2, len(quads)), dtype=np.uint8)
    of_vertices = (
        tensor_of(vertices, np.float64),
        tensor_of(ranks, np.uint8),
        tensor_of(directions, np.float64),
    )
    kernels.surface_filter_quads(*of_vertices, given, torch.from_numpy(kept), torch.from_numpy(along_02))
    return kept.view(bool), along_02.view(bool)


def field_answers(
    values: Tensor, gradients: Tensor, voxel: float, least: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int | None]:
    """What a field says, in cells.

    Args:
        values: [n], in the field's lengths.
        gradients: [n, 3].
        voxel: edge of the cells, in the field's lengths.
        least: values below it are wrong, negative ones from there on 0.

    Returns:
        Distances float64 [n], unit normals float64 [n, 3] (0 where there is no gradient), slopes float64 [n],
        and a row that is wrong, the first, or None: not finite, or below `least`.
    """
    values, gradients = values.cpu().contiguous(), gradients.cpu().contiguous()
    kernels = native.kernels(values, gradients, needs="surface_field_answers")
    if kernels is None:
        told, slope = values.double().numpy(), gradients.double().numpy()
        good = np.isfinite(told) & np.isfinite(slope).all(axis=1) & (told >= least)
        found = reference.field_answers(told, slope, voxel)
        return *found, None if good.all() else int(good.argmin())
    distances, normals = np.empty(len(values)), np.empty((len(values), 3))
    slopes = np.empty(len(values))
    outputs = map(torch.from_numpy, (distances, normals, slopes))
    wrong = kernels.surface_field_answers(values, gradients, voxel, least, *outputs)
    return distances, normals, slopes, None if wrong == len(values) else wrong
