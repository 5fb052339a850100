"""Rays and samples in unit coordinates, and the map between these and the world."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurfield.ops.ray_march import ray_box


@dataclass(frozen=True)
class UnitFrame:
    """The coordinates that fields live in: the box's longest side becomes [-1, 1], its centre the origin.

    Axes stay the world's.

    Attributes:
        centre: of the box, world coordinates.
        half: half the box's longest side: world lengths per unit length.
    """

    centre: tuple[float, float, float]
    half: float

    @staticmethod
    def around(box: np.ndarray) -> UnitFrame:
        """The unit coordinates of a box [2, 3] (minimum, maximum; world)."""
        low, high = np.asarray(box, dtype=np.float64)
        centre = 0.5 * (low + high)
        return UnitFrame(
            (float(centre[0]), float(centre[1]), float(centre[2])), float((high - low).max() / 2)
        )

    def unit_from_world(self, points_in_world: np.ndarray) -> np.ndarray:
        """Points [..., 3] of the world in unit coordinates, float64."""
        return (np.asarray(points_in_world, dtype=np.float64) - self.centre) / self.half

    def world_from_unit(self, points_in_unit: np.ndarray) -> np.ndarray:
        """Points [..., 3] of unit coordinates in the world, float64."""
        return np.asarray(points_in_unit, dtype=np.float64) * self.half + self.centre

    def box_in_unit(self, box: np.ndarray) -> list[float]:
        """A box [2, 3] of the world as six numbers, xmin ymin zmin xmax ymax zmax, of unit coordinates."""
        return [float(v) for v in self.unit_from_world(box).reshape(-1)]


@dataclass(frozen=True)
class Rays:
    """R rays in unit coordinates, each with the stretch of it that is inside the box.

    Attributes:
        origins: [R, 3].
        directions: [R, 3] unit, from the camera into the scene.
        t_min, t_max: [R] where the stretch begins and ends, unit lengths from the origin; equal: it is empty.
        z_per_t: [R] z-depth per length along the ray.
    """

    origins: Tensor
    directions: Tensor
    t_min: Tensor
    t_max: Tensor
    z_per_t: Tensor

    def __len__(self) -> int:
        return self.origins.shape[0]

    def take(self, index: Tensor | slice) -> Rays:
        """Some of the rays, in the order of `index`: int64 [K], bool [R], or a slice."""
        return Rays(
            self.origins[index],
            self.directions[index],
            self.t_min[index],
            self.t_max[index],
            self.z_per_t[index],
        )


@dataclass(frozen=True)
class Samples:
    """S sections of rays, packed ray after ray.

    Attributes:
        ray_indices: [S] int64, ascending.
        t_starts, t_ends: [S] along the rays, unit lengths from their origins.
        packed_info: [R, 2] int64, of each ray its first section and how many it has.
    """

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
    """Rays of cameras, cut to a box; one that misses the box gets an empty stretch.

    Args:
        origins: [R, 3], world.
        directions: [R, 3] unit, world.
        z_per_t: [R] z-depth per length along the ray.
        frame: the unit coordinates.
        unit_box: xmin ymin zmin xmax ymax zmax, unit coordinates.
        device: of the rays.
    """
    o, d, z = (part.to(device) for part in unit_lines(origins, directions, z_per_t, frame))
    return clipped(o, d, z, torch.tensor(unit_box, device=device))


def unit_lines(
    origins: np.ndarray, directions: np.ndarray, z_per_t: np.ndarray, frame: UnitFrame
) -> tuple[Tensor, Tensor, Tensor]:
    """Origins [R, 3] and directions [R, 3] of unit coordinates, and z-depth per t [R]; float32, on the host.

    Args:
        origins: [R, 3], world.
        directions: [R, 3] unit, world.
        z_per_t: [R] z-depth per length along the ray, the same in unit coordinates.
        frame: the unit coordinates.
    """
    o = torch.as_tensor(frame.unit_from_world(origins), dtype=torch.float32)
    d = torch.as_tensor(np.ascontiguousarray(directions), dtype=torch.float32)
    return o, d, torch.as_tensor(np.ascontiguousarray(z_per_t), dtype=torch.float32)


def clipped(origins: Tensor, directions: Tensor, z_per_t: Tensor, unit_box: Tensor) -> Rays:
    """Rays of unit coordinates, cut to a box; nothing is copied from the host.

    Args:
        origins: [R, 3] float32.
        directions: [R, 3] float32, unit.
        z_per_t: [R] float32.
        unit_box: [6] float32, xmin ymin zmin xmax ymax zmax. All are on one device.
    """
    t_min, t_max = ray_box(origins, directions, unit_box)
    return Rays(origins, directions, t_min, torch.maximum(t_max, t_min), z_per_t)
