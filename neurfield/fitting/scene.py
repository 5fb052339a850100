"""Fitting a field to the images, depth and priors of a scene: what one step does."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from neurfield.config import Config
from neurfield.encodings import GridEncoding
from neurfield.fitting.determined import telling_sources, what_would_help
from neurfield.fitting.masks import background, counted
from neurfield.fitting.optimizer import Group
from neurfield.fitting.pixels import Pixels, PixelSampler
from neurfield.fitting.sample_budget import SampleBudget
from neurfield.fitting.scene_encodings import first_levels, table_groups
from neurfield.fitting.scene_fields import fields_state, load_fields, make_field, make_radiance
from neurfield.fitting.schedule import active_levels, geometric
from neurfield.fitting.seen_points import SeenPoints
from neurfield.fitting.step import FixedStep, StepReport
from neurfield.fitting.surface_watch import SurfaceWatch, least_share
from neurfield.fitting.volume_losses import SMOOTH_POINTS, SMOOTH_STEP, draw_points, volume_losses
from neurfield.fitting.warm_start import VolumePoints, aligned_priors, warm_start
from neurfield.fusion import AlignedPriors
from neurfield.losses import depth as depth_losses
from neurfield.losses import geometric as field_losses
from neurfield.losses import photometric, priors
from neurfield.rendering.occupancy import OccupancyGrid
from neurfield.rendering.rays import Rays, Samples, UnitFrame
from neurfield.rendering.sampling import concatenate, sample_around_depth, sample_surface
from neurfield.rendering.visibility import keep_visible
from neurfield.rendering.volume import Rendered, before, render
from neurfield.scenes import Scene

SETTLING_STEPS = 256  # over which the surface may still cross many cells between two looks at the occupancy


class SceneTask:
    """A field, its colour and the space it may occupy, for one scene (already reduced to the sources in
    use)."""

    def __init__(
        self, scene: Scene, config: Config, device: torch.device, aligned: AlignedPriors | None = None
    ) -> None:
        """aligned: what the scene's priors mean, where it is known already."""
        self.scene, self.config, self.device, self._aligned = scene, config, device, aligned
        self.frame = UnitFrame.around(scene.box)
        self.unit_box = self.frame.box_in_unit(scene.box)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.field = make_field(config).to(device)
            self.radiance = make_radiance(config).to(device)
        self.inside = scene.kind == "inside"
        self.mask_says = scene.mask_says
        self.field.start_as_sphere(
            config.field.radius or self._radius(), inside=self.inside, seed=config.seed
        )
        self.log_width = nn.Parameter(torch.tensor([math.log(config.opacity.width_start)], device=device))
        self.pixels = PixelSampler(scene, config.data, self.frame, self.unit_box, config.seed, device)
        self.budget = SampleBudget(config.sampling.samples, config.sampling.rays)
        self.occupancy = OccupancyGrid(self.unit_box, config.sampling.occupancy_resolution, device=device)
        self.bounds = torch.tensor(self.unit_box, device=device)

    def _radius(self) -> float:
        """Of the initial sphere: around the cameras and most of the box for a room, well inside the box for
        an object."""
        extent = np.array(self.unit_box[3:]) - np.array(self.unit_box[:3])
        if not self.inside:
            return 0.35 * float(extent.min())
        cameras = np.linalg.norm(self.frame.unit_from_world(self.scene.cameras.centers), axis=1)
        return max(0.45 * float(extent.mean()), 1.1 * float(cameras.max()))

    def groups(self) -> list[Group]:
        """Table, networks and, when it is learnt, the width of the opacity."""
        train = self.config.train
        layers = [p for module in (self.field.layers, self.radiance.layers) for p in module.parameters()]
        groups = [
            *table_groups(self.field.encoding, [self.radiance.encoding.table], train.lr_table),
            Group("network", layers, train.lr_network),
        ]
        if self.config.opacity.learn:
            groups.append(Group("width", [self.log_width], train.lr_network))
        return groups

    def width(self, progress: float) -> Tensor | float:
        """The opacity's width: learnt, or on its schedule."""
        opacity = self.config.opacity
        if opacity.learn:
            return self.log_width.exp().clamp(1e-4, 1.0)
        start = opacity.width_start if self.volume is None else self.config.warm.width_start
        return geometric(start, opacity.width_end, progress)

    def step(self, step: int, progress: float) -> StepReport:
        """Draw pixels, render them, compare."""
        self._use_levels(progress)
        generator = self._generator(step)
        drawn = draw_points(self.volume, self.config, progress, generator)
        if self._alone(progress):
            return self._volume_report(*drawn)
        losses = volume_losses(self.field, self.volume, self.config, progress, *drawn) if drawn else {}
        since = step - self._first_of_rays()
        if self.seen is not None:
            losses |= self.seen.losses(self.field, self.config, generator)
        rays, figures = self._ray_losses(step, since, progress, generator)
        for name, loss in rays.items():
            losses[name] = losses[name] + loss if name in losses else loss
        return StepReport(losses, {**figures, "levels": float(self.field.active_levels)})

    def fixed(self, step: int, progress: float) -> FixedStep | None:
        """A step that looks at the volume alone; the samples of rays are another number each step."""
        encoding = self.field.encoding
        if not (self._alone(progress) and isinstance(encoding, GridEncoding) and encoding.fuses):
            return None
        self._use_levels(progress)
        drawn = draw_points(self.volume, self.config, progress, self._generator(step))
        return FixedStep(drawn, self._volume_report, baked=self.field.active_levels)

    def _volume_report(self, *drawn: Tensor) -> StepReport:
        losses = volume_losses(self.field, self.volume, self.config, 0.0, *drawn)
        return StepReport(losses, {"levels": float(self.field.active_levels)})

    def _alone(self, progress: float) -> bool:
        """Whether steps look at the volume alone, still."""
        return self.volume is not None and progress < self.config.warm.alone

    def _use_levels(self, progress: float) -> None:
        settings = self.config.field
        self.field.active_levels = active_levels(
            first_levels(settings, self.field.encoding), self.field.encoding.levels, progress,
            settings.all_levels_at if self.volume is None else self.config.warm.alone,
        )  # fmt: skip

    def _generator(self, step: int) -> torch.Generator:
        """All of a step's randomness but which pixels; the CPU's numbers and a GPU's differ."""
        return torch.Generator(self.device).manual_seed(self.config.seed * 1_000_003 + step)

    @cached_property
    def aligned(self) -> AlignedPriors | None:
        """What the scene's priors mean, where depth is known by nothing else."""
        return self._aligned if self._aligned is not None else aligned_priors(self.scene, self.config)

    @cached_property
    def seen(self) -> SeenPoints | None:
        """Points that several images show."""
        return SeenPoints.of(self.aligned, self.frame, self.unit_box, self.device)

    @cached_property
    def volume(self) -> VolumePoints | None:
        """What the scene's depth says together; fused when first asked for."""
        return warm_start(self.scene, self.config, self.frame, self.device, self.aligned)

    @cached_property
    def watch(self) -> SurfaceWatch:
        """Ends a fit whose surface has left the box."""
        advice = what_would_help(telling_sources(self.scene), self.inside)
        return SurfaceWatch(least_share(self.scene, self.config.data), advice, self.device)

    def _first_of_rays(self) -> int:
        return math.ceil(self.config.warm.alone * self.config.train.steps) if self.volume is not None else 0

    def prepare(self) -> None:
        """Fuse the depth that there is."""
        _ = self.volume

    def _ray_losses(
        self, step: int, since: int, progress: float, generator: torch.Generator
    ) -> tuple[dict[str, Tensor], dict[str, float | Tensor]]:
        """Pixels drawn, rendered, compared; `since` counts the steps that rays have taken part in."""
        truncation = geometric(
            4.0 * self.config.sampling.truncation, self.config.sampling.truncation, 2.0 * progress
        )
        width = self.width(progress)
        if self.volume is None and {"depth", "sensor_depth"} & self.scene.sources:
            # A ray with depth is sampled to the end of its band only, and must have become opaque by then.
            widest = truncation / self.config.sampling.reach
            width = width.clamp_max(widest) if isinstance(width, Tensor) else min(width, widest)
        if since % self.config.sampling.occupancy_every == 0 or not self.occupancy.asked:
            self._refresh_occupancy(max(0, since))
        pixels = self.pixels.batch(step, self.budget.rays())
        if self.volume is not None:
            # The volume says where the surface is, for all views at once: rays need only look there.
            pixels = replace(pixels, t_depth=None)
        now = float(width.detach()) if isinstance(width, Tensor) else width  # a learnt one is waited for
        anneal = 1.0 if self.config.opacity.anneal <= 0 else min(1.0, progress / self.config.opacity.anneal)
        pixels, samples = self.sample(pixels, now, truncation, generator, anneal)
        self.budget.count(len(pixels.rays), samples.t_starts.shape[0])
        self.pixels.ahead(step + 1, self.budget.rays())
        extra, pairs = self._extra_points(pixels.rays, samples, generator)
        seen = render(
            self.field, self.radiance, pixels.rays, samples, kind=self.config.opacity.kind, width=width,
            anneal=anneal, extra_points=extra,
        )  # fmt: skip
        behind = ended = compared = None
        if pixels.t_depth is not None:
            sensed, elsewhere = pixels.t_depth > 0, pixels.elsewhere(truncation)
            if pixels.mask is not None:  # beside the object depth is of what is behind it
                sensed, elsewhere = sensed & (pixels.mask > 0.5), elsewhere & (pixels.mask > 0.5)
            ended = sensed & ~elsewhere
            compared = ~elsewhere  # what the box leaves out has no colour inside it
        if pixels.mask is not None:
            pixels, behind, valid = background(pixels, generator, self.mask_says)
            if valid is not None:
                compared = valid if compared is None else compared & valid
        seen = replace(seen, rgb=before(seen.rgb, seen.opacity, behind, ended))
        self.watch.look(seen.opacity, self._ought_to_end(pixels))
        losses = self._losses(pixels, samples, seen, pairs, truncation, progress, compared)
        figures: dict[str, float | Tensor] = {
            "psnr": self._psnr(pixels, seen, compared),
            "rays": float(len(pixels.rays)),
            "samples_per_ray": samples.t_starts.shape[0] / max(1, len(pixels.rays)),
            "width": now * self.frame.half,
        }
        return losses, figures

    def _ought_to_end(self, pixels: Pixels) -> Tensor | None:
        """Which rays [R] ought to end at a surface, 1 or 0: those within the object's outline; None: all."""
        outlined = pixels.mask is not None and self.mask_says == "object"
        return counted(pixels.mask, pixels.rays.t_min) if outlined else None

    def _refresh_occupancy(self, step: int) -> None:
        """All cells at first; then, while the surface is still on its way, more of them than once it only
        settles."""
        turn = step // self.config.sampling.occupancy_every
        if turn == 0:
            self.occupancy.update(self.field.sdf)
        elif step < SETTLING_STEPS:
            self.occupancy.refresh(self.field.sdf, turn, near=1, far=5)
        else:
            self.occupancy.refresh(self.field.sdf, turn, near=2, far=19)

    def sample(
        self,
        pixels: Pixels,
        width: float,
        truncation: float,
        generator: torch.Generator,
        anneal: float = 1.0,
    ) -> tuple[Pixels, Samples]:
        """Sections for every ray: around the sensed depth where there is one, near the field's surface
        elsewhere.

        Returns the pixels too, reordered so that the rays with depth come first.
        """
        settings = self.config.sampling
        if pixels.t_depth is None:
            return pixels, self._march(pixels.rays, width, generator, anneal)
        sensed = (pixels.t_depth > 0) & (pixels.rays.t_max > pixels.rays.t_min)
        pixels = pixels.reorder(torch.argsort((~sensed).byte(), stable=True))
        count = int(sensed.sum())
        assert pixels.t_depth is not None
        guided = sample_around_depth(
            pixels.rays.take(slice(0, count)), pixels.t_depth[:count], truncation=truncation,
            near=settings.depth_near, free=settings.depth_free, generator=generator,
        )  # fmt: skip
        rest = self._march(pixels.rays.take(slice(count, None)), width, generator, anneal)
        return pixels, concatenate(guided, rest, count)

    def _march(self, rays: Rays, width: float, generator: torch.Generator, anneal: float) -> Samples:
        settings = self.config.sampling
        jitter = torch.rand(len(rays), generator=generator, device=self.device)
        samples = sample_surface(
            rays, self.occupancy, step=max(settings.step_min, settings.step * width),
            reach=settings.reach * width, max_samples=settings.max_samples, jitter=jitter,
        )  # fmt: skip
        kind = self.config.opacity.kind
        return keep_visible(self.field, rays, samples, kind=kind, width=width, anneal=anneal)

    def _extra_points(
        self, rays: Rays, samples: Samples, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Points off the rays: uniform ones in the box, then neighbours of some samples;
        and those samples' indices."""
        low, high = self.bounds[:3], self.bounds[3:]
        count = self.config.sampling.random_points
        uniform = low + (high - low) * torch.rand(count, 3, generator=generator, device=self.device)
        n_samples = samples.t_starts.shape[0]
        n_pairs = SMOOTH_POINTS if self.config.loss.smooth > 0 and n_samples else 0
        pairs = torch.randint(max(1, n_samples), (n_pairs,), generator=generator, device=self.device)
        index = samples.ray_indices[pairs]
        t = 0.5 * (samples.t_starts[pairs] + samples.t_ends[pairs])
        points = rays.origins[index] + t[:, None] * rays.directions[index]
        offset = (torch.rand(n_pairs, 3, generator=generator, device=self.device) - 0.5) * (2.0 * SMOOTH_STEP)
        return torch.cat([uniform, points + offset]), pairs

    def _losses(
        self,
        pixels: Pixels,
        samples: Samples,
        seen: Rendered,
        pairs: Tensor,
        truncation: float,
        progress: float,
        compared: Tensor | None = None,
    ) -> dict[str, Tensor]:
        weight, count = self.config.loss, self.config.sampling.random_points
        fade = math.exp(-weight.prior_decay * progress)
        losses = {"color": weight.color * photometric.color_l1(seen.rgb, pixels.rgb, compared)}
        everywhere = torch.cat([seen.gradient, seen.extra_gradient[:count]])
        losses["eikonal"] = weight.eikonal * field_losses.eikonal(everywhere)
        if pairs.numel():
            neighbours = seen.extra_gradient[count:]
            losses["smooth"] = weight.smooth * field_losses.normal_smoothness(
                seen.gradient[pairs], neighbours
            )
        if pixels.t_depth is not None:
            t_depth = pixels.t_depth[samples.ray_indices]
            directions = pixels.rays.directions[samples.ray_indices]
            with torch.no_grad():
                facing = -(nn.functional.normalize(seen.gradient, dim=1) * directions).sum(dim=1)
                incidence = facing.clamp(0.1, 1.0)
            near = depth_losses.near_surface_sdf(seen.sdf, seen.t, t_depth, incidence, truncation)
            free = depth_losses.free_space_sdf(seen.sdf, seen.t, t_depth, truncation)
            rendered = depth_losses.rendered_depth_l1(seen.distance, pixels.t_depth, seen.opacity)
            losses["sensor_sdf"] = weight.sensor_sdf * near
            losses["sensor_free"] = weight.sensor_free * free
            losses["sensor_depth"] = weight.sensor_depth * rendered
        hit = (seen.opacity.detach() > 0.5).float()
        if pixels.prior_depth is not None and weight.prior_depth > 0:
            trust = hit * (pixels.prior_depth > 0)
            z = seen.distance * pixels.rays.z_per_t
            loss = priors.ambiguous_depth(pixels.prior_depth, z, trust, pixels.group, pixels.frames)
            losses["prior_depth"] = weight.prior_depth * fade * loss
        if pixels.prior_normal is not None and weight.prior_normal > 0:
            trust = hit * (pixels.prior_normal.square().sum(dim=1) > 0.5)
            losses["prior_normal"] = (
                weight.prior_normal * fade * priors.prior_normals(seen.normal, pixels.prior_normal, trust)
            )
        if pixels.mask is not None and weight.mask > 0 and self.mask_says == "object":
            losses["mask"] = weight.mask * photometric.mask_entropy(seen.opacity, pixels.mask)
        return losses

    def _psnr(self, pixels: Pixels, seen: Rendered, compared: Tensor | None) -> Tensor:
        """Of the pixels that the mask, if there is one, shows, and that are `compared`; 0 dB of none."""
        error = (seen.rgb.detach() - pixels.rgb).square().mean(dim=1)
        shown = counted(pixels.mask, error)
        if compared is not None:
            shown = shown * compared
        mean = (error * shown).sum() / shown.sum().clamp_min(1.0)
        return torch.where(shown.any(), -10.0 * mean.clamp_min(1e-10).log10(), 0.0)

    def state(self) -> dict[str, Tensor]:
        """Field, colour, width, occupancy, and how many samples a ray takes."""
        return {
            **fields_state(self.field, self.radiance),
            "log_width": self.log_width.data,
            "occupancy": self.occupancy.values,
            "samples_per_ray": torch.tensor([self.budget.samples_per_ray], dtype=torch.float64),
        }

    def load(self, state: dict[str, Tensor]) -> None:
        """Take a state written by `state`."""
        load_fields(state, self.field, self.radiance)
        self.log_width.data.copy_(state["log_width"])
        self.occupancy.take(state["occupancy"])
        self.budget.samples_per_ray = float(state["samples_per_ray"])
        self.watch.reset()

    def preview(self, step: int, folder: Path) -> None:
        """One frame as the field renders it now, colour and normals beside the true image."""
        from neurfield.fitting.view import write_preview

        write_preview(self, step, folder)
