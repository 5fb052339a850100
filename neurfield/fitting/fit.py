"""`fit`: from a scene to a run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console
from rich.markup import escape

from neurfield.config import load_config
from neurfield.errors import UserError
from neurfield.fitting.device import pick_device, silent
from neurfield.fitting.fitter import Fitter
from neurfield.fitting.folder import new_folder, read_facts
from neurfield.fitting.image_run import ImageRun, resume_image
from neurfield.fitting.run import Run, describe_run, open_run, prepare_run
from neurfield.fitting.summary import summary
from neurfield.scenes import Scene, load_scene
from neurfield.scenes.check import check_before_fit, check_truth

_WITHOUT = {
    "depth": "data.sensor_depth=off", "sensor_depth": "data.sensor_depth=off",
    "prior_normal": "data.prior_normal=false",
}  # fmt: skip


def fit(
    scene: Scene | str | Path,
    method: str = "neus",
    *,
    preset: str = "default",
    steps: int | None = None,
    out: str | Path = "runs",
    seed: int = 0,
    device: str = "auto",
    overrides: Sequence[str] = (),
    quiet: bool = False,
    started: float | None = None,
) -> Run:
    """Fit a field to a scene and return the run, saved under `out`/<scene>/<method>-<time>.

    Args:
        scene: a `Scene`, a built-in name, or a path in a known format. method: a preset of `configs/methods`.
        overrides: "group.key=value" items, as `--set` takes them. quiet: print nothing.
        started: `time.perf_counter()` of the command, for the log; None: now.

    Raises:
        UserError: something in the arguments or the scene can be mended by the user, also what
            `neurfield scene check` calls an error.
        SurfaceLeft: there was nothing left to fit (a UserError; the run's folder has its last state).
        FitInterrupted, FitFailed: see `neurfield.fitting.fitter`.
    """
    started = time.perf_counter() if started is None else started
    config = load_config(method, preset, [*overrides, f"seed={seed}", f"device={device}"])
    if steps is not None:
        if steps < 1:
            raise UserError(f"--steps {steps}: at least 1 is needed")
        config.train.steps = steps
    reading = time.perf_counter()
    scene = scene if isinstance(scene, Scene) else load_scene(scene)
    reading = time.perf_counter() - reading
    where = pick_device(config.device, silent if quiet else print)
    run = prepare_run(Path(), config, scene, device=where)
    warnings = _looked_at(run)
    if not quiet:
        for warning in warnings:
            Console().print(f"[yellow]{escape(warning)}[/yellow]", highlight=False, soft_wrap=True)
    run.folder = new_folder(Path(out), scene.name, config.method)
    describe_run(run)
    return _go(run, quiet, started, reading, resume=False)


def resume(
    folder: str | Path,
    steps: int | None = None,
    quiet: bool = False,
    started: float | None = None,
    device: str | None = None,
    scene: str | Path | None = None,
) -> Run | ImageRun:
    """Go on with a run, of a scene or an image, to its requested step, or to a new one;
    ends as an uninterrupted fit to that step would have.

    With a new `steps` the schedules stretch to it, so only the default repeats the uninterrupted fit exactly,
    and only on the device where it began: a GPU draws other numbers, and adds in another order. `quiet` and
    `started` as in `fit`; device: "auto", "cpu" or "cuda"; None: where it began, or the CPU if that is gone;
    scene: where the run's scene lies now, if it was moved.
    """
    started = time.perf_counter() if started is None else started
    if read_facts(Path(folder))["input"] == "image":
        if scene is not None:
            raise UserError(f"{folder}: a fit of an image: it has no scene that could have moved")
        return resume_image(folder, steps, quiet, started, device)
    run = open_run(Path(folder), device, silent if quiet else print, scene)
    if steps is not None:
        run.config.train.steps = steps
    if device is not None:
        run.config.device = device
    if steps is not None or device is not None:
        describe_run(run)
    return _go(run, quiet, started, 0.0, resume=True)


def _go(run: Run, quiet: bool, started: float, reading: float, resume: bool) -> Run:
    before = time.perf_counter()
    read = run.task.pixels.images.sources
    reading += time.perf_counter() - before
    fitter = Fitter(run.task, run.config.train, run.folder, quiet)
    if resume:
        fitter.resume()
    fitter.started = started
    fitter.facts = {
        "threads": torch.get_num_threads(), "kernels": run.task.field.path, "device": str(run.task.device),
        "bytes_of_images": sum(t.numel() * t.element_size() for t in read.values()),
        "seconds_reading": round(reading, 2),
    }  # fmt: skip
    fitter.prepare()
    if not quiet:
        words = summary(run, fitter.step, fitter.seconds_per_step())
        Console().print(words, highlight=False, soft_wrap=True)
    fitter.run()
    return run


def _looked_at(run: Run) -> list[str]:
    """What the quick part of `neurfield scene check` warns of in the sources that are used.

    Raises:
        UserError: it finds what makes the fit go wrong.
    """
    findings = [*check_before_fit(run.task.scene), *check_truth(run.scene)]
    errors = [finding for finding in findings if finding.level == "error"]
    if errors:
        without = _WITHOUT.get(errors[0].where)
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise UserError(
            f"{run.scene.path}: {errors[0]}{more}"
            + (f", or leave it out with --set {without}" if without else "")
            + "; `neurfield scene check` shows everything"
        )
    return [str(finding) for finding in findings if finding.level == "warn"]
