"""Colour alone, where pixels' rays meet a surface that stands: ten times as many pixels a second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import torch
from torch import Tensor
from torch.nn.functional import normalize

from neurfield.fields import Shaded
from neurfield.fitting.rays_step import keeping
from neurfield.fitting.step import StepReport
from neurfield.moment import Moment
from neurfield.parts import Number
from neurfield.pixels import PixelReader, Walk
from neurfield.pixels.masks import counted
from neurfield.rendering.first_hits import FirstHits
from neurfield.scenes import Cameras

if TYPE_CHECKING:
    from neurfield.fitting.scene import SceneTask

COARSEST, FINEST = 64, 512  # voxels along the longest side of the box in which rays are followed
AT_ONCE = 32  # steps whose rays are followed together
MOST = 8  # times as many rays are followed as are wanted, where most meet nothing
PROBE = 4096  # rays by which that is found out
KNEE = 0.01  # of the loss, in colour: below it is quadratic, as PSNR is
STEEP = 0.2  # least slope along a ray by which the place is corrected


@dataclass(frozen=True)
class Hits:
    """N pixels whose rays meet the surface.

    Attributes:
        points: [N, 3] near the surface, unit coordinates.
        directions: [N, 3] of the rays.
        rgb: [N, 3] of the pictures.
        camera: int64 [N].
    """

    points: Tensor
    directions: Tensor
    rgb: Tensor
    camera: Tensor

    def part(self, number: int, of: int) -> Hits:
        """One of so many equal parts."""
        rows = slice(number * len(self.rgb) // of, (number + 1) * len(self.rgb) // of)
        return Hits(self.points[rows], self.directions[rows], self.rgb[rows], self.camera[rows])


class SurfaceColor:
    """The last part of the steps: the surface stands still, and colour is asked for once a pixel, on it.

    Rendered pictures weigh some samples around the surface, whose mean is there. The pixels are all those of
    the fit, one after the other; left out are those that a mask or the transients leave out, and whose rays
    meet nothing or end outside the box. What pictures make of colours (exposure) goes on learning, too.

    Args:
        cameras: of the pictures.
        seed: of the fit.
        share: of the steps.
        pixels: a step.
        rate: learning rates at its first step, times those of `train`.
    """

    wants_sign = True  # rays are followed to where the field's distance changes its sign

    def __init__(
        self,
        cameras: Cameras,
        seed: int,
        *,
        share: Annotated[float, Number(least=0.0, below=1.0)] = 0.25,
        pixels: Annotated[int, Number(least=1)] = 16384,
        rate: Annotated[float, Number(above=0.0)] = 2.0,
    ) -> None:
        self.share, self.pixels, self.rate = share, pixels, rate
        self.walk = Walk(cameras, seed)
        longest = float(cameras.fx.max())  # a pixel is about so many parts of half the box
        self.voxel = 2.0 / min(FINEST, max(COARSEST, round(2.0 * longest)))
        self.forget()

    def forget(self) -> None:
        """Let go of what was worked out of a field."""
        self._surface: FirstHits | None = None
        self._more = 1
        self._drawn: tuple[int, Hits] | None = None

    def step(self, task: SceneTask, number: int, count: int, moment: Moment) -> StepReport:
        """Colours on the surface against those of the pictures."""
        at_once = min(AT_ONCE, count)
        turn = number // at_once
        if self._drawn is None or self._drawn[0] != turn:
            begun = moment.step - number
            if self._surface is None:
                self._look(task, at_once * self.pixels, task.moment(begun, 1.0))
            then = task.moment(begun + turn * at_once, 1.0)  # as if never stopped since
            self._drawn = turn, self._hits(task, turn, at_once * self.pixels * self._more, then)
        hits = self._drawn[1].part(number % at_once, at_once)
        shown = surface_colors(task, hits, self.voxel)
        error = (shown - hits.rgb).square()
        loss = ((error + KNEE**2).sqrt() - KNEE).sum() / max(1, error.numel())
        mean = error.detach().sum() / max(1, error.numel())
        psnr = -10.0 * mean.clamp_min(1e-10).log10()
        counts = {"rays": float(len(hits.rgb)), "samples_per_ray": 1.0}
        return StepReport({"surface_color": loss}, {"psnr": psnr, **counts})

    def _look(self, task: SceneTask, wanted: int, moment: Moment) -> None:
        """Where the surface is, and how many rays have to be followed for one that meets it."""
        self._surface = FirstHits.of(task.field, task.unit_box, self.voxel, task.device)
        found = len(self._hits(task, 0, min(PROBE, wanted), moment).rgb) / min(PROBE, wanted)
        self._more = MOST if found * MOST <= 1.0 else round(1.0 / found)

    @torch.no_grad()
    def _hits(self, task: SceneTask, turn: int, rays: int, moment: Moment) -> Hits:
        """The next ones of so many pixels of the walk whose rays meet the surface."""
        assert task.rays is not None and self._surface is not None
        ours = task.rays.reader
        reader = PixelReader(ours.scene, self.walk, ours.frame, task.unit_box, task.device)
        reader.images, reader.patches = ours.images, ours.patches
        pixels = reader.batch(turn, rays)
        if task.rays.poses is not None:
            pixels = task.rays.poses.posed(pixels)
        transients = task.rays.transients
        if transients is not None and transients.learns:
            pixels = keeping(pixels, transients.kept(pixels, moment))
        t = self._surface.along(pixels.rays)
        rows = t > 0
        if "mask" in pixels.columns:
            rows &= counted(pixels.get("mask"), t) > 0.5
        if "kept" in pixels.columns:
            rows &= pixels.columns["kept"]
        if "t_depth" in pixels.columns:
            rows &= ~pixels.elsewhere(task.rays.sampler.truncation(moment))
        index = rows.nonzero()[:, 0]
        lines = pixels.rays.take(index)
        points = lines.origins + t[index, None] * lines.directions
        return Hits(points, lines.directions, pixels.rgb[index], pixels.camera[index])


def surface_colors(task: SceneTask, hits: Hits, nearest: float) -> Tensor:
    """Colours [N, 3] as their pictures show them, where rays meet the surface; the field has no gradient.

    Args:
        task: of the fit.
        hits: N pixels.
        nearest: how far along their rays the surface may be from the points, at most.
    """
    assert task.rays is not None and task.color is not None
    with torch.no_grad():
        sample = task.field.query(hits.points, gradient=True)
        slope = (sample.gradient * hits.directions).sum(dim=1).clamp_max(-STEEP)
        farther = (-sample.sdf / slope).clamp(-nearest, nearest)
        points = hits.points + farther[:, None] * hits.directions
        feature, normal = sample.feature, normalize(sample.gradient, dim=1, eps=1e-6)
        views = task.color.encode_views(hits.directions)
    codes = task.rays.codes(hits.camera)
    if codes is not None:
        feature = torch.cat([feature, codes], dim=1)
    shaded = task.color(points, feature, normal, views)
    rgb = shaded.rgb if isinstance(shaded, Shaded) else shaded  # of one sample, however it is decoded
    exposure = task.rays.exposure
    return rgb if exposure is None else exposure.shown(rgb, torch.ones_like(rgb[:, 0]), hits.camera)
