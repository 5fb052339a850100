"""Samples by marching through the cells where the surface may be, and around depth where it was sensed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import torch
from torch import Tensor

from neurfield.fields.protocols import Distances
from neurfield.moment import Moment, geometric
from neurfield.parts import Number
from neurfield.rays import Rays, Samples
from neurfield.rendering.occupancy import OccupancyGrid
from neurfield.rendering.opacity import OpacityNow
from neurfield.rendering.sample_budget import SampleBudget
from neurfield.rendering.sampling import concatenate, sample_around_depth, sample_surface
from neurfield.rendering.visibility import keep_visible

if TYPE_CHECKING:
    from neurfield.pixels import Pixels

SETTLING_STEPS = 256  # over which the surface may still cross many cells between two looks at the occupancy
Count = Annotated[int, Number(least=1)]
Length = Annotated[float, Number(above=0.0)]


class Marched:
    """Sections of equal length near the field's surface, and around sensed depth on rays that have it.

    Args:
        unit_box: xmin ymin zmin xmax ymax zmax, unit coordinates.
        device: of the samples.
        rays: of the first step.
        samples: per step, on average: rays become more (to 8 times) as each needs fewer; 0: always `rays`.
        occupancy_resolution: cells along the longest side of the box.
        occupancy_every: steps between two looks.
        reach: widths on both sides of the surface that are sampled.
        step: sample length in widths.
        step_min: the least sample length, unit lengths.
        max_samples: of a ray.
        depth_near: samples of a ray with sensed depth inside the band.
        depth_free: samples of a ray with sensed depth in front of the band.
        truncation: half width of the band at the end of the fit, unit lengths.
    """

    def __init__(
        self,
        unit_box: list[float],
        device: torch.device,
        *,
        rays: Count = 1024,
        samples: Annotated[int, Number(least=0)] = 16384,
        occupancy_resolution: Count = 128,
        occupancy_every: Count = 16,
        reach: Length = 4.0,
        step: Length = 0.8,
        step_min: Annotated[float, Number(least=0.0)] = 0.003,
        max_samples: Count = 96,
        depth_near: Count = 10,
        depth_free: Annotated[int, Number(least=0)] = 5,
        truncation: Length = 0.012,
    ) -> None:
        self.device = device
        self.budget = SampleBudget(samples, rays)
        self.occupancy = OccupancyGrid(unit_box, occupancy_resolution, device=device)
        self.every, self.reach, self.step, self.step_min = occupancy_every, reach, step, step_min
        self.max_samples, self.depth_near, self.depth_free = max_samples, depth_near, depth_free
        self.last_truncation = truncation

    @property
    def words(self) -> str:
        """How large a step is, for people."""
        return f"about {self.budget.samples} samples" if self.budget.samples else f"{self.budget.first} rays"

    def rays(self) -> int:
        """How many the next step draws."""
        return self.budget.rays()

    def truncation(self, moment: Moment) -> float:
        """Half width of the band around sensed depth, unit lengths: four times the last one at first."""
        return geometric(4.0 * self.last_truncation, self.last_truncation, 2.0 * moment.progress)

    def widest(self, moment: Moment, guided: bool) -> float:
        """The greatest width that an opacity may have, unit lengths.

        A ray with depth (`guided`) is sampled to the end of its band only, and must have become opaque by
        then.
        """
        return self.truncation(moment) / self.reach if guided else math.inf

    def look(self, field: Distances, moment: Moment) -> None:
        """See where the field's surface is by now, now and then.

        All cells are asked at first; then, while the surface is still on its way, more of them than once it
        only settles.
        """
        if moment.since % self.every and self.occupancy.has_values:
            return
        since = max(0, moment.since)
        turn = since // self.every
        if turn == 0:
            self.occupancy.update(field.sdf)
        elif since < SETTLING_STEPS:
            self.occupancy.refresh(field.sdf, turn, near=1, far=5)
        else:
            self.occupancy.refresh(field.sdf, turn, near=2, far=19)

    def sample(
        self, pixels: Pixels, field: Distances, opacity: OpacityNow, moment: Moment
    ) -> tuple[Pixels, Samples]:
        """Sections for every ray, and the pixels, reordered so that the rays with depth come first.

        They lie around the sensed depth where there is one, near the field's surface elsewhere.
        """
        t_depth = pixels.get("t_depth")
        if t_depth is None:
            return pixels, self._counted(self._march(pixels.rays, field, opacity, moment))
        sensed = (t_depth > 0) & (pixels.rays.t_max > pixels.rays.t_min)
        pixels = pixels.reorder(torch.argsort((~sensed).byte(), stable=True))
        count = int(sensed.sum())
        guided = sample_around_depth(
            pixels.rays.take(slice(0, count)), pixels.columns["t_depth"][:count],
            truncation=self.truncation(moment), near=self.depth_near, free=self.depth_free,
            generator=moment.generator,
        )  # fmt: skip
        rest = self._march(pixels.rays.take(slice(count, None)), field, opacity, moment)
        return pixels, self._counted(concatenate(guided, rest, count))

    def for_picture(self, rays: Rays, field: Distances, opacity: OpacityNow) -> Samples:
        """Sections for rays of a picture, always the same ones."""
        jitter = torch.full((len(rays),), 0.5, device=self.device)
        return self._near(rays, field, opacity, jitter, 4 * self.max_samples)

    def _march(self, rays: Rays, field: Distances, opacity: OpacityNow, moment: Moment) -> Samples:
        jitter = torch.rand(len(rays), generator=moment.generator, device=self.device)
        return self._near(rays, field, opacity, jitter, self.max_samples)

    def _near(self, rays: Rays, field: Distances, opacity: OpacityNow, jitter: Tensor, most: int) -> Samples:
        """Sections near the field's surface that a pixel can see."""
        width = opacity.number
        samples = sample_surface(
            rays, self.occupancy, step=max(self.step_min, self.step * width), reach=self.reach * width,
            max_samples=most, jitter=jitter,
        )  # fmt: skip
        return keep_visible(field, rays, samples, opacity.fixed())

    def _counted(self, samples: Samples) -> Samples:
        self.budget.count(samples.packed_info.shape[0], samples.t_starts.shape[0])
        return samples

    def state(self) -> dict[str, Tensor]:
        """Occupancy, and how many samples a ray takes."""
        spent = torch.tensor([self.budget.samples_per_ray], dtype=torch.float64)
        return {"occupancy": self.occupancy.values, "samples_per_ray": spent}

    def load(self, state: dict[str, Tensor]) -> None:
        """Take a state written by `state`."""
        self.occupancy.take(state["occupancy"])
        self.budget.samples_per_ray = float(state["samples_per_ray"])
