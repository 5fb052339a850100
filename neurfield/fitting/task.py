"""The one task: what a step of any fit does with the parts that a method is composed of."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from neurfield.errors import UserError
from neurfield.fields import Color
from neurfield.fitting.dual import DualStep
from neurfield.fitting.optimizer import Group, groups_of
from neurfield.fitting.partner import Partner
from neurfield.fitting.points_step import look_at_points
from neurfield.fitting.rays_step import RaysStep
from neurfield.fitting.step import FixedStep, StepReport
from neurfield.fitting.turn import POLISH, Polish, Turn, steps_before, turn_of
from neurfield.losses.weighted import WeightedLoss, added, losses_of
from neurfield.moment import END, Moment
from neurfield.points import PointSource
from neurfield.rendering import Poses

APART = frozenset({"poses", "transients"})  # slots whose parts have rates of their own


class Task:
    """A field and what it is compared with.

    Args:
        field: what is fitted.
        color: of scenes, else None.
        sources: of points.
        rays: what a step does with them; None where a fit looks at points alone.
        losses: by label.
        train: rates and steps.
        seed: of the fit.
        device: of field and steps.
        dual: what masks of transients and a partner add to a step; None: there are none.
        polish: what is fitted alone at the end; None: all is fitted to the end.
    """

    def __init__(
        self,
        field: Any,
        color: Color | None,
        sources: Sequence[PointSource],
        rays: RaysStep | None,
        losses: Mapping[str, WeightedLoss],
        train: Any,
        seed: int,
        device: torch.device,
        dual: DualStep | None = None,
        polish: Polish | None = None,
    ) -> None:
        self.dual, self.polish = dual, polish
        self.field, self.color, self.rays = field, color, rays
        self.sources, self.losses = list(sources), dict(losses)
        self.train, self.seed, self.device = train, seed, device

    def prepare(self) -> None:
        """Let sources, losses, background and exposure work out, once, what they begin with."""
        if self.dual is not None:
            self.dual.transients.prepare()
        for source in self.sources:
            source.prepare()
        for loss in self.losses.values():
            loss.prepare()
        if self.rays is not None:
            for part in (self.rays.background, self.rays.exposure):
                getattr(part, "prepare", lambda: None)()
        if self.dual is not None:
            self.dual.prepare(self.field, self.color)

    def moment(self, step: int, progress: float) -> Moment:
        """All that changes over a fit, at a step."""
        alone = max((source.alone for source in self.sources), default=0.0)
        warm = any(source.warm for source in self.sources)
        first = math.ceil(alone * steps_before(self.train.steps, self.polish)) if warm else 0
        return Moment(step, progress, alone, warm, step - first, self.seed, self._generator(step))

    def end(self) -> Moment:
        """The end of a fit, for pictures of what came of it.

        No source is asked what the fit began with: a run that is opened again would have to match all its
        pictures for that, and at the end nothing depends on it.
        """
        return replace(END, seed=self.seed, generator=self._generator(0))

    def turn(self, step: int) -> Turn:
        """What a step is about; rates follow sources that count epochs, too."""
        turn = turn_of(step, self.train, self.polish)
        if turn.polishes:
            return turn
        return replace(turn, factor=turn.factor * math.prod(s.learning(turn.progress) for s in self.sources))

    def step(self, step: int, progress: float) -> StepReport:
        """Ask, render, compare."""
        turn = self.turn(step)
        if self.polish is not None and turn.polishes:
            moment = self.moment(step, 1.0)
            self._at(moment)
            return self.polish.step(self, turn.number, turn.count, moment)
        moment = self.moment(step, progress)
        self._at(moment)
        drawn = [(source, source.draw(moment)) for source in self._apart()]
        looks, figures = self._look(drawn, moment)
        if self.rays is not None and not moment.points_alone:
            assert self.color is not None
            at_rays = self.rays.draw(self.field, self._joined(), moment)
            look, of_rays = self.rays.look(self.field, self.color, at_rays, moment)
            figures |= of_rays
            looks.append(losses_of(look, self.losses))
            if self._poses is not None and self._poses.move(moment):
                leading = [one for label, one in looks[-1].items() if _leads_poses(self.losses[label])]
                if leading:
                    looks.append({"poses": self._poses.pull(torch.stack(leading).sum())})
            if self.dual is not None and self.dual.transients.learns:
                fitted = self.field, self.color
                looks += self.dual.losses(self.rays, fitted, at_rays, look, self.losses, moment)
        return self._report(looks, figures)

    def _at(self, moment: Moment) -> None:
        """Bring field and colour to a moment; poses that move have coarse levels alone."""
        learners = [self.field, *([] if self.color is None else [self.color])]
        for learner in learners:
            learner.at(moment)
            encoding = getattr(learner, "encoding", None)  # a colour may have none
            if self._poses is not None and encoding is not None:
                levels = self._poses.levels(encoding.levels, moment)
                learner.active_levels = min(
                    levels, learner.active_levels if learner is self.field else levels
                )
        if self._second is not None:
            self._second.at(self.field, self.color, moment)

    @property
    def _second(self) -> Partner | None:
        """A second field that is fitted, too."""
        return None if self.dual is None else self.dual.second

    @property
    def _poses(self) -> Poses | None:
        return None if self.rays is None else self.rays.poses

    def fixed(self, step: int, progress: float) -> FixedStep | None:
        """A step that looks at points alone; the samples of rays are another number each step."""
        moment = self.moment(step, progress)
        rays = self.rays is not None and not moment.points_alone
        if rays or self.turn(step).polishes or not self.field.capturable:
            return None
        self._at(moment)
        drawn = [(source, tensors) for source in self._apart() if (tensors := source.draw(moment))]
        counts = [len(tensors) for _, tensors in drawn]

        def report(*inputs: Tensor) -> StepReport:
            rest = iter(inputs)
            pairs = [(s, tuple(next(rest) for _ in range(n))) for (s, _), n in zip(drawn, counts)]
            return self._report(*self._look(pairs, moment))

        inputs = tuple(tensor for _, tensors in drawn for tensor in tensors)
        return FixedStep(inputs, report, baked=self._baked(moment, [source for source, _ in drawn]))

    def _look(
        self, drawn: Sequence[tuple[PointSource, Sequence[Tensor]]], moment: Moment
    ) -> tuple[list[dict[str, Tensor]], dict[str, float | Tensor]]:
        """Losses of what sources drew for queries of their own, and figures for the log."""
        looks: list[dict[str, Tensor]] = []
        figures: dict[str, float | Tensor] = {}
        for source, tensors in drawn:
            if tensors:
                look = look_at_points(self.field, source, moment, tensors)
                looks.append(losses_of(look, self.losses))
                figures |= source.figures(dict(look.points))
                if self._second is not None:
                    look = look_at_points(self._second.field, source, moment, tensors)
                    looks.append(losses_of(look, self.losses))
        return looks, figures

    def _report(
        self, looks: Sequence[Mapping[str, Tensor]], figures: Mapping[str, float | Tensor]
    ) -> StepReport:
        if not any(looks):
            raise UserError(
                "no loss finds anything to look at in this step: give the method a loss on what it draws "
                "(`neurfield parts` lists them)"
            )
        levels = self._levels()
        return StepReport(added(looks), {**figures, **({} if levels is None else {"levels": float(levels)})})

    def _levels(self) -> int | None:
        """Levels of the field's encoding that take part, where they come in one by one."""
        return getattr(self.field, "active_levels", None)

    def _baked(self, moment: Moment, sources: list[PointSource]) -> Hashable:
        """What losses on points depend on besides these: levels, who drew, and weights that fade."""
        on_points = [loss for loss in self.losses.values() if not _looks_at_rays(loss)]
        fading = moment.progress if any(loss.decay for loss in on_points) else None
        holds = tuple((self.sources.index(source), source.hold(moment)) for source in sources)
        return self._levels(), holds, fading

    def _apart(self) -> list[PointSource]:
        """Sources whose points have a query of their own."""
        return [source for source in self.sources if self.rays is None or not source.with_rays]

    def _joined(self) -> list[PointSource]:
        """Sources whose points join the query of the rays."""
        return [source for source in self.sources if source.with_rays]

    def _generator(self, step: int) -> torch.Generator:
        """All of a step's randomness but which pixels; the CPU's numbers and a GPU's differ."""
        return torch.Generator(self.device).manual_seed(self.seed * 1_000_003 + step)

    def suspects(self) -> list[str]:
        """Parts whose newest results are not finite."""
        opacity = {} if self.rays is None else self.rays.opacity
        return [f"passes.{label}" for label, values in opacity.items() if not bool(values.isfinite().all())]

    def groups(self) -> list[Group]:
        """Parameters and their rates."""
        learners = [self.field, *([] if self.color is None else [self.color])]
        if self.rays is not None:
            around = [part for slot, part in self._learnt_around().items() if slot not in APART]
            learners += [*self.rays.passes.values(), *around]
        polishing = [] if self.polish is None else self._polished()
        learners = [learner for learner in learners if not any(learner is one for one in polishing)]
        if self.dual is not None and self.dual.partner is not None and self.dual.partner.learns:
            learners += [self.dual.partner.field, self.dual.partner.color]
        learners += self._learnt_losses().values()
        groups = groups_of([learner.parameter_groups() for learner in learners], self.train)
        groups += groups_of([one.parameter_groups() for one in polishing], self.train, POLISH)
        if isinstance(self._poses, nn.Module):  # sparse: who has no gradient stands still
            groups.append(Group("poses", list(self._poses.parameters()), self._poses.rate, sparse=True))
        if self.dual is not None:
            masks = self.dual.transients
            groups.append(Group("transients", list(masks.parameters()), masks.rate, sparse=True))
        return groups

    def _polished(self) -> list[Any]:
        """What a polish fits: colour, and what pictures make of it."""
        around = {} if self.rays is None else self._learnt_around()
        return [one for one in (self.color, around.get("exposure")) if one is not None]

    def state(self) -> dict[str, Tensor]:
        """Field, colour, passes, what is learnt around them and by losses, what sampler and pixels know."""
        state = {f"field.{k}": v for k, v in self.field.state_dict().items()}
        if self.color is not None:
            state |= {f"color.{k}": v for k, v in self.color.state_dict().items()}
        if self.rays is not None:
            for label, opacity in self.rays.passes.items():
                state |= {f"passes.{label}.{k}": v for k, v in opacity.state_dict().items()}
            for slot, part in self._learnt_around().items():
                state |= {f"{slot}.{k}": v for k, v in part.state_dict().items()}
            state |= {f"sampler.{k}": v for k, v in self.rays.sampler.state().items()}
            state |= {f"pixels.{k}": v for k, v in self.rays.reader.state().items()}
        if self.dual is not None and self.dual.partner is not None:
            state |= {f"partner.{k}": v for k, v in self.dual.partner.state().items()}
        for label, loss in self._learnt_losses().items():
            state |= {f"losses.{label}.{k}": v for k, v in loss.state_dict().items()}
        return state

    def load(self, state: dict[str, Tensor]) -> None:
        """Take a state written by `state`, of this version or the one before."""
        state = migrated(state)
        if self.polish is not None:
            self.polish.forget()
        self.field.load_state_dict(part_of(state, "field"))
        if self.color is not None:
            self.color.load_state_dict(part_of(state, "color"))
        if self.rays is not None:
            for label, opacity in self.rays.passes.items():
                opacity.load_state_dict(part_of(state, f"passes.{label}"))
            for slot, part in self._learnt_around().items():
                part.load_state_dict(part_of(state, slot))
            self.rays.sampler.load(part_of(state, "sampler"))
            self.rays.reader.load(part_of(state, "pixels"))
            self.rays.watch.reset()
        if self.dual is not None:
            self.dual.prepare(self.field, self.color)
            if self.dual.partner is not None:
                self.dual.partner.load(part_of(state, "partner"))
        for label, loss in self._learnt_losses().items():
            loss.load_state_dict(part_of(state, f"losses.{label}"))

    def _learnt_losses(self) -> dict[str, Any]:
        """Losses that learn something themselves, torch modules with `parameter_groups`, by label."""
        made = {label: loss.made for label, loss in self.losses.items()}
        return {label: loss for label, loss in made.items() if isinstance(loss, nn.Module)}

    def _learnt_around(self) -> dict[str, Any]:
        """What is behind the field, what pictures make of it, and poses, by slot, if they are learnt."""
        assert self.rays is not None
        rays = self.rays
        around = {
            "background": rays.background, "exposure": rays.exposure, "poses": rays.poses,
            "transients": rays.transients,
        }  # fmt: skip
        return {slot: part for slot, part in around.items() if isinstance(part, nn.Module)}

    def preview(self, step: int, folder: Path) -> None:
        """Write a picture of how far it is; what an input that can be drawn gives."""


