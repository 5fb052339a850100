"""What a step does with rays: pixels drawn, sampled, rendered, and made ready to be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor, nn

from neurfield.errors import UserError
from neurfield.fields import Color, DistanceField
from neurfield.fitting.maps import FieldMaps
from neurfield.fitting.surface_watch import SurfaceWatch
from neurfield.losses.seen import RaysSeen, Seen
from neurfield.moment import Moment
from neurfield.pixels import PixelReader, Pixels
from neurfield.pixels.masks import asked_for, counted
from neurfield.points import Beside, PointSet, PointSource
from neurfield.points.point_set import answered, gathered
from neurfield.rays import Rays, Samples
from neurfield.rendering import (
    Background,
    Exposure,
    Opacity,
    OpacityNow,
    Poses,
    Rendered,
    Sampler,
    Transients,
    before,
    render_passes,
)
from neurfield.rendering.volume import DIRECT

LEADING = "surface"  # the label of the pass that leads, where there is one
LEAST_LIGHT = 2e-3  # of a ray, for which a learnt background is asked: half a step of 8 bits


@dataclass(frozen=True)
class Drawn:
    """What a step asks a field of, whichever field it is.

    Attributes:
        pixels: R of them, in the order of their samples.
        samples: S sections of their rays.
        opacities: the passes at the moment, by label.
        leading: the first of them.
        sets: of points that join the query, by name.
        holds: how far each of them is held on to.
        beside: [K, 3], points a small step from some samples.
        pairs: int64 [K], these samples.
    """

    pixels: Pixels
    samples: Samples
    opacities: Mapping[str, OpacityNow]
    leading: OpacityNow
    sets: dict[str, PointSet]
    holds: Mapping[str, float]
    beside: Tensor
    pairs: Tensor


class RaysStep:
    """Renders the pixels of a step.

    Args:
        reader: of pixels.
        sampler: where along their rays the field is asked.
        passes: opacities by label; the first of them is what pictures show.
        background: what stands behind the field; None: black.
        half: world lengths per unit length.
        watch: notices that the surface has left.
        beside: neighbours that samples get.
        exposure: what each picture makes of the scene's colours; None: nothing.
        poses: where cameras stand, if they are fitted, too; None: as the scene says.
        transients: tells what some pictures show that is not the scene's; None: nothing.
    """

    def __init__(
        self,
        reader: PixelReader,
        sampler: Sampler,
        passes: Mapping[str, Opacity],
        background: Background | None,
        half: float,
        watch: SurfaceWatch,
        beside: Beside,
        exposure: Exposure | None = None,
        poses: Poses | None = None,
        transients: Transients | None = None,
    ) -> None:
        self.reader, self.sampler = reader, sampler
        self.background, self.exposure = background, exposure
        self.passes = leading_first(passes)
        self.half, self.watch, self.beside, self.poses = half, watch, beside, poses
        self.transients = transients
        if transients is not None:
            reader.patches = transients.patches
        self.mask_says = reader.scene.mask_says
        self.opacity: dict[str, Tensor] = {}  # of the newest step's rays, by pass

    @cached_property
    def senses_depth(self) -> bool:
        """Whether pixels know a sensed distance."""
        return bool({"depth", "sensor_depth"} & self.reader.scene.sources)

    def opacities(self, moment: Moment) -> dict[str, OpacityNow]:
        """The passes at a moment of a fit, by label.

        Rays that are sampled around sensed depth bound their width.
        """
        widest = self.sampler.widest(moment, self.senses_depth and not moment.warm)
        return {label: opacity.at(moment, widest, label) for label, opacity in self.passes.items()}

    def draw(self, field: DistanceField, sources: list[PointSource], moment: Moment) -> Drawn:
        """Pixels, samples along their rays where the field's surface is, and points of `sources`."""
        opacities = self.opacities(moment)
        leading = next(iter(opacities.values())).fixed()  # a learnt width is waited for
        self.sampler.look(field, moment)
        self.reader.look(moment, lambda: self._maps(field, leading))
        pixels = self.reader.batch(moment.step, self.sampler.rays())
        if moment.warm:
            # The points say where the surface is, for all views at once: rays need only look there.
            pixels = pixels.having(t_depth=None)
        if self.poses is not None:
            pixels = self.poses.posed(pixels)
        if self.transients is not None and self.transients.learns:
            pixels = keeping(pixels, self.transients.kept(pixels, moment))
        pixels, samples = self.sampler.sample(pixels, field, leading, moment)
        self.reader.ahead(moment.step + 1, self.sampler.rays())
        joined = [(source, drawn) for source in sources if (drawn := source.draw(moment))]
        sets: dict[str, PointSet] = {}
        holds: dict[str, float] = {}
        for source, drawn in joined:
            sets |= (own := source.sets(*drawn))
            holds |= dict.fromkeys(own, source.hold(moment))
        beside, pairs = self._beside(pixels.rays, samples, moment)
        return Drawn(pixels, samples, opacities, leading, sets, holds, beside, pairs)

    def look(
        self, field: DistanceField, color: Color, drawn: Drawn, moment: Moment
    ) -> tuple[Seen, dict[str, float | Tensor]]:
        """What losses may look at, and figures for the log."""
        moving = self.poses is not None and self.poses.move(moment)
        look = self.seen(field, color, drawn, moment, moving)
        pixels, rendered = look.pixels, look.rays.passes
        self.opacity = {label: one.opacity.detach() for label, one in rendered.items()}
        surface = next(iter(rendered.values()))
        self.watch.look(surface.opacity, self._ought_to_end(pixels))
        return look, {
            "psnr": _psnr(pixels, surface, look.rays.compared),
            "rays": float(len(pixels)),
            "samples_per_ray": drawn.samples.t_starts.shape[0] / max(1, len(pixels)),
            "width": drawn.leading.number * self.half,
        }

    def seen(
        self, field: DistanceField, color: Color, drawn: Drawn, moment: Moment, moving: bool = False
    ) -> Seen:
        """What losses may look at of a field, asked where a step drew.

        Args:
            field: that is asked.
            color: of it.
            drawn: pixels, samples and points.
            moment: of the fit.
            moving: whether what is rendered is to carry gradients to the poses.
        """
        rays = self.poses.lines(drawn.pixels) if self.poses is not None and moving else drawn.pixels.rays
        rendered = render_passes(
            field, color, rays, drawn.samples, drawn.opacities, gathered(drawn.sets, drawn.beside),
            self.codes(drawn.pixels.camera), points_gradient=moving,
        )  # fmt: skip
        bare = next(iter(rendered.values())).rgb
        return self._for_losses(drawn, *self._against(drawn.pixels, rendered, moment), bare, moment)

    def _maps(self, field: DistanceField, leading: OpacityNow) -> FieldMaps:
        """What the fit's cameras see of the field now."""
        reader, cameras = self.reader, self.reader.scene.cameras
        if self.poses is not None:
            cameras = self.poses.cameras()
        return FieldMaps(
            field, cameras, reader.frame, reader.unit_box, self.sampler, leading, reader.device
        )  # fmt: skip

    def _beside(self, rays: Rays, samples: Samples, moment: Moment) -> tuple[Tensor, Tensor]:
        """Points a small step from some samples [K, 3], and the samples' indices [K]."""
        generator, device = moment.generator, rays.origins.device
        n_samples = samples.t_starts.shape[0]
        count = self.beside.pairs if n_samples else 0
        pairs = torch.randint(max(1, n_samples), (count,), generator=generator, device=device)
        index = samples.ray_indices[pairs]
        t = 0.5 * (samples.t_starts[pairs] + samples.t_ends[pairs])
        points = rays.origins[index] + t[:, None] * rays.directions[index]
        random = torch.rand(count, 3, generator=generator, device=device)
        return points + (random - 0.5) * (2.0 * self.beside.distance), pairs

    def _against(
        self, pixels: Pixels, rendered: dict[str, Rendered], moment: Moment
    ) -> tuple[Pixels, dict[str, Rendered], Tensor | None]:
        """What is compared: pixels, what was rendered before its background, and which of them.

        The pixels have the colours that are asked for. The third are the rays whose colours count, bool [R];
        None: all.
        """
        ended = compared = None
        mask = pixels.get("mask")
        if pixels.get("t_depth") is not None:
            truncation = self.sampler.truncation(moment)
            sensed, elsewhere = pixels.columns["t_depth"] > 0, pixels.elsewhere(truncation)
            if mask is not None:  # beside the object depth is of what is behind it
                sensed, elsewhere = sensed & (mask > 0.5), elsewhere & (mask > 0.5)
            ended = sensed & ~elsewhere
            compared = ~elsewhere  # what the box leaves out has no colour inside it
        outlined = mask is not None and self.mask_says == "object"
        least = torch.stack([one.opacity for one in rendered.values()]).amin(dim=0)
        behind = self.behind(pixels.rays, pixels.camera, moment, outlined, least)
        pixels, behind, valid = asked_for(pixels, behind, self.mask_says)
        if valid is not None:
            compared = valid if compared is None else compared & valid
        before_all = {
            label: self._before(one, pixels.camera, behind, ended) for label, one in rendered.items()
        }
        return pixels, before_all, compared

    def _before(self, one: Rendered, camera: Tensor, behind: Tensor | None, ended: Tensor | None) -> Rendered:
        """The same with its colours as the pictures of these cameras show them, before their background."""
        rgb = before(self.shown(one, camera), one.opacity, behind, ended)
        if DIRECT not in one.channels:
            return replace(one, rgb=rgb)
        shown = self.shown(replace(one, rgb=one.channels[DIRECT]), camera)
        direct = before(shown, one.opacity, behind, ended)
        return replace(one, rgb=rgb, channels={**one.channels, DIRECT: direct})

    def behind(
        self, rays: Rays, camera: Tensor, moment: Moment, outlined: bool, opacity: Tensor
    ) -> Tensor | None:
        """What stands behind the field, colours [R, 3]; None: black.

        What is learnt is asked where the field lets through more than LEAST_LIGHT, and is black elsewhere.

        Args:
            rays: R.
            camera: int64 [R], whose rays; -1: none of the fit's.
            moment: of the fit.
            outlined: whether masks are an object's outline.
            opacity: [R] of the field.
        """
        background = self.background
        if background is None or (background.for_outlines and not outlined):
            return None
        if not isinstance(background, nn.Module):
            return background.colors(rays, camera, moment)
        lit = (opacity.detach() < 1.0 - LEAST_LIGHT).nonzero()[:, 0]
        colors = background.colors(rays.take(lit), camera[lit], moment)
        if self.exposure is not None:  # a colour that is given is the picture's own
            colors = self.exposure.shown(colors, torch.ones_like(colors[:, 0]), camera[lit])
        return torch.zeros_like(rays.directions).index_copy(0, lit, colors)

    def codes(self, camera: Tensor) -> Tensor | None:
        """Numbers [R, K] of rays' pictures, which the colour gets; None: there are none."""
        codes_of = getattr(self.exposure, "codes_of", None)
        return None if codes_of is None else codes_of(camera)

    def shown(self, rendered: Rendered, camera: Tensor) -> Tensor:
        """The field's colours [R, 3] as the pictures of these cameras show them."""
        if self.exposure is None:
            return rendered.rgb
        return self.exposure.shown(rendered.rgb, rendered.opacity, camera)

    def _ought_to_end(self, pixels: Pixels) -> Tensor | None:
        """Which rays [R] ought to end at a surface, 1 or 0: those within the object's outline; None: all."""
        mask = pixels.get("mask")
        outlined = mask is not None and self.mask_says == "object"
        return counted(mask, pixels.rays.t_min) if outlined else None

    def _for_losses(
        self,
        drawn: Drawn,
        pixels: Pixels,
        rendered: dict[str, Rendered],
        valid: Tensor | None,
        bare: Tensor,
        moment: Moment,
    ) -> Seen:
        answers = next(iter(rendered.values())).answers
        sdf, gradient = answers.everywhere.sdf, answers.everywhere.gradient
        assert gradient is not None
        sets, pairs = drawn.sets, drawn.pairs
        points, start = answered(sets, drawn.holds, sdf, gradient, answers.t.shape[0])
        unit = [points[name].slope for name, one in sets.items() if one.unit_slope]
        firsts = [
            points[name].slope[: len(one.beside)] for name, one in sets.items() if one.beside is not None
        ]
        near = torch.cat([*firsts, answers.gradient[pairs]])
        return Seen(
            moment,
            torch.cat([answers.gradient, *unit]),
            (near, gradient[start:]) if len(near) else None,
            points,
            RaysSeen(
                pixels, drawn.samples, answers, rendered, self.sampler.truncation(moment),
                compared_of(pixels, valid), valid, pairs=pairs,
                outlined=self.mask_says == "object" and pixels.get("mask") is not None, bare=bare,
                opacities=drawn.opacities,
            ),
        )  # fmt: skip


