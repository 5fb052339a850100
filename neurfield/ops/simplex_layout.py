"""Where the entries of a multiresolution simplex grid lie.

In the skewed lattice the unit cube fills 58 % (2-D), 25 % (3-D) or 9 % (4-D) of its bounding box, so
vertices numbered row by row would waste most of a dense level. Here a dense level is periodic instead:
translates of the cube tile space, and translates of the vertices that its points can touch do so nearly, by a
sublattice of slightly longer integer vectors. The vertices modulo that sublattice are numbered by a linear
form modulo its index:

    entry(c) = (c_0 + a_1 c_1 + .. + a_{n-1} c_{n-1}) mod size

No two vertices of the cube share an entry, and nearly all entries belong to one: 94 % and more in 2-D and 3-D
(of levels with less than a thousand vertices 79 %), 62 to 92 % in 4-D.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from neurfield.ops.grid_layout import GridLayout

LARGEST_DENSE_SIZE = 2**29  # what a kernel's arithmetic in 32 bits can number
_ROUNDINGS = 300  # of each size of the sublattice's vectors


@dataclass(frozen=True)
class SimplexLayout(GridLayout):
    """`GridLayout` for simplices (Wen and Yang, arXiv 2311.15439).

    Args:
        equal_density: levels are finer by (n + 1)**((n - 1) / (2 n)), so that a level has as many vertices in
            the unit cube as the hash grid's of the same number; otherwise the two share their scales, and
            the simplex grid has sqrt(n + 1)**(n - 1) times fewer.

    The others as for `GridLayout`.
    """

    equal_density: bool = False

    @property
    def simplex(self) -> bool:
        return True

    @property
    def vertices(self) -> int:
        return self.dimensions + 1

    @cached_property
    def scales(self) -> tuple[float, ...]:
        """Lattice units of the skewed lattice per unit of its shrunk coordinates, each an exact float32."""
        if not self.equal_density:
            return super().scales
        n = self.dimensions
        finer = np.float32((n + 1) ** ((n - 1) / (2 * n)))
        return tuple(float(np.float32(scale) * finer) for scale in super().scales)

    @cached_property
    def hashed(self) -> tuple[bool, ...]:
        """Whether a level shares its entries by hashing."""
        return tuple(numbering is None for numbering in self._numberings)

    @cached_property
    def steps(self) -> tuple[tuple[int, ...], ...]:
        """Of a dense level: the linear form's factors; a hashed one has none."""
        return tuple(() if numbering is None else numbering[1] for numbering in self._numberings)

    def _dense_size(self, level: int) -> int:
        numbering = self._numberings[level]
        assert numbering is not None
        return numbering[0]

    @cached_property
    def _numberings(self) -> tuple[tuple[int, tuple[int, ...]] | None, ...]:
        most = min(2**self.log2_table_size, LARGEST_DENSE_SIZE)
        return tuple(dense_numbering(self.dimensions, scale, most) for scale in self.scales)


def skew_matrix(dimensions: int) -> np.ndarray:
    """[n, n]: from a point of the unit cube to its skewed and shrunk coordinates, in the unit cube too."""
    root = math.sqrt(dimensions + 1)
    return (np.eye(dimensions) + (root - 1) / dimensions) / root


@lru_cache(maxsize=256)
def dense_numbering(dimensions: int, scale: float, most: int) -> tuple[int, tuple[int, ...]] | None:
    """Size and factors of a linear form that numbers the vertices of a level without collision.

    None if its size would be above `most`. Which form is found depends on the arguments alone: tables of
    earlier fits stay readable.
    """
    n = dimensions
    if scale**n * abs(np.linalg.det(skew_matrix(n))) > most:
        return None
    edges = scale * skew_matrix(n).T  # rows: the cube's edges in lattice units
    for margin in itertools.count(n - 0.5, 1.0):  # by how much longer the sublattice's vectors are, about
        lengths = (1.0 + np.linspace(margin, margin + 2.0, 21) / scale)[:, None, None, None]
        bases = np.unique(
            np.round(edges * lengths + _roundings(n)).astype(np.int64).reshape(-1, n * n), axis=0
        )
        bases = bases.reshape(-1, n, n)
        sizes = np.round(np.abs(np.linalg.det(bases))).astype(np.int64)
        bases, sizes = bases[sizes > 0], sizes[sizes > 0]
        apart = _keeps_vertices_apart(bases, edges)
        for index in np.argsort(sizes[apart], kind="stable"):
            size = int(sizes[apart][index])
            if size > most:
                return None
            factors = _linear_form(bases[apart][index], size)
            if factors is not None:
                return size, factors
    raise AssertionError("unreachable")


def _roundings(n: int) -> np.ndarray:
    """[R, n, n] in (-1.2, 1.2): a fixed low-discrepancy sequence (multiples of powers of a root)."""
    root = 1.5
    for _ in range(64):  # of x**(d + 1) = x + 1, which spreads d coordinates best
        root = (1.0 + root) ** (1.0 / (n * n + 1))
    steps = root ** -np.arange(1.0, n * n + 1)
    return ((np.arange(1, _ROUNDINGS + 1)[:, None] * steps) % 1.0 * 2.4 - 1.2).reshape(-1, n, n)


def _keeps_vertices_apart(bases: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Which of the bases [B, n, n] (rows) span a lattice with no vector between two vertices of the cube.

    The vertices lie in the sum of the cube and the star of a vertex, a zonotope: of the cube's edges, the
    unit vectors and (1, .., 1). Differences of its inner points lie inside of it twice as large.
    """
    n = edges.shape[0]
    generators = np.concatenate([edges, np.eye(n), np.ones((1, n))])
    normals = []
    for chosen in itertools.combinations(generators, n - 1):  # a facet is spanned by n - 1 of them
        minors = [np.linalg.det(np.delete(np.array(chosen), axis, axis=1)) for axis in range(n)]
        normal = np.array([(-1.0) ** axis * minor for axis, minor in enumerate(minors)])
        if np.linalg.norm(normal) > 1e-9:
            normals.append(normal / np.linalg.norm(normal))
    faces = np.array(normals)
    widths = np.abs(faces @ generators.T).sum(axis=1)  # twice the distance of a face from the centre
    # Combinations of basis vectors beyond these lie outside wherever these do, unless the basis is far from
    # the cube's edges: how far a combination can reach is what its dual vectors allow.
    duals = np.linalg.inv(bases).transpose(0, 2, 1)
    reach = np.abs(np.einsum("bij,gj->big", duals, generators)).sum(axis=2).max(axis=1)
    combinations = np.array([z for z in itertools.product((-1, 0, 1), repeat=n) if z > (0,) * n])
    vectors = np.einsum("zi,bij->bzj", combinations, bases)
    outside = (np.abs(vectors @ faces.T) / widths).max(axis=2).min(axis=1) >= 1.0 - 1e-9
    return outside & (reach < 2.0)


def _linear_form(basis: np.ndarray, size: int) -> tuple[int, ...] | None:
    """Factors (1, a_1, ..) with a . v = 0 (mod size) exactly for the vectors v of a lattice, or None.

    The rows of `basis` span the lattice. Not every lattice has such factors.
    """
    adjugate = np.round(np.linalg.inv(basis) * np.linalg.det(basis)).astype(np.int64)
    for row in adjugate.T:  # basis @ column of the adjugate = det * unit vector
        if math.gcd(int(row[0]), size) == 1:
            inverse = pow(int(row[0]), -1, size)
            return tuple(int(value) * inverse % size for value in row)
    return None
