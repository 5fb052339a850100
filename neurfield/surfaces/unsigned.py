"""An unsigned distance field where its surface may be: cells, samples and how far they can be trusted."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from neurfield.ops.dual_lattice import shared_points
from neurfield.ops.dual_steps import field_answers
from neurfield.ops.lattice_keys import BITS
from neurfield.surfaces.both_sides import Look, look_of, steadied
from neurfield.surfaces.cells_mesh import CORNERS
from neurfield.surfaces.crossings import Samples
from neurfield.surfaces.dual_cells import cells_near_surface

UnsignedField = Callable[[Tensor], tuple[Tensor, Tensor]]

# Where the lattice begins, in cells before the box's corner: surfaces that lie in planes of round numbers, as
# designed ones do, would else lie in planes of the lattice, where distances are 0 and have no gradient.
_SHIFT = np.array([0.13, 0.17, 0.11])
_NOISE = 4.0  # medians of what is left at the feet that count as noise
_STEADY = 0.05  # cells: noise up to it is left alone
_WIDTH = 1.5  # of the noise, the way from which the surface is seen from both sides
_PROBES = 20_000  # points at most that the noise is looked at
_ROUNDS = 3  # of steps to the surface until they settle
COARSE_CELLS = 64  # along the longest side at most, for the look at the noise


class NearSurface(NamedTuple):
    """The samples of the cells that the surface may pass; in cells, from the lattice's corner.

    Attributes:
        cells: int64 [c, 3], sorted.
        samples: of the lattice points.
        of_cells: int64 [c, k] the samples of each cell.
        feet: [n, 3] of the samples.
        at_feet: [n] what the field says there, 0 if it were exact.
        noise: by how much distances err: 4 medians of `at_feet`.
    """

    cells: np.ndarray
    samples: Samples
    of_cells: np.ndarray
    feet: np.ndarray
    at_feet: np.ndarray
    noise: float


class Lattice:
    """Where cells are, and the field asked in their units.

    Args:
        query: distances [k], not negative, and gradients [k, 3] of points float32 [k, 3] on `device`.
        box: [2, 3], low and high corner.
        voxel: edge of the cells.
        shifted: whether to begin a little before the box.
        chunk: points per call.
        device: where the field is.

    Raises:
        ValueError: the box is empty, the voxel not positive, or there are too many cells.
    """

    def __init__(
        self,
        query: UnsignedField,
        box: np.ndarray,
        voxel: float,
        shifted: bool = True,
        chunk: int = 1 << 18,
        device: torch.device | str = "cpu",
    ) -> None:
        low, high = np.asarray(box, dtype=np.float64).reshape(2, 3)
        if not (np.isfinite([low, high]).all() and (high > low).all() and voxel > 0 and math.isfinite(voxel)):
            raise ValueError(f"need a box with volume and a positive voxel, got {[*low, *high]}, {voxel}")
        self.query, self.voxel, self.chunk, self.device = query, voxel, chunk, torch.device(device)
        self.low = low - _SHIFT * voxel if shifted else low
        self.cells = np.maximum(1, np.ceil((high - self.low) / voxel - 1e-6)).astype(np.int64)
        if self.cells.max() >= 1 << (BITS - 1):
            raise ValueError(
                f"at most {(1 << (BITS - 1)) - 1} cells along an axis, got {self.cells.tolist()}"
            )
        self.look: Look | None = None  # in cells; None: the field is taken as it is
        self.settled = np.zeros((0, 3)), np.zeros((0, 3))  # some points of the surface, and their normals
        self.asked = 0
        self.steepest = 0.0  # slope that some hundredth of all points exceed

    def __call__(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distances [k] in cells and unit gradients [k, 3], 0 where there is none, at points [k, 3] in cells.

        Raises:
            ValueError: the field is not finite or is negative; says where.
        """
        answers = self._asked(points)
        return answers if self.look is None else steadied(self._asked, points, *answers, self.look)

    def _asked(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        distances, normals = np.empty(len(points)), np.empty((len(points), 3))
        slopes = []
        for start in range(0, len(points), self.chunk):
            part = slice(start, start + self.chunk)
            places = torch.from_numpy(self.low + points[part] * self.voxel).float().to(self.device)
            values, gradient = (answer.detach() for answer in self.query(places))
            answers = field_answers(
                values.reshape(-1), gradient.reshape(-1, 3), self.voxel, -0.1 * self.voxel
            )
            distances[part], normals[part], slope, wrong = answers
            if wrong is not None:
                raise _what_is_wrong(values.reshape(-1), gradient.reshape(-1, 3), places)
            slopes.append(slope)
        self.asked += len(points)
        if slopes:
            self.steepest = max(self.steepest, float(np.quantile(np.concatenate(slopes), 0.99)))
        return distances, normals

    def world(self, points: np.ndarray) -> np.ndarray:
        """Points [k, 3] in cells in the box's coordinates."""
        return self.low + points * self.voxel

    def coarse(self) -> Lattice:
        """The same in at most `COARSE_CELLS` cells along the box, if that is coarser."""
        size = max(1.0, self.cells.max() / COARSE_CELLS)
        box = np.stack([self.low, self.low + self.cells * self.voxel])
        other = Lattice(self.query, box, size * self.voxel, False, self.chunk, self.device)
        other.look = self.look and self.look.scaled(1.0 / size)
        return other

    def steady(self) -> None:
        """See points that the field's noise hides from both sides, where that is a share of a cell.

        Raises:
            ValueError: as `near_surface`.
        """
        coarse = self.coarse()
        near, size = coarse.near_surface(CORNERS, 1), coarse.voxel / self.voxel
        sure = np.flatnonzero(near.at_feet <= near.noise)
        sure = sure[:: 1 + len(sure) // _PROBES]
        feet, normals = near.samples.feet[sure], near.samples.normals[sure]
        self.settled = size * _settled(coarse, feet), normals
        noise = self.noise_beside(0.0)
        if noise > _STEADY:
            self.look = look_of(self, *self.settled, _WIDTH * noise)
            self.settled = _settled(self, self.settled[0]), normals

    def noise_beside(self, reach: float) -> float:
        """By how much distances err at most so many cells beside the surface, in cells, once `steady`."""
        feet, normals = self.settled
        way = np.random.default_rng(0).uniform(-reach, reach, size=(len(feet), 1))
        beside = feet + way * normals
        distances, normals = self(beside)
        at_feet = self(beside - distances[:, None] * normals)[0]
        return _NOISE * float(np.median(at_feet)) if len(feet) else 0.0

    def near_surface(self, corners: np.ndarray, stride: int, margin: float | None = None) -> NearSurface:
        """Look at the cells that the surface may pass.

        Args:
            corners: int64 [k, 3], the samples of a cell: all of them, in the order that is wanted.
            stride: of them to a cell's edge.
            margin: how much further than exact distances tell a cell may be, in cells; None: by the noise and
                the slope that are found, which takes a second look if they are not small.

        Raises:
            ValueError: the field is 0 all over, so that no gradient tells where its surface is.
        """
        found = self._look(corners, stride, 1.0, 0.02 if margin is None else margin)
        if margin is None and (found.noise > 0.02 or self.steepest > 1.05):
            # Half of it where it reaches across cells: all of it would keep cells that tell nothing.
            wide = min(max(0.02, 2.0 * found.noise), max(0.5, 0.5 * found.noise))
            found = self._look(corners, stride, min(max(1.0, self.steepest), 2.0), wide)
        return found

    def _look(self, corners: np.ndarray, stride: int, slope: float, margin: float) -> NearSurface:
        reach = 0.5 * math.sqrt(3.0) * slope
        cells = cells_near_surface(
            lambda points: self(points)[0], self.cells, lambda size: reach * size + margin
        )
        points, index = shared_points(cells, stride)
        place = np.ravel_multi_index(tuple(corners.T), (stride + 1,) * 3)
        if (np.diff(place) != 1).any():
            index = index[:, place]
        places = points / stride
        samples = Samples(places, *self(places))
        if len(places) and not samples.normals.any():
            raise ValueError(
                f"the field has no gradient at any of {len(places)} points near its surface "
                f"(distances of {samples.distances.min() * self.voxel:.3g} to "
                f"{samples.distances.max() * self.voxel:.3g}): nothing tells where the surface is"
            )
        feet = samples.feet
        at_feet = self(feet)[0]
        noise = _NOISE * float(np.median(at_feet)) if len(places) else 0.0
        return NearSurface(cells, samples, index, feet, at_feet, noise)


def _what_is_wrong(values: Tensor, gradient: Tensor, places: Tensor) -> ValueError:
    """Where a field is not finite, else where it is most negative, in words."""
    wrong = ~(values.isfinite() & gradient.isfinite().all(dim=1))
    if wrong.any():
        worst = int(wrong.int().argmax())
        return ValueError(
            f"the field is {float(values[worst])} with gradient {gradient[worst].tolist()} at "
            f"{places[worst].tolist()} (one of {int(wrong.sum())} such points of {len(places)}); "
            "has the fit diverged?"
        )
    worst = int(values.argmin())
    return ValueError(
        f"the field is {float(values[worst]):.4g} at {places[worst].tolist()}: it has a sign, and "
        "this extractor is for distances without one"
    )


def _settled(field: Lattice, points: np.ndarray) -> np.ndarray:
    """Points [n, 3] moved to where the field has its surface."""
    for _ in range(_ROUNDS):
        distances, normals = field(points)
        points = points - distances[:, None] * normals
    return points
