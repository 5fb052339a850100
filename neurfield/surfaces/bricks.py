"""A level set brick by brick along x, welded: the mesh is that of one brick, bit for bit.

Neighbours share a plane of points. Where they do not find the same surface in it, because one of them knows
of a piece that the other does not, both are told the values there and look again. So a surface is followed
through bricks as it is within one. Blocks are numbered by x first, hence vertices and faces of the bricks,
one after another, are in the order of a whole lattice.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from neurfield.ops.level_set import LevelSet, level_set
from neurfield.surfaces.lattice_field import BLOCK, LatticeField, Tell
from neurfield.surfaces.topology import as_trilinear

# Few points settle many, so that few of the rest are left; all that are far from the surface, at the end.
# The last number is the share of all points that have been asked by then (of fitted rooms and balls alike).
_ROUNDS = [(4, False, 4, 0.04), (2, False, 2, 0.23), (1, True, 1, 0.62), (1, False, 0, 1.0)]


@dataclass
class Piece:
    """The surface in one brick.

    Attributes:
        vertices: [v, 3] in lattice units; those on the brick's last plane come last.
        faces: [f, 3]; numbers from v on are of `inner`.
        inner: [e, 3] vertices inside of cubes.
        first: of the vertices on the brick's first plane, as `LevelSet.on_plane`.
        last: of those on its last plane, which belong to the next brick.
        seeds: lattice points [k, 3] to be known before anything else, for a second look.
    """

    vertices: np.ndarray
    faces: np.ndarray
    inner: np.ndarray
    first: np.ndarray
    last: np.ndarray
    seeds: list[np.ndarray] = field(default_factory=list)


@dataclass
class Bricks:
    """How bricks are looked at.

    Args:
        at_lattice: the field.
        cubes: of the whole lattice, [3].
        near: middles of blocks near the surface [k, 3], and the values there [k].
        slope: from one point to the next.
        tell: told what goes on.
        device: where a lattice of one brick shall be.
        trilinear: whether ambiguous cubes are looked into.
    """

    at_lattice: LatticeField
    cubes: Sequence[int]
    near: tuple[Tensor, Tensor]
    slope: float
    tell: Tell
    device: torch.device | str
    trilinear: bool

    def surface(self, bounds: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
        """Vertices [v, 3] in lattice units and faces [f, 3] of the bricks between these bounds along x."""
        pieces: list[Piece] = []
        for index, (begin, end) in enumerate(bounds):
            pieces.append(self._piece(begin, end, [], f" (brick {index + 1} of {len(bounds)})"))
        while True:
            again = set()
            for left in range(len(bounds) - 1):
                missing = _differing(pieces[left].last, pieces[left + 1].first, bounds[left][1])
                if len(missing):
                    again |= {left, left + 1}
                    pieces[left].seeds.append(missing)
                    pieces[left + 1].seeds.append(missing)
            if not again:
                return _welded(pieces)
            for index in sorted(again):
                seeds = pieces[index].seeds
                pieces[index] = self._piece(*bounds[index], seeds, f" (brick {index + 1} again)")

    def _piece(self, begin: int, end: int, seeds: list[np.ndarray], where: str) -> Piece:
        one = begin == 0 and end == self.cubes[0]
        lattice = level_set(
            (end, *self.cubes[1:]), self.at_lattice.level, self.slope, self.device if one else "cpu", begin
        )
        where = "" if one else where
        middles, values = self.near
        mine = slice(None) if one else (middles[:, 0] >= begin) & (middles[:, 0] < end)
        lattice.put(middles[mine], values[mine], BLOCK)
        for points in seeds:
            known = torch.from_numpy(points)
            lattice.put(known, self.at_lattice(known), 0)
        self._look(lattice, where)
        self.tell("marching cubes" + where, 0.0)
        vertices, faces = (part.cpu().numpy() for part in lattice.extract())
        inner = np.zeros((0, 3))
        cubes = lattice.ambiguous() if self.trilinear else None
        if cubes is not None:
            inner, faces = as_trilinear(vertices, faces, cubes, self.at_lattice.level, self._values)
        none = np.zeros((0, 4), dtype=np.int64)
        first = none if begin == 0 else lattice.on_plane(begin)
        last = none if end == self.cubes[0] else lattice.on_plane(end)
        self.tell("marching cubes" + where, 1.0)
        if not one:
            vertices, faces = _apart(vertices), _apart(faces)
        return Piece(vertices, faces, inner, first, last, seeds)

    def _look(self, lattice: LevelSet, where: str) -> None:
        done = 0.0
        for stride, every_other, reach, share in _ROUNDS:
            lattice.want_unsettled(stride, every_other)
            self._evaluate(lattice, "evaluating the field near the surface" + where, reach, done, share)
            done = share
        lattice.want_frontier()
        while lattice.wanted():  # how far that goes is not known
            self._evaluate(lattice, "following the surface" + where, 0, 0.0, 0.0)
            lattice.want_frontier()

    def _evaluate(self, lattice: LevelSet, stage: str, reach: int, begin: float, end: float) -> None:
        total = lattice.wanted()
        while left := lattice.wanted():
            self.tell(stage, begin + (end - begin) * (1.0 - left / total))
            lattice.give(self.at_lattice(lattice.take(self.at_lattice.chunk)), reach)

    def _values(self, points: np.ndarray) -> np.ndarray:
        return self.at_lattice(torch.from_numpy(points)).numpy()


def _apart(array: np.ndarray) -> np.ndarray:
    """A copy whose memory goes back to the system as soon as nobody needs it; what is freed else is kept."""
    if not array.size:
        return array
    copy = np.frombuffer(mmap.mmap(-1, array.nbytes), dtype=array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def _differing(left: np.ndarray, right: np.ndarray, x: int) -> np.ndarray:
    """Both ends [k, 3] of the edges in a plane that one brick has crossed and the other has not."""
    if np.array_equal(left[:, 1:], right[:, 1:]):
        return np.zeros((0, 3), dtype=np.int64)
    edges, count = np.unique(np.concatenate([left[:, 1:], right[:, 1:]]), axis=0, return_counts=True)
    edges = edges[count == 1]
    low = np.concatenate([np.full((len(edges), 1), x), edges[:, :2]], axis=1)
    high = low + np.eye(3, dtype=np.int64)[edges[:, 2]]
    return np.unique(np.concatenate([low, high]), axis=0)


def _welded(pieces: list[Piece]) -> tuple[np.ndarray, np.ndarray]:
    """All pieces as one mesh. Vertices inside of cubes come behind all others; the pieces are used up."""
    if len(pieces) == 1 and not len(pieces[0].inner):
        return pieces[0].vertices, pieces[0].faces
    own = np.array([len(piece.vertices) - len(piece.last) for piece in pieces])
    start = np.concatenate([[0], np.cumsum(own)])
    inner = int(start[-1]) + np.concatenate([[0], np.cumsum([len(piece.inner) for piece in pieces])])
    vertices = np.empty((int(inner[-1]), 3))
    faces = np.empty((sum(len(piece.faces) for piece in pieces), 3), dtype=np.int64)
    done = 0
    for index in range(len(pieces)):
        piece = pieces[index]
        number = np.empty(len(piece.vertices) + len(piece.inner), dtype=np.int64)
        number[: own[index]] = start[index] + np.arange(own[index])
        if len(piece.last):
            number[piece.last[:, 0]] = start[index + 1] + pieces[index + 1].first[:, 0]
        number[len(piece.vertices) :] = inner[index] + np.arange(len(piece.inner))
        vertices[start[index] : start[index + 1]] = piece.vertices[: own[index]]
        vertices[inner[index] : inner[index + 1]] = piece.inner
        # Not "raise", which would make a copy first.
        np.take(number, piece.faces, out=faces[done : done + len(piece.faces)], mode="clip")
        done += len(piece.faces)
        piece.vertices = piece.faces = piece.inner = np.zeros((0, 3))
    return vertices, faces
