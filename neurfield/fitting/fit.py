"""`fit`: from a scene to a run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from neurfield.config import SamplingConfig, load_config
from neurfield.errors import UserError
from neurfield.fitting.device import pick_device, silent
from neurfield.fitting.fitter import Fitter
from neurfield.fitting.flat_images import BYTES_PER_PIXEL
from neurfield.fitting.folder import new_folder, read_facts
from neurfield.fitting.image_run import ImageRun, resume_image
from neurfield.fitting.run import Run, describe_run, open_run, prepare_run
from neurfield.ops import native
from neurfield.scenes import Scene, load_scene

BYTES_OF_TORCH = 0.4e9  # what the process holds before it has done anything


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
        UserError: something in the arguments or the scene can be mended by the user.
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
    if read_facts(Path(folder)).get("kind") == "image":
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
        Console().print(summary(run, fitter.step, fitter.seconds_per_step()), highlight=False)
    fitter.run()
    return run


def summary(run: Run, step: int, seconds_per_step: float) -> str:
    """The paragraph before a fit: what is fitted, where, with what, and what it will take."""
    task, config = run.task, run.config
    scene = task.scene
    size = scene.box[1] - scene.box[0]
    parameters = sum(p.numel() for group in task.groups() for p in group.parameters)
    known = {
        "image": "images", "mask": "masks", "depth": "exact depth", "sensor_depth": "noisy sensor depth",
        "prior_depth": "ambiguous prior depth", "prior_normal": "prior normals",
    }  # fmt: skip
    sources = ", ".join(text for source, text in known.items() if source in scene.sources)
    pixels = float((scene.cameras.width * scene.cameras.height).sum())
    images = pixels * sum(BYTES_PER_PIXEL.get(source, 0) for source in scene.sources)
    total = len(run.scene.cameras)
    cameras = (
        f"{len(scene.cameras)} cameras"
        if len(scene) == total
        else f"{len(scene)} of {total} cameras (evenly spaced)"
    )
    memory = BYTES_OF_TORCH + images + 16.0 * parameters + 0.4e9
    near, far = _stretch(scene)
    lines = [
        f"[bold]{scene.name}[/bold]: {cameras}, {sources}",
        f"box {size[0]:.2f} x {size[1]:.2f} x {size[2]:.2f}, cameras look "
        + (
            "out of it (a room: free space inside)"
            if task.inside
            else "in at it (an object: free space outside)"
        ),
        f"rays run from {near:.2f} to at most {far:.2f}, where they leave the box",
        f"method {config.method} ({config.preset}), steps {step} to {config.train.steps} "
        f"of {_step_size(config.sampling)}, "
        f"{parameters / 1e6:.1f} M parameters, about {memory / 1e9:.1f} GB",
        f"kernels: {task.field.path} ({native.reason_for(task.device)}), device {task.device}, {_threads()}",
        *([f"first surface: {task.volume.words}"] if task.volume is not None else []),
        f"about {_duration(seconds_per_step * (config.train.steps - step))} to fit, "
        f"as busy as the machine is now ({1e3 * seconds_per_step:.0f} ms a step)",
        f"run folder {run.folder}",
    ]
    if task.inside and not {"depth", "sensor_depth", "prior_depth", "prior_normal"} & scene.sources:
        lines.append(
            "[yellow]images alone leave plain walls undetermined: "
            "expect a rough room without depth or priors[/yellow]"
        )
    return "\n".join(lines)


def _threads() -> str:
    count = torch.get_num_threads()
    return f"{count} threads" if count > 1 else "1 thread"


def _duration(seconds: float) -> str:
    if seconds < 90.0:
        return f"{seconds:.0f} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 5400.0 else f"{seconds / 3600.0:.1f} h"


def _step_size(sampling: SamplingConfig) -> str:
    return f"about {sampling.samples} samples" if sampling.samples else f"{sampling.rays} rays"


def _stretch(scene: Scene) -> tuple[float, float]:
    """Between which distances rays can meet the box: nearest point to farthest corner, over all cameras."""
    low, high = scene.box
    centers = scene.cameras.centers
    outside = np.maximum(np.maximum(low - centers, centers - high), 0.0)
    farthest = np.maximum(np.abs(centers - low), np.abs(high - centers))
    return float(np.linalg.norm(outside, axis=1).min()), float(np.linalg.norm(farthest, axis=1).max())
