"""The last lesson of tiny networks: colours where rays of the pictures meet their surface, which stays.

KiloNeRF (Reiser et al. 2021) ends with a fit to the pictures, too. Here geometry is left to the teacher, and
first hits say which place a pixel shows: a ray asks one network for its colour, once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from neurfield.fields.kilo_color import KiloColor
from neurfield.fitting.distill import BATCHES, KNEE, RATE, RATE_OF_COLOR, Student, Tell, color_groups
from neurfield.fitting.optimizer import Adam
from neurfield.fitting.rays_step import RaysStep
from neurfield.fitting.teaching import Teacher
from neurfield.pixels.masks import counted

PIXELS = 1 << 16  # a step
REUSED = 8  # times, before others are drawn
ELSEWHERE = 8  # places of a cell, a step, of which the teacher tells: no picture may show them
RATE_END = 0.05  # of the rates, at the last step


@dataclass(frozen=True)
class Shown:
    """Places of the student's surface and their colours, sorted by network.

    Attributes:
        points: [M, 3], unit coordinates.
        local: [M, 3], where in their cells they are.
        known: [M, K], the field's features, normals and encoded views.
        starts: int64 [networks + 1].
        camera: int64 [M], whose picture shows them; -1: the teacher told.
        rgb: [M, 3].
    """

    points: Tensor
    local: Tensor
    known: Tensor
    starts: Tensor
    camera: Tensor
    rgb: Tensor


class Tuning:
    """Fits a student's colours to pictures.

    Where a picture's colours are not the scene's (codes of a picture, what only some pictures show), the
    teacher's own are asked for along the same rays; `from_pictures` says so.

    Args:
        student: that is taught, its numbers as they are kept.
        teacher: of it.
        rays: of the teacher's fit: pixels, poses, exposure.
        first: step whose pixels are the first that are looked at.
        seed: of what else is drawn.
        rate: of learning, at first.
    """

    def __init__(
        self,
        student: Student,
        teacher: Teacher,
        rays: RaysStep,
        first: int = 0,
        seed: int = 0,
        rate: float = RATE_OF_COLOR * RATE,
    ) -> None:
        assert isinstance(student.color, KiloColor)
        self.field, self.color, self.figures = student.field, student.color, student.figures
        self.teacher, self.rays, self.first, self.rate = teacher, rays, first, rate
        self.generator = torch.Generator().manual_seed(seed)
        transients = rays.transients
        self.from_pictures = not hasattr(rays.exposure, "codes_of") and (
            transients is None or not transients.learns
        )

    def run(self, steps: int, tell: Tell = lambda words, share: None) -> None:
        """Take so many steps, and fill in figures; Ctrl-C ends it, and leaves colours as far as they came."""
        began, step = time.perf_counter(), 0
        optimizer = Adam(color_groups(self.color, self.rate))
        before = self._psnr(self._drawn(-1))
        try:
            while step < steps:
                batches = [self._drawn(step + i) for i in range(min(BATCHES, steps - step))]
                for turn in range(min(BATCHES * REUSED, steps - step)):
                    batch = batches[turn % len(batches)]
                    error = ((self._found(batch) - batch.rgb).square() + KNEE**2).sqrt() - KNEE
                    (error.sum() / max(1, len(batch.rgb))).backward()
                    step += 1
                    optimizer.step(step, RATE_END ** (step / steps))
                    tell("fitting colours to the pictures", step / steps)
        except KeyboardInterrupt:
            pass
        with torch.no_grad():
            for parameter in self.color.parameters():
                parameter.copy_(parameter.half())
        self.figures.tuned, self.figures.psnr = step, (before, self._psnr(self._drawn(-1)))
        self.figures.seconds += time.perf_counter() - began

    @torch.no_grad()
    def _drawn(self, step: int) -> Shown:
        """Pixels of a step whose rays meet the student, and places elsewhere; -1: pixels of none, alone."""
        pixels = self.rays.reader.batch(self.first + 1 + step, PIXELS)
        if self.rays.poses is not None:
            pixels = self.rays.poses.posed(pixels)
        lines, mask = pixels.rays, pixels.get("mask")
        t = self.field.first_along(lines.origins, lines.directions, lines.t_min, lines.t_max)
        rows = (t.isfinite() & (counted(mask, t) > 0.0)).nonzero()[:, 0]
        views = lines.directions[rows]
        points, rgb, camera = (
            lines.origins[rows] + t[rows, None] * views,
            pixels.rgb[rows],
            pixels.camera[rows],
        )
        if not self.from_pictures:
            rgb, camera = self._told(points, views)[1], torch.full_like(camera, -1)
        if step >= 0:
            cells = self.field.cells
            others = cells.places(ELSEWHERE, self.generator)
            others = self.teacher.onto_surface(others, self.generator, 0.0)
            others = others[self.teacher.sdf(others).abs() < 0.01 * cells.edge]
            seen, told = self._told(others, None)
            points, views, rgb = torch.cat([points, others]), torch.cat([views, seen]), torch.cat([rgb, told])
            camera = torch.cat([camera, torch.full((len(others),), -1)])
        return self._sorted(points, views, rgb, camera)

    def _told(self, points: Tensor, views: Tensor | None) -> tuple[Tensor, Tensor]:
        """Views [N, 3] of places on the surface, random where none are given, and the teacher's colours."""
        told = self.teacher.tell(
            self.teacher.onto_surface(points, self.generator, 0.0), self.generator, views
        )
        assert told.rgb is not None
        return told.views, told.rgb

    def _sorted(self, points: Tensor, views: Tensor, rgb: Tensor, camera: Tensor) -> Shown:
        binned = self.field.cells.binned(self.field.cells.inside(points))
        rows = binned.rows
        sample = self.field.query(points[rows], gradient=True)
        assert sample.gradient is not None
        normal = normalize(sample.gradient, dim=1, eps=1e-6)
        feature = sample.feature[:, : self.color.features]
        known = torch.cat([feature, normal, self.color.encode_views(views[rows])], dim=1)
        return Shown(points[rows], binned.local, known, binned.starts, camera[rows], rgb[rows])

    def _found(self, shown: Shown) -> Tensor:
        """The student's colours [M, 3], as the pictures show them."""
        columns = torch.cat([self.color.places(shown.local, shown.points), shown.known], dim=1)
        found = self.color.local(columns, shown.starts)
        if self.rays.exposure is None:
            return found
        return self.rays.exposure.shown(found, torch.ones_like(found[:, 0]), shown.camera)

    @torch.no_grad()
    def _psnr(self, shown: Shown) -> float:
        """Of colours of some pixels that meet the student, dB."""
        if not len(shown.rgb):
            return float("nan")
        return -10.0 * float((self._found(shown) - shown.rgb).square().mean().clamp_min(1e-12).log10())
