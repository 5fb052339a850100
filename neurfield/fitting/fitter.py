"""The one loop: steps, learning rate, progress, log, checkpoints, interruption.

What a step does is the task's business.
"""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from neurfield.files import sweep
from neurfield.fitting.checkpoint import (
    latest_checkpoint,
    prune_checkpoints,
    restore_newest,
    save_checkpoint,
)
from neurfield.fitting.graph import WARM_UPS, StepGraphs
from neurfield.fitting.observer import Observer
from neurfield.fitting.optimizer import Adam, Group
from neurfield.fitting.progress import ProgressLine
from neurfield.fitting.step import FixedStep, StepReport
from neurfield.fitting.surface_watch import SurfaceLeft
from neurfield.fitting.turn import POLISH, Turn
from neurfield.ops import native
from neurfield.parts.groups import Train

LOOK_EVERY = 10  # steps on a GPU between two looks at the loss, each of which makes it wait


class FitInterrupted(Exception):
    """Ctrl-C arrived; the state was saved at `step`."""

    def __init__(self, step: int, checkpoint: Path) -> None:
        super().__init__(f"interrupted at step {step}, saved {checkpoint}")
        self.step, self.checkpoint = step, checkpoint


class FitFailed(Exception):
    """The fit cannot go on (a loss or parameter is not finite); says why and which checkpoint is good."""


class Task(Protocol):
    """What the loop needs of a kind of fit (scene, shape, ...)."""

    device: torch.device

    def prepare(self) -> None:
        """What has to be worked out once before the first step; its time is part of the fit's."""
        ...

    def groups(self) -> list[Group]:
        """Parameters and their learning rates."""
        ...

    def turn(self, step: int) -> Turn:
        """What a step (from 0) is about: how far the fit is, and the factor of its learning rates."""
        ...

    def step(self, step: int, progress: float) -> StepReport:
        """Losses of a step (from 0), progress in 0..1."""
        ...

    def fixed(self, step: int, progress: float) -> FixedStep | None:
        """The same step as `step` makes, in two; None where its shapes vary or the host takes part."""
        ...

    def state(self) -> dict[str, Tensor]:
        """Everything that the next step depends on, apart from the optimiser."""
        ...

    def load(self, state: dict[str, Tensor]) -> None:
        """Take a state written by `state`."""
        ...

    def preview(self, step: int, folder: Path) -> None:
        """Write a picture of how far it is."""
        ...

    def suspects(self) -> list[str]:
        """Parts whose newest results are not finite, for the message when the loss is not."""
        ...


class Watch(Protocol):
    """What looks at a fit while it goes on."""

    def look(self, step: int, figures: Mapping[str, float | Tensor]) -> str:
        """What is to be told after a step, in one line; "": nothing.

        Raises:
            SurfaceLeft: the fit is to be stopped.
        """
        ...


