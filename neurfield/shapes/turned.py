"""Faces of an open mesh, turned so that sheets beside each other agree on what is between them."""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components

from neurfield.ops.mesh_turning import faces_to_turn
from neurfield.shapes.mst import products_to_the_root, spanning_forest
from neurfield.shapes.sides import unit_normals
from neurfield.shapes.unit_shape import UnitShape

_PLACES = 20_000  # on the mesh, from which other pieces are looked for
_ROUNDS = 20  # of turning single pieces, at most


def turned_faces(shape: UnitShape, reach: float, shares: tuple[float, ...]) -> np.ndarray:
    """Faces int64 [F, 3] of a mesh: alike within a piece, and such that pieces agree where they are close.

    Which way a piece of an open mesh is turned tells nothing. Of a cloth on a table both tops face up as a
    rule, so what is between them is below the one and above the other. A distance with the sign of the side
    then jumps there, which no continuous field can follow. With one of the two turned over it does not. A
    piece are faces that hang together by edges of two faces.

    Pieces are looked for ahead of places on the mesh. Pairs of pieces agree or not at so many places; the
    pairs that most places tell of are settled first, along a tree, as Hoppe et al. (1992) orient planes.
    Then single pieces are turned as long as more places agree afterwards.

    Args:
        shape: a mesh.
        reach: how far ahead other pieces are looked for, unit lengths.
        shares: of the reach, at which places the nearest piece is asked for.
    """
    over, _ = faces_to_turn(shape.shape.vertices, shape.shape.faces)
    faces = np.where(over[:, None], shape.shape.faces[:, ::-1], shape.shape.faces)
    count, piece = _pieces(faces)
    if count > 1:
        flip = _flips(_agreement(shape, faces, piece, count, reach, shares))
        faces = np.where(flip[piece][:, None], faces[:, ::-1], faces)
    return np.ascontiguousarray(faces)


def _pieces(faces: np.ndarray) -> tuple[int, np.ndarray]:
    """How many pieces there are, and that of each face [F]."""
    ends = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    _, row, uses = np.unique(ends, axis=0, return_inverse=True, return_counts=True)
    row = row.reshape(-1)
    order = np.argsort(row, kind="stable")
    start = (np.cumsum(uses) - uses)[uses == 2]
    one, other = order[start] // 3, order[start + 1] // 3
    graph = coo_matrix((np.ones(len(one), bool), (one, other)), shape=(len(faces), len(faces)))
    return connected_components(graph, directed=False)


def _agreement(
    shape: UnitShape,
    faces: np.ndarray,
    piece: np.ndarray,
    count: int,
    reach: float,
    shares: tuple[float, ...],
) -> csr_matrix:
    """[count, count] of pieces: places at which two call what is between them the same side, less others."""
    corners = shape.points[torch.from_numpy(faces)]
    normals = unit_normals(corners)
    places, _ = shape.sample(_PLACES, torch.Generator().manual_seed(0))
    own = shape.tree.nearest(places).face
    ones, others, votes = [], [], []
    for ahead in (1.0, -1.0):
        looking = torch.ones(len(places), dtype=torch.bool)  # the first other piece is the one beside it
        for share in shares:
            points = places + ahead * share * reach * normals[own]
            found = shape.tree.nearest(points)
            height = ((points - found.point) * normals[found.face]).sum(dim=1)
            # At a border or beside a crease it is not told on which side the point is.
            told = height.abs() > 0.5 * found.distance
            rows = (
                looking & told & torch.from_numpy(piece[found.face.numpy()] != piece[own.numpy()])
            ).nonzero()[:, 0]
            looking[rows] = False
            ones.append(piece[own[rows].numpy()])
            others.append(piece[found.face[rows].numpy()])
            votes.append((height[rows].sign() * ahead).numpy())
    one, other, vote = (np.concatenate(parts) for parts in (ones, others, votes))
    pairs = coo_matrix((vote, (one, other)), shape=(count, count)).tocsr()
    return (pairs + pairs.T).tocsr()


def _flips(agreement: csr_matrix) -> np.ndarray:
    """bool [count]: which pieces are turned over so that the more places agree."""
    count = agreement.shape[0]
    agreement.eliminate_zeros()
    least = abs(agreement)
    least.data = 1.0 / least.data  # the tree of the surest pairs
    parent, _ = spanning_forest(least)
    nodes = np.arange(count)
    agrees = np.asarray(agreement[parent, nodes]).ravel() > 0.0
    sign = products_to_the_root(np.where(agrees | (parent == nodes), 1.0, -1.0), parent)
    for _ in range(_ROUNDS):
        wrong = np.flatnonzero(sign * (agreement @ sign) < 0.0)
        if not len(wrong):
            break
        for node in wrong:
            if sign[node] * float((agreement[node] @ sign)[0]) < 0.0:
                sign[node] = -sign[node]
    return sign < 0.0
