"""What sensed depth asks of samples and of rays."""

from __future__ import annotations

from torch import Tensor

from neurfield.losses.depth import free_space_sdf, near_surface_sdf, rendered_depth_l1
from neurfield.losses.seen import Seen
from neurfield.parts import needs


@needs("samples", optional=("pixels.t_depth",))
def sensor_sdf(seen: Seen) -> Tensor:
    """SDF near the surface that was sensed."""
    rays = seen.rays
    return near_surface_sdf(
        rays.answers.sdf, rays.answers.t, rays.t_depth, rays.incidence, rays.truncation
    )  # fmt: skip


@needs("samples", optional=("pixels.t_depth",))
def sensor_free(seen: Seen) -> Tensor:
    """SDF in the free space in front of the surface that was sensed."""
    rays = seen.rays
    return free_space_sdf(rays.answers.sdf, rays.answers.t, rays.t_depth, rays.truncation)


@needs("passes.surface", optional=("pixels.t_depth",))
def sensor_depth(seen: Seen) -> Tensor:
    """Rendered depth against sensed depth."""
    rendered = seen.rendered("surface")
    return rendered_depth_l1(rendered.distance, seen.pixels.columns["t_depth"], rendered.opacity)
