"""Operations with native kernels: a public function each, a plain torch reference beside it."""

from __future__ import annotations

from neurfield.ops.compositing import (
    accumulate_along_rays,
    composite,
    pack_info,
    render_transmittance_from_alpha,
    render_weights_from_alpha,
    render_weights_from_density,
    unpack_info,
)
from neurfield.ops.marching_cubes import marching_cubes
from neurfield.ops.occupancy_grid import conservative_occupancy
from neurfield.ops.ray_march import march_rays, ray_box

__all__ = [
    "accumulate_along_rays",
    "composite",
    "conservative_occupancy",
    "march_rays",
    "marching_cubes",
    "pack_info",
    "ray_box",
    "render_transmittance_from_alpha",
    "render_weights_from_alpha",
    "render_weights_from_density",
    "unpack_info",
]
