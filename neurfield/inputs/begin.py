"""`fit` and `resume`: from an input to a run, and on with a run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.text import Text

from neurfield.errors import UserError
from neurfield.fitting.device import pick_device, silent
from neurfield.fitting.fitter import Fitter
from neurfield.fitting.folder import new_folder
from neurfield.fitting.observer import Observer
from neurfield.inputs.base import Input
from neurfield.inputs.methods import chosen_method, method_of_part
from neurfield.inputs.registry import INPUTS, load_input
from neurfield.inputs.run import Run, describe_run, input_of, open_run
from neurfield.stereo.progress import hushed


def fit(
    source: Any,
    method: str | None = None,
    *,
    input: str = "scene",
    preset: str = "default",
    steps: int | None = None,
    out: str | Path = "runs",
    seed: int | None = None,
    device: str | None = None,
    overrides: Sequence[str] = (),
    plugins: Sequence[str] = (),
    quiet: bool = False,
    started: float | None = None,
    observer: Observer | None = None,
) -> Run:
    """Fit a field to a scene, or another input, and return the run.

    It is saved under `out`/<name>/<method>-<time>; `neurfield.inputs.finish(run)` then writes what people
    want of it.

    Args:
        source: for a scene a `Scene`, a built-in name, or a path in a known format; for others see their
            packages in `neurfield.inputs`.
        method: a name, or the path of a preset file; None: the input's usual one: hash for an image, shape
            for a closed mesh, neus for a scene with depth, photos for one of pictures alone.
        input: what kind the source is of, a name in `neurfield.inputs.registry`.
        preset: quick, default or best.
        steps: how many; None: the preset's.
        out: the folder for runs.
        seed: of all randomness; the same seed and threads give the same result. None: that of the
            overrides, else 0.
        device: "auto", "cpu" or "cuda"; None: that of the overrides, else "auto".
        overrides: "group.key=value" items, as `--set` takes them.
        plugins: modules or .py files that bring parts, as `--plugin` takes them.
        quiet: print nothing.
        started: `time.perf_counter()` of the command, for the log; None: now.
        observer: shows the surface while it forms (`neurfield.fitting.observer`), of inputs that have one.

    Raises:
        UserError: something in the arguments or the source can be mended by the user, also what
            `neurfield scene check` calls an error.
        SurfaceLeft: there was nothing left to fit (a UserError; the run's folder has its last state).
        FitInterrupted, FitFailed: see `neurfield.fitting.fitter`.
    """
    started = time.perf_counter() if started is None else started
    kind = load_input(input)
    _expect_surface(kind, observer)
    settings = {"seed": seed, "device": device}
    fixed = [*overrides, *(f"{name}={value}" for name, value in settings.items() if value is not None)]
    # A mistake in the arguments is told before anything is read, which may take long.
    config = chosen_method(kind, method, preset, fixed, plugins)
    if steps is not None and steps < 1:
        raise UserError(f"--steps {steps}: at least 1 is needed")
    place = pick_device(config.device, silent if quiet else print)
    if method is None:
        source, method = kind.usual(source)
        method = method or INPUTS[kind.flag].usual
        if method != config.method:
            config = chosen_method(kind, method, preset, fixed, plugins)
    if steps is not None:
        config.train.steps = steps
    # What cannot be read or fitted leaves no folder.
    with hushed(quiet):
        opened = kind.fresh(source, config, place)
    opened.plugins = tuple(plugins)
    warnings = opened.warnings()
    if not quiet:
        _print(*(Text(warning, "yellow") for warning in warnings))
    opened.folder = new_folder(Path(out), opened.name, config.name)
    opened.keep()
    run = Run(opened)
    describe_run(run)
    return _go(run, quiet, started, observer, resume=False)


def fit_image(
    image: str | Path | np.ndarray,
    encoding: str | None = None,
    method: str | None = None,
    *,
    overrides: Sequence[str] = (),
    plugins: Sequence[str] = (),
    **options: Any,
) -> Run:
    """Fit a field to a picture and return the run, saved under `out`/<picture>/<method>-<time>.

    Args:
        image: a file, or an array uint8 or uint16 [h, w] or [h, w, 1 to 4], which the run's folder keeps as
            image.png.
        encoding: hash, simplex, rbf or one of a plug-in, in place of `method`: the method called so, or hash
            with this encoding.
        method: as for `fit`.
        overrides: as for `fit`.
        plugins: as for `fit`.
        options: as for `fit`.

    Raises:
        UserError: both an encoding and a method are given; and as `fit`.
    """
    more: tuple[str, ...] = ()
    if encoding is not None:
        if method is not None:
            raise UserError(
                f"give an encoding or a method, not both: overrides=['encoding={encoding}'] puts another "
                "encoding into a method"
            )
        method, more = method_of_part("image", "encoding", encoding, plugins)
    return fit(image, method, input="image", overrides=[*more, *overrides], plugins=plugins, **options)


def resume(
    folder: str | Path,
    steps: int | None = None,
    quiet: bool = False,
    started: float | None = None,
    device: str | None = None,
    scene: str | Path | None = None,
    plugins: Sequence[str] = (),
    observer: Observer | None = None,
) -> Run:
    """Go on with a run to its requested step, or to a new one, and return it.

    It ends as an uninterrupted fit to that step would have. With a new `steps` the schedules stretch to it,
    so only the default repeats the uninterrupted fit exactly, and only on the device where it began: a GPU
    draws other numbers, and adds in another order.

    Args:
        folder: of the run.
        steps: how many in all; None: as the run says.
        quiet: print nothing.
        started: `time.perf_counter()` of the command, for the log; None: now.
        device: "auto", "cpu" or "cuda"; None: where it began, or the CPU if that is gone.
        scene: where the run's scene lies now, if it was moved.
        plugins: as for `Run.load`.
        observer: as for `fit`.

    Raises:
        UserError: not a run, its input is gone or another one, or there is no checkpoint to go on from.
        SurfaceLeft, FitInterrupted, FitFailed: as for `fit`.
    """
    started = time.perf_counter() if started is None else started
    _expect_surface(input_of(Path(folder))[0], observer)
    run = open_run(Path(folder), device, silent if quiet else print, scene, plugins)
    if steps is not None:
        run.config.train.steps = steps
    if device is not None:
        run.config.device = device
    if steps is not None or device is not None:
        describe_run(run)
    return _go(run, quiet, started, observer, resume=True)


def _expect_surface(kind: type[Input], observer: Observer | None) -> None:
    if observer is not None and "view" not in kind.serves:
        raise UserError(f"a fit of {kind.called} has no surface to look at while it forms: leave that out")


def _go(run: Run, quiet: bool, started: float, observer: Observer | None, resume: bool) -> Run:
    opened = run.input
    before = time.perf_counter()
    opened.read()
    reading = opened.seconds_reading + time.perf_counter() - before
    fitter = Fitter(run.task, run.config.train, run.folder, quiet, observer, opened.watch())
    fitter.seconds = opened.seconds_of_start
    if resume:
        fitter.resume()
    fitter.started = started
    fitter.facts = {
        "threads": torch.get_num_threads(), "device": str(run.task.device), **opened.session(),
        "seconds_reading": round(reading, 2),
    }  # fmt: skip
    with hushed(quiet):
        fitter.prepare()
    if not quiet:
        _print(*opened.words(fitter.step, fitter.seconds_per_step()), f"run folder {run.folder}")
    if observer is not None:
        observer.begin(opened.surface(), run.config.train.steps, getattr(run.task, "scene", None))
    fitter.run()
    for group in run.task.groups():
        for parameter in group.parameters:
            parameter.grad = None  # as large as the tables, and of no more use
    return run


def _print(*lines: str | Text) -> None:
    """Each on a line of its own, however long; what stands in brackets is no markup."""
    for line in lines:
        Console().print(line, highlight=False, markup=False, soft_wrap=True)
