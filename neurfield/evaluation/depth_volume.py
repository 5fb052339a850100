"""Depth maps fused into a truncated signed distance, as Open3D's ScalableTSDFVolume does, in plain torch.

Open3D 0.19, ScalableTSDFVolume.cpp and UniformTSDFVolume.cpp. What a fit starts from (`neurfield.fusion`) is
fused in another way: weights fade behind a surface, and free space counts. Protocols need this one.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

EDGE = 16  # voxels along a unit
_STRIDE = 4  # every so-maniest pixel of a depth map opens units
_BORDER = 1e-4  # pixels at a picture's ends that see nothing
_AT_ONCE = 256  # units, in extraction


class DepthVolume:
    """Units of 16^3 voxels in a box, opened where depth maps see a surface.

    Args:
        box: [2,3], world; what depth sees beyond it is left out.
        voxel: side of a voxel, world lengths.
        truncation: of distances, likewise.
    """

    def __init__(self, box: np.ndarray, voxel: float, truncation: float) -> None:
        self._voxel, self._truncation = voxel, truncation
        self._unit = EDGE * voxel
        # Units start at multiples of their size from the world's origin, as Open3D's do.
        first = np.floor((box[0] - truncation) / self._unit).astype(np.int64)
        last = np.floor((box[1] + truncation) / self._unit).astype(np.int64)
        self._first = torch.from_numpy(first)
        # One more on each side, so that every unit has neighbours that are none.
        self._row = torch.full(tuple((last - first + 3).tolist()), -1, dtype=torch.int64)
        self._cells = torch.zeros(0, 3, dtype=torch.int64)
        self._distance = torch.zeros(0, EDGE**3)
        self._weight = torch.zeros(0, EDGE**3)
        lattice = torch.ones(EDGE, EDGE, EDGE).nonzero()
        self._centres = (lattice.double() + 0.5) * voxel  # [4096, 3], z fastest

    def add(self, depth: np.ndarray, world_from_cam: np.ndarray, lens: np.ndarray) -> None:
        """Fuse a depth map.

        Args:
            depth: [h,w], z-depth, 0 = nothing.
            world_from_cam: [4,4], OpenCV axes.
            lens: fx, fy, cx, cy in pixels, pixel centres at +0.5.
        """
        rows = self._open(depth, world_from_cam, lens)
        if not len(rows):
            return
        turn, shift = (torch.from_numpy(part) for part in _turn_and_shift(world_from_cam))
        low = (self._cells[rows] + self._first).double() * self._unit
        corners, within = (low @ turn.T + shift).float(), (self._centres @ turn.T).float()
        x, y, z = ((corners[:, k, None] + within[:, k]).view(-1) for k in range(3))
        height, width = depth.shape
        fx, fy, cx, cy = (float(value) for value in lens)
        u, v = fx * x / z + cx, fy * y / z + cy  # of nothing behind the camera
        inside = (z > 0) & (u >= _BORDER) & (u < width - _BORDER) & (v >= _BORDER) & (v < height - _BORDER)
        chosen = inside.nonzero()[:, 0]
        column, row, z = u[chosen].long(), v[chosen].long(), z[chosen]
        seen = torch.from_numpy(np.ascontiguousarray(depth, dtype=np.float32))[row, column]
        a, b = (column + 0.5 - cx) / fx, (row + 0.5 - cy) / fy
        distance = (seen - z) * (1.0 + a * a + b * b).sqrt()  # along the ray
        counts = (seen > 0) & (distance > -self._truncation)
        index, distance = chosen[counts], (distance[counts] / self._truncation).clamp_max(1.0)
        at = rows[index // EDGE**3] * EDGE**3 + index % EDGE**3
        mean, weight = self._distance.view(-1), self._weight.view(-1)
        before = weight[at]
        mean[at] = (mean[at] * before + distance) / (before + 1.0)
        weight[at] = before + 1.0

    def vertices(self) -> np.ndarray:
        """Where the surface crosses edges of the lattice: [k,3] float64, each once.

        They are the vertices of marching cubes, which take cubes whose eight corners were all seen.
        """
        found = [np.zeros((0, 3))]
        for rows in torch.arange(len(self._cells)).split(_AT_ONCE):
            found += self._crossings(rows)
        return np.concatenate(found)

    def _open(self, depth: np.ndarray, world_from_cam: np.ndarray, lens: np.ndarray) -> Tensor:
        """The units [k] within the truncation of what a depth map sees, those opened now among them."""
        z = depth[::_STRIDE, ::_STRIDE].astype(np.float64)
        v, u = np.nonzero(z > 0)
        z = z[v, u]
        x = (_STRIDE * u + 0.5 - lens[2]) / lens[0] * z
        y = (_STRIDE * v + 0.5 - lens[3]) / lens[1] * z
        points = np.stack([x, y, z], axis=1) @ world_from_cam[:3, :3].T + world_from_cam[:3, 3]
        first = torch.from_numpy(np.floor((points - self._truncation) / self._unit)).long() - self._first
        last = torch.from_numpy(np.floor((points + self._truncation) / self._unit)).long() - self._first
        shape = torch.tensor(self._row.shape) - 2
        touched = torch.zeros(self._row.shape, dtype=torch.bool)
        # The truncation is less than a unit, so that what it reaches are the corners of these two.
        for corner in torch.ones(2, 2, 2).nonzero():
            cell = torch.where(corner.bool(), last, first)
            cell = cell[((cell >= 0) & (cell < shape)).all(dim=1)]
            touched[tuple(cell.unbind(1))] = True
        cells = touched.nonzero()
        rows = self._row[tuple(cells.unbind(1))]
        new = cells[rows < 0]
        if not len(new):
            return rows
        self._row[tuple(new.unbind(1))] = len(self._cells) + torch.arange(len(new))
        self._cells = torch.cat([self._cells, new])
        self._distance = torch.cat([self._distance, torch.zeros(len(new), EDGE**3)])
        self._weight = torch.cat([self._weight, torch.zeros(len(new), EDGE**3)])
        return self._row[tuple(cells.unbind(1))]

    def _crossings(self, rows: Tensor) -> list[np.ndarray]:
        """Those on edges that begin in some units, along each axis."""
        distance, known = (self._padded(rows, source) for source in (self._distance, self._weight))
        seen = known > 0
        # Cubes that begin at a voxel: of the units, and of those before them along each axis.
        whole = seen.unfold(1, 2, 1).unfold(2, 2, 1).unfold(3, 2, 1).flatten(4).all(dim=4)
        found = []
        low = (self._cells[rows] + self._first).double() * self._unit
        for axis in range(3):
            others = [k + 1 for k in range(3) if k != axis]
            # An edge has four cubes around it: at its own place, and one back along either other axis.
            own = whole.narrow(axis + 1, 1, EDGE)
            around = torch.zeros_like(own.narrow(others[0], 1, EDGE).narrow(others[1], 1, EDGE))
            for i in (0, 1):
                for j in (0, 1):
                    around |= own.narrow(others[0], i, EDGE).narrow(others[1], j, EDGE)
            inner = distance.narrow(others[0], 1, EDGE).narrow(others[1], 1, EDGE)
            here, there = inner.narrow(axis + 1, 1, EDGE), inner.narrow(axis + 1, 2, EDGE)
            crosses = around & ((here < 0) != (there < 0))
            unit, *place = crosses.nonzero().unbind(1)
            a, b = here[crosses].abs().double(), there[crosses].abs().double()
            at = low[unit] + (torch.stack(place, dim=1).double() + 0.5) * self._voxel
            at[:, axis] += self._voxel * a / (a + b)
            found.append(at.numpy())
        return found

    def _padded(self, rows: Tensor, source: Tensor) -> Tensor:
        """Units [k, 18, 18, 18] with one voxel of their neighbours on each side, 0 where there is none."""
        size = EDGE + 2
        padded = torch.zeros(len(rows), size, size, size)
        cells = self._cells[rows]
        for offset in torch.ones(3, 3, 3).nonzero() - 1:
            cell = cells + offset
            # Below the first unit indices wrap around to the layer that is always empty.
            row = self._row[tuple(cell.unbind(1))]
            some = row >= 0
            if not bool(some.any()):
                continue
            block = source[row[some]].view(-1, EDGE, EDGE, EDGE)
            into = padded[some]
            target, taken = into, block
            for axis, step in enumerate(offset.tolist()):
                start, length = {-1: (0, 1), 0: (1, EDGE), 1: (EDGE + 1, 1)}[step]
                target = target.narrow(axis + 1, start, length)
                begin = {-1: EDGE - 1, 0: 0, 1: 0}[step]
                taken = taken.narrow(axis + 1, begin, length)
            target.copy_(taken)
            padded[some] = into
        return padded


def _turn_and_shift(world_from_cam: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotation [3,3] and shift [3] from the world to camera axes."""
    cam_from_world = np.linalg.inv(world_from_cam)
    return np.ascontiguousarray(cam_from_world[:3, :3]), np.ascontiguousarray(cam_from_world[:3, 3])
