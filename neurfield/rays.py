"""Rays and samples in the unit frame, and the map between that frame and the world."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurfield.ops.ray_march import ray_box


@dataclass(frozen=True)
class UnitFrame:
    """The field's own frame: the scene box's longest side becomes [-1, 1], its centre the origin.
    Axes stay the world's."""

    centre: tuple[float, float, float]  # world
    half: float  # world lengths per unit-frame length

    @staticmethod
    def around(box: np.ndarray) -> UnitFrame:
        """The frame of a world box [2, 3]."""
        low, high = np.asarray(box, dtype=np.float64)
        centre = 0.5 * (low + high)
        return UnitFrame(
            (float(centre[0]), float(centre[1]), float(centre[2])), float((high - low).max() / 2)
        )

    def unit_from_world(self, points_in_world: np.ndarray) -> np.ndarray:
        """Points [..., 3] of the world in the unit frame."""
        return (np.asarray(points_in_world, dtype=np.float64) - self.centre) / self.half

    def world_from_unit(self, points_in_unit: np.ndarray) -> np.ndarray:
        """Points [..., 3] of the unit frame in the world."""
        return np.asarray(points_in_unit, dtype=np.float64) * self.half + self.centre

    def box_in_unit(self, box: np.ndarray) -> list[float]:
        """A world box [2, 3] as six numbers xmin ymin zmin xmax ymax zmax of the unit frame."""
        return [float(v) for v in self.unit_from_world(box).reshape(-1)]


@dataclass(frozen=True)
class Rays:
    """R rays in the unit frame: origins, unit directions [R, 3], the stretch t_min..t_max inside the box [R],
    z-depth per t [R]."""

    origins: Tensor
    directions: Tensor
    t_min: Tensor
    t_max: Tensor
    z_per_t: Tensor

    def __len__(self) -> int:
        return self.origins.shape[0]

    def take(self, index: Tensor | slice) -> Rays:
        """Some of the rays, in the order of `index`."""
        return Rays(
            self.origins[index],
            self.directions[index],
            self.t_min[index],
            self.t_max[index],
            self.z_per_t[index],
        )


@dataclass(frozen=True)
class Samples:
    """S sections of rays, packed ray after ray: ray_indices [S] ascending, t_starts, t_ends [S], packed_info
    [R, 2] (start, count)."""

    ray_indices: Tensor
    t_starts: Tensor
    t_ends: Tensor
    packed_info: Tensor


def make_rays(
    origins: np.ndarray,
    directions: np.ndarray,
    z_per_t: np.ndarray,
    frame: UnitFrame,
    unit_box: list[float],
    device: torch.device,
) -> Rays:
    """World rays [R, 3] of cameras as unit-frame rays clipped to the box.
    A ray that misses the box gets an empty stretch."""
    o, d, z = (part.to(device) for part in unit_lines(origins, directions, z_per_t, frame))
    return clipped(o, d, z, torch.tensor(unit_box, device=device))


def unit_lines(
    origins: np.ndarray, directions: np.ndarray, z_per_t: np.ndarray, frame: UnitFrame
) -> tuple[Tensor, Tensor, Tensor]:
    """World rays [R, 3] of cameras as float32 origins and directions of the unit frame, and z-depth per t; on
    the host."""
    o = torch.as_tensor(frame.unit_from_world(origins), dtype=torch.float32)
    d = torch.as_tensor(np.ascontiguousarray(directions), dtype=torch.float32)
    return o, d, torch.as_tensor(np.ascontiguousarray(z_per_t), dtype=torch.float32)


def clipped(origins: Tensor, directions: Tensor, z_per_t: Tensor, unit_box: Tensor) -> Rays:
    """Rays of the unit frame, cut to the box float32 [6], all on one device; nothing is copied from the
    host."""
    t_min, t_max = ray_box(origins, directions, unit_box)
    return Rays(origins, directions, t_min, torch.maximum(t_max, t_min), z_per_t)