def _leads_poses(loss: WeightedLoss) -> bool:
    """Whether a loss holds what is rendered against what pixels show, wherever their cameras stand."""
    names = loss.needs
    rendered = any(name.startswith("passes.") for name in names)
    return rendered and bool(names & {"pixels.rgb", "pixels.outline", "pixels.t_depth"})


def _looks_at_rays(loss: WeightedLoss) -> bool:
    """Whether a loss has nothing to say of points alone."""
    names = {name.split(".")[0] for name in loss.needs}
    return bool(names & {"pixels", "samples", "passes", "heads"})


def part_of(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """The entries below a name, by what follows it."""
    return {k.removeprefix(f"{name}."): v for k, v in state.items() if k.startswith(f"{name}.")}


def migrated(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state with the names of this version: the former one had no slots."""
    if any(name.startswith(("color.", "field.layers.")) for name in state) and "log_width" not in state:
        return dict(state)
    if not any(name.startswith("field.") for name in state):  # of a picture
        return {f"field.{name}": tensor for name, tensor in state.items()}
    renamed = {
        "log_width": "passes.surface.log_width", "occupancy": "sampler.occupancy",
        "samples_per_ray": "sampler.samples_per_ray",
    }  # fmt: skip

    def new_name(name: str) -> str:
        return f"color.{name.removeprefix('radiance.')}" if name.startswith("radiance.") else name

    return {renamed.get(name, new_name(name)): tensor for name, tensor in state.items()}
