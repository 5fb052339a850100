"""`fit_image`: from a picture to a run, and what a run of a picture is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from neurfield.errors import UserError
from neurfield.fields import ImageField
from neurfield.fitting.device import Tell, device_of_run, pick_device, silent
from neurfield.fitting.fitter import Fitter
from neurfield.fitting.folder import load_newest, new_folder, read_facts, write_facts
from neurfield.fitting.image import ImageTask, decode_region
from neurfield.image_config import IMAGES, ImageConfig
from neurfield.images import ImageSource, open_image
from neurfield.images.write import save_rows
from neurfield.ops import native

BYTES_OF_TORCH = 0.4e9  # what the process holds before it has done anything
BYTES_PER_PARAMETER = 16.0  # with gradient and moments
BYTES_PER_DRAWN = 1500.0  # pixel of a step: features, activations, their derivatives


class ImageRun:
    """A field fitted to a picture, and that picture."""

    def __init__(self, folder: Path, config: ImageConfig, source: ImageSource, task: ImageTask) -> None:
        self.folder, self.config, self.source, self.task = folder, config, source, task

    @staticmethod
    def load(folder: str | Path, device: str | None = None) -> ImageRun:
        """Open a run's folder at its newest checkpoint; device as for `Run.load`.

        Raises:
            UserError: not a run of a picture, the picture is gone or another one, or no checkpoint was
                written yet.
        """
        run = open_image_run(Path(folder), device)
        load_newest(run.folder, run.task)
        return run

    @property
    def field(self) -> ImageField:
        """Values in 0..1 at (column + 0.5, row + 0.5) / max(width, height)."""
        return self.task.field

    @property
    def parameters(self) -> int:
        """Numbers that were fitted."""
        return sum(p.numel() for group in self.task.groups() for p in group.parameters)

    def region(self, x: int, y: int, w: int, h: int) -> np.ndarray:
        """The fitted pixels [h, w, channels] of a region, uint8 or uint16 as the picture's."""
        return decode_region(self.task.field, self.source, self.task.device, x, y, w, h)


def fit_image(
    image: str | Path | np.ndarray,
    encoding: str = "hash",
    *,
    preset: str = "default",
    steps: int | None = None,
    out: str | Path = "runs",
    seed: int = 0,
    device: str = "auto",
    overrides: Sequence[str] = (),
    quiet: bool = False,
    started: float | None = None,
) -> ImageRun:
    """Fit a field to a picture and return the run, saved under `out`/<picture>/<encoding>-<time>.

    `neurfield.fitting.image_finish.finish_image(run)` then measures it and writes the reconstruction.

    Args:
        image: a file, or an array uint8 or uint16 [h, w] or [h, w, 1 to 4], which the run's folder keeps as
            image.png.
        encoding: a preset of `configs/images`: hash, simplex or rbf.
        overrides, quiet, started: as for `fit`.

    Raises:
        UserError: something in the arguments or the picture can be mended by the user.
        FitInterrupted, FitFailed: see `neurfield.fitting.fitter`.
    """
    started = time.perf_counter() if started is None else started
    config = IMAGES.load(encoding, preset, [*overrides, f"seed={seed}", f"device={device}"])
    if steps is not None:
        if steps < 1:
            raise UserError(f"--steps {steps}: at least 1 is needed")
        config.train.steps = steps
    source = open_image(image)
    where = pick_device(config.device, silent if quiet else print)
    # The picture is read here: a damaged one leaves no folder.
    run = ImageRun(Path(), config, source, ImageTask(source, config, where))
    run.folder = new_folder(Path(out), source.name, config.encoding.kind)
    if source.path is None:
        bands = [source.region(0, 0, source.width, source.height)]
        source.path = save_rows(bands, source, run.folder / "image")
    _describe(run)
    return _go(run, quiet, started, resume=False)


def resume_image(
    folder: str | Path,
    steps: int | None = None,
    quiet: bool = False,
    started: float | None = None,
    device: str | None = None,
) -> ImageRun:
    """Go on with a run of a picture; everything as for `resume`."""
    started = time.perf_counter() if started is None else started
    run = open_image_run(Path(folder), device, silent if quiet else print)
    if steps is not None:
        run.config.train.steps = steps
    if device is not None:
        run.config.device = device
    if steps is not None or device is not None:
        _describe(run)
    return _go(run, quiet, started, resume=True)


