"""Photographs compared with each other by the surface that they show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

import torch
from torch import Tensor

from neurfield.losses.compared_views import ComparedViews
from neurfield.losses.crossings import first_crossings
from neurfield.losses.seen import Seen
from neurfield.ops.patch_warp import patch_warp
from neurfield.ops.stereo_pictures import StereoPictures
from neurfield.parts import Number, needs
from neurfield.rays import UnitFrame

LEAST_FACING, LEAST_FACING_SOURCE = 0.1, 0.2  # cosines between the normal and the directions to the cameras
SPACING = 2  # pixels between taps
Count = Annotated[int, Number(least=1)]
Share = Annotated[float, Number(least=0.0, most=1.0)]


@dataclass(frozen=True)
class _Surface:
    """K points where rays meet the surface; all without gradient.

    Attributes:
        valid: bool [K].
        camera: int64 [K], whose rays.
        point: [K, 3] unit coordinates.
        normal: [K, 3] unit, world axes.
        uv: [K, 2] of the rays in their cameras' pictures.
    """

    valid: Tensor
    camera: Tensor
    point: Tensor
    normal: Tensor
    uv: Tensor


@needs("samples")
class PatchWarp:
    """How unlike patches are that the surface puts on top of each other (Geo-NeuS, Fu et al. 2022, Sec. 3.4).

    Around the point where a ray meets the surface, the plane there carries a patch of the ray's picture into
    others. Its cost is `ops.patch_warp`'s: correlation where there is texture, absolute difference where
    there is none. A point counts with the mean over the better half of its pictures, since some of them see
    something else in front of it. The gradient goes to the field through the place of the zero crossing.

    Args:
        compared_views: gives the pictures, which of them to compare, and the depth that they see.
        frame: the unit coordinates.
        device: of the steps.
        rays: most points a step.
        views: pictures that a point is compared in, drawn among those that may see it.
        radius: the patch reaches so many pixels to each side.
        absolute: weight of the absolute difference; it counts less where exposures are not known.
        occluded: a picture that sees something nearer does not count where this lies so many pixels beside
            the point, seen from the ray's camera.
        whole_from: share of the steps from which whole pictures are compared; before, at half their size.
        normal_from: share of the steps from which normals take gradients, too.
    """

    def __init__(
        self,
        compared_views: Callable[[], ComparedViews],
        frame: UnitFrame,
        device: torch.device,
        *,
        rays: Count = 1024,
        views: Count = 4,
        radius: Annotated[int, Number(least=1, most=10)] = 5,
        absolute: Share = 1.0,
        occluded: Annotated[float, Number(above=0.0)] = 3.0,
        whole_from: Share = 0.5,
        normal_from: Share = 0.5,
    ) -> None:
        self._make, self.frame, self.device = compared_views, frame, device
        self.rays, self.views, self.radius, self.absolute = rays, views, radius, absolute
        self.occluded, self.whole_from, self.normal_from = occluded, whole_from, normal_from

    @cached_property
    def compared(self) -> ComparedViews:
        """The pictures, at full size."""
        return self._make().to(self.device)

    @cached_property
    def half(self) -> StereoPictures:
        """The pictures at half their size."""
        return self.compared.pictures.halved()

    @cached_property
    def poses(self) -> tuple[Tensor, Tensor]:
        """Camera from world [n, 3, 3], and centres in unit coordinates [n, 3]; float32."""
        pose = self.compared.pictures.cam_from_world.double()
        turn = pose[:, :3, :3]
        centers = -(turn.mT @ pose[:, :3, 3:])[..., 0]
        unit = torch.from_numpy(self.frame.unit_from_world(centers.cpu().numpy())).float()
        return turn.float(), unit.to(self.device)

    def prepare(self) -> None:
        """Read the pictures."""
        _ = self.half.quads, self.poses
        if self.whole_from < 1.0:
            _ = self.compared.pictures.quads

    def __call__(self, seen: Seen) -> Tensor:
        """The mean cost, 0 to 1, of the points that can be compared; 0 of none."""
        moment, pixels = seen.moment, seen.pixels
        pictures = self.compared.pictures if moment.progress >= self.whole_from else self.half
        crossings = first_crossings(seen.rays.samples, seen.rays.answers)
        valid = crossings.valid & (-(crossings.normal * pixels.rays.directions).sum(dim=1) > LEAST_FACING)
        if seen.rays.compared is not None:
            valid = valid & seen.rays.compared
        random = torch.rand(valid.shape, generator=moment.generator, device=valid.device)
        chosen = torch.where(valid, random, -1.0).topk(min(self.rays, len(valid))).indices
        rays, camera, t = pixels.rays.take(chosen), pixels.camera[chosen], crossings.t[chosen]
        turn, _ = self.poses
        direction = (turn[camera] @ rays.directions[:, :, None])[..., 0]
        uv = direction[:, :2] / direction[:, 2:] * pictures.lens[camera, :2] + pictures.lens[camera, 2:]
        normal = crossings.normal[chosen]
        if moment.progress < self.normal_from:
            normal = normal.detach()
        surface = _Surface(
            valid[chosen], camera, rays.origins + t.detach()[:, None] * rays.directions, normal.detach(), uv
        )
        sources = self._drawn(self._sources(surface, pictures), moment.generator)
        depth = torch.where(surface.valid, t * rays.z_per_t * self.frame.half, 1.0)
        normal = torch.where(surface.valid[:, None], (turn[camera] @ normal[:, :, None])[..., 0], -direction)
        patches = patch_warp(
            pictures, camera, uv, depth, normal, sources,
            radius=self.radius, spacing=SPACING, absolute=self.absolute * self.compared.comparable,
        )  # fmt: skip
        return _best_half(patches.cost, patches.valid)

    def _sources(self, surface: _Surface, pictures: StereoPictures) -> Tensor:
        """The pictures that may see each of K points, int64 [K, S]; -1: not this one."""
        turn, centers = self.poses
        sources = self.compared.sources[surface.camera]
        other = sources.clamp_min(0)
        away = surface.point[:, None] - centers[other]  # [K, S, 3]
        facing = -(away * surface.normal[:, None]).sum(dim=2) / away.norm(dim=2).clamp_min(1e-9)
        there = (turn[other] @ away[..., None])[..., 0]
        ahead = there[..., 2] > 1e-6
        uv = (
            there[..., :2] / there[..., 2:].clamp_min(1e-6) * pictures.lens[other, :2]
            + pictures.lens[other, 2:]
        )
        height, width = pictures.grey.shape[1:]
        size = uv.new_tensor([width, height])
        inside = ((uv > 0) & (uv < size)).all(dim=2)
        sees = surface.valid[:, None] & (sources >= 0) & ahead & inside & (facing > LEAST_FACING_SOURCE)
        if self.compared.depth is not None:
            share = torch.where(sees[..., None], uv / size, 0.5)
            sees = sees & ~self._hidden(surface, other, share, there[..., 2], pictures)
        return torch.where(sees, sources, -1)

    def _hidden(
        self, surface: _Surface, source: Tensor, share: Tensor, z: Tensor, pictures: StereoPictures
    ) -> Tensor:
        """Whether something is known to stand before a point in a source, bool [K, S].

        Only what is nearer hides: where a source looks through the point, it is the surface that is wrong.

        Args:
            surface: the points.
            source: int64 [K, S].
            share: [K, S, 2], where the source sees the point, 0..1 of its picture.
            z: [K, S] unit z-depth of the point in it.
            pictures: that are compared.
        """
        assert self.compared.depth is not None
        turn, centers = self.poses
        rows, columns = self.compared.depth.shape[1:]
        row = (share[..., 1] * rows).long().clamp_max(rows - 1)
        column = (share[..., 0] * columns).long().clamp_max(columns - 1)
        nearest = self.compared.depth[source, row, column] / self.frame.half
        height, width = pictures.grey.shape[1:]
        pixel = share * share.new_tensor([width, height])
        flat = (pixel - pictures.lens[source, 2:]) / pictures.lens[source, :2]
        ray = torch.cat([flat, torch.ones_like(flat[..., :1])], dim=2)
        met = centers[source] + (turn[source].mT @ (ray * nearest[..., None])[..., None])[..., 0]
        camera = surface.camera
        back = (turn[camera][:, None] @ (met - centers[camera][:, None])[..., None])[..., 0]
        place = back[..., :2] / back[..., 2:].clamp_min(1e-6)
        place = place * pictures.lens[camera, None, :2] + pictures.lens[camera, None, 2:]
        beside = (place - surface.uv[:, None]).norm(dim=2)
        return (nearest > 0) & (nearest < z) & (beside > self.occluded)

    def _drawn(self, sources: Tensor, generator: torch.Generator | None) -> Tensor:
        """At most `views` of the sources of each point, drawn evenly [K, V]; -1: no more."""
        random = torch.rand(sources.shape, generator=generator, device=sources.device)
        order = torch.where(sources >= 0, random, -1.0).topk(min(self.views, sources.shape[1]), dim=1).indices
        return sources.gather(1, order)


def _best_half(cost: Tensor, valid: Tensor) -> Tensor:
    """The mean over points of the mean of the lower half of their valid costs [K, V].

    A point with one cost alone does not count, unless none is compared in more: nothing tells whether the
    only picture sees it.
    """
    count = valid.sum(dim=1)
    lowest = torch.where(valid, cost, torch.inf).sort(dim=1).values
    places = torch.arange(cost.shape[1], device=cost.device)
    best = places < torch.div(count + 1, 2, rounding_mode="floor")[:, None]
    mean = torch.where(best, lowest, 0.0).sum(dim=1) / best.sum(dim=1).clamp_min(1)
    counts = count >= min(2, cost.shape[1])
    return torch.where(counts, mean, 0.0).sum() / counts.sum().clamp_min(1)
