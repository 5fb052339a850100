"""Looks at a fit to a scene now and then, while it goes on, and says what goes wrong and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurfield.fitting.met import LEAST_STEPS, plain_psnr, unmet
from neurfield.fitting.probe import Probe
from neurfield.fitting.surface_watch import SurfaceLeft
from neurfield.scenes import Cameras, Scene
from neurfield.surfaces.extractors import is_unsigned

LOOKS = 20  # of a fit
_LEAST_APART = 25  # steps between two looks
_IN_A_ROW = 3  # looks that say the same, before it is believed
_LOST = 200  # steps without samples or a surface, at least, before a fit is stopped: some come back
_LATE = 0.4  # of the fit: pictures are not met before
_CELLS = 32  # of the lattice along each side of the box


class FitWatch:
    """A few looks at a fit: whether rays have samples, the field a surface, and pictures are met.

    Without samples or a surface for 200 steps and three looks in a row the fit is stopped. Pictures that are
    not met are told, once, and the fit goes on. Nothing is drawn from the fit's randomness, and nothing of it
    changed.

    Args:
        task: of the fit.
        scene: with all frames that the fit may look at or measure.
        cameras: gives them, where they stand now.
        held_out: int [n], frames that are not fitted and tell how well others are met.
        fitted: int [n], frames that are fitted; none: pictures are not looked at.
        cause: what is likely wrong, in words, of the share of the box's sides that lies within the surface.
        advice: what to do where the surface is lost.
    """

    def __init__(
        self,
        task: Any,
        scene: Scene,
        cameras: Callable[[], Cameras],
        held_out: np.ndarray,
        fitted: np.ndarray,
        cause: Callable[[float], str],
        advice: str,
    ) -> None:
        self.task, self.scene, self.cameras = task, scene, cameras
        self.held_out, self.fitted = held_out, fitted
        self.cause, self.advice = cause, advice
        self.every = max(_LEAST_APART, task.config.train.steps // LOOKS)
        self.patience = max(_IN_A_ROW, -(-_LOST // self.every))  # looks
        self.empty = self.without = self.unmet = 0

    def look(self, step: int, figures: Mapping[str, float | Tensor]) -> str:
        """What is to be told after a step, in one line; "": nothing.

        Args:
            step: how many are done.
            figures: of the step, as its report has them.

        Raises:
            SurfaceLeft: it was without samples or surface for some looks.
        """
        if step % self.every:
            return ""
        self._expect_surface(self._lattice())  # first, as it says more
        self._expect_samples(figures)
        return self._expect_pictures(step)

    def _expect_samples(self, figures: Mapping[str, float | Tensor]) -> None:
        self.empty = self.empty + 1 if float(figures.get("samples_per_ray", 1.0)) == 0.0 else 0
        if self.empty >= self.patience:
            raise SurfaceLeft(f"no ray has a sample, none comes near a surface: {self.advice}")

    def _expect_surface(self, lattice: Tensor | None) -> None:
        """A field that is on one side of its surface everywhere, by more than a cell, has none."""
        if lattice is None:
            return
        extent = np.array(self.task.unit_box).reshape(2, 3)
        cell = float(np.linalg.norm(extent[1] - extent[0])) / _CELLS
        solid, free = bool((lattice < -cell).all()), bool((lattice > cell).all())
        self.without = self.without + 1 if solid or free else 0
        if self.without >= self.patience:
            side = "solid" if solid else "empty"
            raise SurfaceLeft(f"the field has no surface, all of the box is {side}: {self.advice}")

    def _expect_pictures(self, step: int) -> str:
        """Pictures are looked at once fits are well on their way, and rays have taken part."""
        turn, steps = self.task.turn(step - 1), self.task.config.train.steps
        moment = self.task.moment(step - 1, turn.progress)
        if step < max(LEAST_STEPS, _LATE * steps) or moment.points_alone or self.probes[0] is None:
            return ""
        told = self._unmet(turn.progress)
        self.unmet = self.unmet + 1 if told else 0
        if self.unmet != _IN_A_ROW:
            return ""
        return f"step {step}: the fit is going wrong: {told}; {self.cause(self.at_sides())}"

    def verdict(self) -> str:
        """How a fit that has come to its end does not meet its pictures, in words; "" if it does."""
        few = self.task.config.train.steps < LEAST_STEPS
        return "" if few or self.probes[0] is None else self._unmet(1.0)

    def at_sides(self) -> float:
        """The share of the box's sides that lies within the surface now; 0 in rooms, whose walls may."""
        return 0.0 if self.task.inside else share_at_sides(self._lattice())

    def _unmet(self, progress: float) -> str:
        fitted, held_out = self.probes
        assert fitted is not None
        colors = [one.colors for one in self.probes if one is not None]
        cameras = self.cameras()
        others = None if held_out is None else held_out.psnr(self.task, cameras, progress)
        return unmet(fitted.psnr(self.task, cameras, progress), others, plain_psnr(np.concatenate(colors)))

    @cached_property
    def probes(self) -> tuple[Probe | None, Probe | None]:
        """Pixels of fitted pictures, and of those that are held out, where there are any."""
        seed, none = self.task.seed, np.full(len(self.held_out), -1)
        return (
            Probe.of(self.scene, self.fitted, np.arange(len(self.fitted)), seed),
            Probe.of(self.scene, self.held_out, none, seed),
        )

    def _lattice(self) -> Tensor | None:
        """Distances [n, n, n] at the corners of a lattice over the box; None: they have no sign."""
        field = self.task.field
        if is_unsigned(field):
            return None
        low, high = torch.tensor(self.task.unit_box, device=self.task.device).view(2, 3)
        axes = [torch.linspace(0.0, 1.0, _CELLS + 1, device=self.task.device)] * 3
        place = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).view(-1, 3)
        with torch.no_grad():
            return field.sdf(low + place * (high - low)).view(_CELLS + 1, _CELLS + 1, _CELLS + 1)


def share_at_sides(lattice: Tensor | None) -> float:
    """The share of a lattice's sides that lies within the surface; 0 where nothing tells it."""
    if lattice is None:
        return 0.0
    ends = [lattice.select(axis, place) for axis in range(3) for place in (0, -1)]
    return float((torch.stack(ends) < 0.0).float().mean())