class Fitter:
    """Runs a task to its requested step and leaves checkpoints and a log in a run's folder.

    Args:
        task: what the steps do.
        train: steps, rates, and how often something is written.
        folder: of the run.
        quiet: say nothing of the progress.
        observer: shows glimpses of the surface between steps; None: nobody watches.
        watch: looks at every step, and may stop the fit; None: nobody does.
    """

    def __init__(
        self,
        task: Task,
        train: Train,
        folder: Path,
        quiet: bool = False,
        observer: Observer | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.task, self.train, self.folder, self.quiet = task, train, folder, quiet
        self.observer, self.watch = observer, watch
        self.optimizer = Adam(task.groups())
        self.step = 0
        self.seconds = 0.0  # spent in earlier sessions and this one
        self.checkpoints = folder / "checkpoints"
        self.facts: dict[str, object] = {}  # of this session, logged with its first step
        self.started = time.perf_counter()  # of the command that asked for this session
        self.prepared = False
        self.graphs = StepGraphs(task.device)
        self.look_every = 1 if task.device.type == "cpu" else LOOK_EVERY

    def prepare(self) -> None:
        """Let the task work out what it needs before its first step, once, on the fit's clock."""
        if not self.prepared:
            before = time.perf_counter()
            self.task.prepare()
            self.seconds += time.perf_counter() - before
            self.prepared = True

    def seconds_per_step(self) -> float:
        """What a step takes on average, by rehearsing it; leaves no trace.

        Rehearsed a quarter and three quarters through the schedules, because steps cost more as they go on.
        """
        kept = {name: tensor.clone() for name, tensor in self.task.state().items()}
        seconds = []
        turns = 2 + WARM_UPS if self.graphs.capturing else 2
        for progress in (0.25, 0.75):
            for turn in range(turns):
                before = time.perf_counter()
                self._gradients(self.step + turn, progress, look=False)
                self.optimizer.clear()
                self._wait()
            seconds.append(time.perf_counter() - before)  # the others met their memory for the first time
        self.task.load(kept)
        return sum(seconds) / len(seconds)

    def resume(self) -> None:
        """Go on from the newest checkpoint.

        Raises:
            UserError: there is none, or it does not fit this configuration.
        """
        sweep(self.checkpoints)
        loaders = {"adam": self.optimizer.load, "task": self.task.load}
        record = restore_newest(self.checkpoints, self.task.device, loaders)
        self.step, self.seconds = int(str(record["step"])), float(str(record["seconds"]))

    def run(self) -> None:
        """Fit until `train.steps`.

        Raises:
            FitInterrupted: after Ctrl-C, once the state is saved.
            FitFailed: when a loss or a parameter stops being finite.
            SurfaceLeft: when there is no surface any more, once the state is saved.
        """
        if native.module is not None:
            native.module.keep_freed_memory()
        self.prepare()
        train, started, before = self.train, time.perf_counter(), self.seconds
        with _interrupt_flag() as interrupted, ProgressLine(train.steps, self.step, self.quiet) as line:
            while self.step < train.steps:
                try:
                    report = self._one_step()
                    line.tell("" if self.watch is None else self.watch.look(self.step, report.figures))
                except SurfaceLeft as left:
                    raise SurfaceLeft(f"stopped at step {self.step}: {left}", self.save()) from None
                if self.step == train.steps:
                    self._wait()  # a GPU's steps end later than they are begun
                self.seconds = before + time.perf_counter() - started
                last = self.step == train.steps
                if self.facts:
                    self.facts["seconds_to_first_step"] = round(time.perf_counter() - self.started, 2)
                if self.step % train.log_every == 0 or last or self.step == 1 or self.facts:
                    self._log(report)
                if self.step % 10 == 0 or last:
                    line.update(self.step, _figures(report))
                if self.observer is not None:
                    self.observer.after(self.step, self.seconds, partial(_figures, report))
                if interrupted.is_set():
                    raise FitInterrupted(self.step, self.save())
                if (train.save_every and self.step % train.save_every == 0) or last:
                    self.save()
                if train.preview_every and self.step % train.preview_every == 0 and not last:
                    self.task.preview(self.step, self.folder / "previews")

    def save(self) -> Path:
        """Write a checkpoint of the present state; refuse to write one that holds NaN or infinity."""
        tensors = {f"task/{k}": v for k, v in self.task.state().items()}
        tensors.update({f"adam/{k}": v for k, v in self.optimizer.state().items()})
        for name, tensor in tensors.items():
            if not torch.isfinite(tensor).all():
                raise FitFailed(self._failure(f"'{name}' is no longer finite"))
        path = save_checkpoint(self.checkpoints, self.step, tensors, {"seconds": self.seconds})
        prune_checkpoints(self.checkpoints)
        return path

    def _one_step(self) -> StepReport:
        look = self.step % self.look_every == 0
        turn = self.task.turn(self.step)
        report = self._gradients(self.step, turn.progress, look)
        self.step += 1
        self.optimizer.step(self.step, turn.factor, POLISH if turn.polishes else "")
        return report

    def _gradients(self, step: int, progress: float, look: bool) -> StepReport:
        """Forward and backward of a step; `look` whether the loss is finite."""
        fixed = self.task.fixed(step, progress) if self.graphs.capturing else None
        if fixed is not None:
            report = self.graphs(fixed)
            if look:
                self._expect_finite(report, report.total())
            return report
        report = self.task.step(step, progress)
        loss = report.total()
        if look:
            self._expect_finite(report, loss)
        loss.backward()
        return report

    def _wait(self) -> None:
        if self.task.device.type == "cuda":
            torch.cuda.synchronize(self.task.device)

    def _expect_finite(self, report: StepReport, loss: Tensor) -> None:
        if math.isfinite(loss.item()):
            return
        bad = [name for name, value in report.losses.items() if not math.isfinite(value.item())]
        suspects = self.task.suspects()
        of = f", nor what {' and '.join(suspects)} gave" if suspects else ""
        raise FitFailed(self._failure(f"the loss is not finite ({', '.join(bad)}){of}"))

    def _failure(self, what: str) -> str:
        good = latest_checkpoint(self.checkpoints)
        kept = f"the last good checkpoint is {good}" if good else "no checkpoint had been written yet"
        return f"step {self.step}: {what}; {kept}; lower train.lr_table or train.lr_network and resume"

    def _log(self, report: StepReport) -> None:
        entry: dict[str, object] = {"step": self.step, "seconds": round(self.seconds, 3), **_figures(report)}
        entry.update(self.facts)
        self.facts = {}
        entry["losses"] = _read(report.losses)
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(entry) + "\n")


def _figures(report: StepReport) -> dict[str, float]:
    return {"loss": sum(_read(report.losses).values()), **_read(report.figures)}


def _read(values: Mapping[str, float | Tensor]) -> dict[str, float]:
    """Tensors of one number as numbers, all of them fetched at once."""
    names = [name for name, value in values.items() if isinstance(value, Tensor)]
    tensors = [value.detach().float() for value in values.values() if isinstance(value, Tensor)]
    fetched = dict(zip(names, torch.stack(tensors).tolist())) if tensors else {}
    return {name: fetched[name] if name in fetched else float(value) for name, value in values.items()}


@contextmanager
def _interrupt_flag() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets, so that a step is never cut in the middle.

    A second Ctrl-C interrupts at once.
    """
    flag = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return

    def handle(number: int, frame: object) -> None:
        if flag.is_set():
            raise KeyboardInterrupt
        flag.set()

    previous = signal.signal(signal.SIGINT, handle)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, previous)