def leading_first(passes: Mapping[str, Opacity]) -> dict[str, Opacity]:
    """The opacities, the leading one first: samples, pictures and figures are by it.

    Raises:
        UserError: it is one that cannot lead.
    """
    ordered = dict(sorted(passes.items(), key=lambda item: (item[0] != LEADING, not item[1].leads)))
    label, first = next(iter(ordered.items()))
    if not first.leads:
        raise UserError(
            f"'passes.{label}': this opacity renders samples that another one draws: give the method one to "
            f"lead, such as --set passes.{LEADING}=volsdf, and this one another label"
        )
    return ordered


def keeping(pixels: Pixels, kept: Tensor) -> Pixels:
    """The pixels, of which those that are not kept, bool [R], say nothing of depth either."""
    told = {
        name: pixels.columns[name] * kept.view(-1, *[1] * (pixels.columns[name].ndim - 1))
        for name in ("t_depth", "prior_depth", "prior_normal")
        if name in pixels.columns
    }
    return pixels.having(kept=kept, **told)


def compared_of(pixels: Pixels, valid: Tensor | None) -> Tensor | None:
    """Whose colours count, bool [R]: of those that are valid the ones that are kept; None: all."""
    kept = pixels.get("kept")
    return kept if valid is None else valid if kept is None else valid & kept


def _psnr(pixels: Pixels, rendered: Rendered, compared: Tensor | None) -> Tensor:
    """Of the pixels that the mask, if there is one, shows, and that are `compared`; 0 dB of none."""
    error = (rendered.rgb.detach() - pixels.rgb).square().mean(dim=1)
    weight = counted(pixels.get("mask"), error)
    if compared is not None:
        weight = weight * compared
    mean = (error * weight).sum() / weight.sum().clamp_min(1.0)
    return torch.where(weight.any(), -10.0 * mean.clamp_min(1e-10).log10(), 0.0)
