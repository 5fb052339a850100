"""Edges whose answer contradicts all around them are answered the other way."""

from __future__ import annotations

import numpy as np

from neurfield.surfaces.dual_faces import LatticeEdges
from neurfield.surfaces.patches import sides_of

_ROUNDS = 10


def repaired(count: np.ndarray, edges: LatticeEdges, reach: np.ndarray, noise: float) -> np.ndarray:
    """Which edges get a face [e]: those crossed an odd number of times, but for answers that cannot be.

    A surface goes on from an edge that it crosses to another one of each face of the lattice that the edge
    lies in, so faces have an even number of crossed edges but at borders and where sheets meet. An edge of
    which three or four faces have an odd number is turned over; fewer faces are odd then. An edge that is
    crossed twice gets no face where it cuts off a crease, but one where it passes two sheets that go on:
    there, two of its faces are odd.

    Args:
        count: [e] how often each is crossed.
        edges: of the lattice.
        reach: [e] the distances at both ends together, in cells; a crossed edge has at most its length.
        noise: of distances, in cells.
    """
    crossed = count % 2 == 1
    face = sides_of(edges.cells, int(edges.cells.max(initial=0)) + 1).face
    possible = reach <= 1.05 + 2.0 * noise
    for _ in range(_ROUNDS):
        odd = np.bincount(face[crossed].reshape(-1), minlength=face.max(initial=0) + 1) % 2 == 1
        odd_faces = odd[face].sum(axis=1)
        twice = (count >= 2) & ~crossed & (odd_faces == 2)
        doubt = np.flatnonzero(((odd_faces >= 3) & (crossed | possible)) | twice)
        if not len(doubt):
            break
        # Neighbours are not turned over together: of the doubtful edges at a face the first alone.
        first = np.full(len(odd), len(crossed))
        np.minimum.at(first, face[doubt].reshape(-1), np.repeat(doubt, 4))
        alone = doubt[(first[face[doubt]] == doubt[:, None]).all(axis=1)]
        crossed[alone] = ~crossed[alone]
    return crossed