def open_image_run(folder: Path, device: str | None = None, tell: Tell = print) -> ImageRun:
    """A run as its config.yaml says, with a field that has not been fitted."""
    facts = read_facts(folder)
    if facts["input"] != "image":
        raise UserError(f"{folder}: not a run of an image; open it with neurfield.Run.load")
    config = IMAGES.read(folder / "config.yaml")
    path = Path(facts["image"])
    # A folder that was moved keeps the picture that an array became.
    source = open_image(folder / path.name if path.parent.resolve() != folder and not path.exists() else path)
    now = [source.width, source.height, source.channels, source.bits]
    if now != facts["size"]:
        raise UserError(
            f"{path}: the picture is another than the run's (width, height, channels, bits "
            f"{now}, were {facts['size']}): bring it back, or fit anew"
        )
    where = device_of_run(config.device, device, tell)
    return ImageRun(folder, config, source, ImageTask(source, config, where, fresh=False))


def _describe(run: ImageRun) -> None:
    source = run.source
    assert source.path is not None
    facts = {
        "input": "image", "name": source.name, "image": str(source.path.resolve()),
        "size": [source.width, source.height, source.channels, source.bits], "notes": list(source.notes),
    }  # fmt: skip
    IMAGES.save(run.config, run.folder / "config.yaml")
    write_facts(run.folder, facts)


def _go(run: ImageRun, quiet: bool, started: float, resume: bool) -> ImageRun:
    before = time.perf_counter()
    _ = run.task.pool
    reading = time.perf_counter() - before
    fitter = Fitter(run.task, run.config.train, run.folder, quiet)
    fitter.seconds = run.task.seconds_of_start
    if resume:
        fitter.resume()
    fitter.started = started
    fitter.facts = {
        "threads": torch.get_num_threads(), "kernels": native.name_of(*run.field.layers.parameters()),
        "device": str(run.task.device), "seconds_reading": round(reading, 2),
    }  # fmt: skip
    fitter.prepare()
    if not quiet:
        words = summary(run, fitter.step, fitter.seconds_per_step())
        Console().print(words, highlight=False, markup=False, soft_wrap=True)
    fitter.run()
    for parameter in run.field.parameters():
        parameter.grad = None  # as large as the tables, and of no more use
    return run


def _where(run: ImageRun) -> str:
    return f"{torch.get_num_threads()} threads" if run.task.device.type == "cpu" else str(run.task.device)


def summary(run: ImageRun, step: int, seconds_per_step: float) -> str:
    """The paragraph before a fit: what is fitted, with what, and what it will take."""
    source, config = run.source, run.config
    kinds = {1: "grey", 2: "grey and alpha", 3: "RGB", 4: "RGB and alpha"}
    notes = "".join(f", {note}" for note in source.notes)
    parameters = run.parameters
    kept = (
        "held whole"
        if source.held
        else f"read tile by tile, {config.image.budget_mb} MB of it held at a time"
    )
    seconds = seconds_per_step * (config.train.steps - step)
    lasts = f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
    memory = BYTES_OF_TORCH + BYTES_PER_PARAMETER * parameters + BYTES_PER_DRAWN * config.train.pixels
    memory += min(config.image.budget_mb * 2**20, source.nbytes)
    drawn = config.train.steps * min(config.train.pixels, source.pixels) / source.pixels
    return "\n".join(
        [
            f"{source.name}: {source.width} x {source.height} pixels ({source.pixels / 1e6:.3g} M), "
            f"{kinds[source.channels]}, {source.bits} bits{notes}; {kept}",
            f"encoding {config.encoding.kind} ({config.preset}): {parameters / 1e6:.3g} M parameters, "
            f"{parameters / source.pixels:.2f} a pixel, about {memory / 1e9:.1f} GB",
            f"steps {step} to {config.train.steps} of {config.train.pixels} pixels: "
            f"each is seen {drawn:.1f} times; about {lasts} ({1e3 * seconds_per_step:.0f} ms a step, "
            f"{_where(run)}, kernels {native.reason_for(run.task.device)})",
            f"run folder {run.folder}",
        ]
    )
