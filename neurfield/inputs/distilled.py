"""A run whose field is thousands of tiny networks, made of another run: a folder as any run's."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from neurfield.errors import UserError
from neurfield.fields.kilo import KiloSDF, keeping
from neurfield.fields.kilo_color import KiloColor
from neurfield.fitting.checkpoint import (
    latest_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from neurfield.fitting.distill import Distillation, Figures, Student, Tell, occupancy_of
from neurfield.fitting.folder import read_facts, write_facts
from neurfield.fitting.rays_step import RaysStep
from neurfield.fitting.surface import FittedSurface
from neurfield.fitting.teaching import Teacher
from neurfield.fitting.tuning import Tuning
from neurfield.inputs.run import Run, input_of, open_surface
from neurfield.parts import Config, Part, save_config, whole_shelf
from neurfield.rays import UnitFrame
from neurfield.surfaces.extractors import is_unsigned
from neurfield.wording import quoted

KEPT_LOSS = "color"  # what a scene's student keeps of its method's losses: it is opened, and not fitted
OCCUPANCY = 64  # cells along the box by which volume rendering finds a student's surface: few bytes on disk
LEFT_OUT = ("heads", "points", "polish", "transients")  # slots that only a fit wants


def distill_run(
    run: str | Path,
    cells: int,
    steps: int,
    out: str | Path | None = None,
    seed: int = 0,
    tell: Tell = lambda words, share: None,
    plugins: Sequence[str] = (),
    tune: int = 0,
    scene: str | Path | None = None,
) -> tuple[Path, Figures, float]:
    """Make a run of tiny networks out of a run.

    Args:
        run: folder of a fitted run, of a surface.
        cells: along the longest side of the run's box.
        steps: of the optimiser.
        out: folder of the student's run; None: kiloN in the run's folder, N cells.
        seed: of all that is drawn.
        tell: is told what goes on, and which fraction of it is done.
        plugins: as for `Run.load`.
        tune: steps in which colours are fitted to the run's pictures, where it has colours and pictures.
        scene: where these lie now, if they were moved.

    Returns:
        The student's folder, what came of it, and world lengths per unit length.

    Raises:
        UserError: the run has no surface, or one without a sign, or is not finished; and as `Distillation`.
    """
    folder = Path(run)
    if cells < 2:
        raise UserError(f"--cells {cells}: two along the longest side are the least, 16 is usual")
    if steps < 1:
        raise UserError(f"--steps {steps}: at least 1 is needed")
    if tune < 0:
        raise UserError(f"--tune {tune}: a number of steps, or 0 for none")
    kind, facts = input_of(folder)
    kind.require("mesh", folder)
    target = folder / f"kilo{cells}" if out is None else Path(out)
    _refuse_other(target)
    surface = open_surface(folder, "cpu", plugins)
    _refuse_teacher(surface, folder)
    rays = _rays(folder, plugins, scene) if tune and surface.radiance is not None else None
    surface.field.active_levels = surface.field.encoding.levels
    frame = UnitFrame.around(surface.box)
    teacher = Teacher(surface.field, surface.radiance)
    try:
        box = frame.box_in_unit(surface.box)
        distillation = Distillation(teacher, box, cells, steps, seed, free_memory())
    except UserError as error:
        raise UserError(f"{folder}: {error}") from error
    student = distillation.run(tell)
    if rays is not None and student.figures.steps == steps:
        Tuning(student, teacher, rays, surface.config.train.steps, seed).run(tune, tell)
        distillation.measure()
    config = config_of_student(surface.config, student)
    _write(target, folder, facts, config, student)
    return target, student.figures, frame.half


def config_of_student(config: Config, student: Student) -> Config:
    """The configuration of a run, with the student's field and colour, and without what only a fit wants.

    Raises:
        UserError: all opacities of the method ask for what the student does not have.
    """
    shelf = whole_shelf()
    parts = {slot: dict(chosen) for slot, chosen in config.parts.items()}
    field, color = student.field, student.color
    numbers: dict[str, Any] = {
        "octaves": field.octaves, "hidden": list(field.hidden), "feature_dim": field.feature_dim,
        "softplus_beta": field.beta,
    }  # fmt: skip
    parts["field"] = {"": Part("field", "", "kilo", numbers, entry=shelf.find("field", "kilo"))}
    if "heads" in parts:
        parts["heads"] = {}
    if color is not None:
        numbers = {
            "features": color.features, "octaves": color.octaves, "hidden": color.hidden,
            "view_degree": color.view_degree,
            "softplus_beta": color.beta, "levels": color.levels, "log2_table_size": color.log2_table_size,
            "finest_resolution": color.finest_resolution,
        }  # fmt: skip
        parts["color"] = {"": Part("color", "", "kilo", numbers, entry=shelf.find("color", "kilo"))}
        parts |= {slot: {} for slot in LEFT_OUT if slot in parts}
        parts["passes"] = {label: p for label, p in parts["passes"].items() if not _asks_heads(p)}
        if not parts["passes"]:
            raise UserError(f"the method {config.name} renders by heads of its field, which students lack")
        first = next(iter(parts["passes"]))
        loss = Part("losses", KEPT_LOSS, KEPT_LOSS, {"at": first}, 1.0, entry=shelf.find("losses", KEPT_LOSS))
        parts["losses"] = {KEPT_LOSS: loss}
        if any(_asks_heads(part) for part in parts["pixels"].values()):
            entry = shelf.find("pixels", "uniform")
            numbers = {name: declared.default for name, declared in entry.numbers().items()}
            parts["pixels"] = {"": Part("pixels", "", "uniform", numbers, entry=entry)}
        sampler = parts["sampler"].get("")
        if sampler is not None and "occupancy_resolution" in sampler.numbers:
            fewer = min(sampler.numbers["occupancy_resolution"], OCCUPANCY)
            parts["sampler"] = {
                "": replace(sampler, numbers={**sampler.numbers, "occupancy_resolution": fewer})
            }
    train = replace(config.train, steps=max(1, student.figures.steps))
    return replace(config, parts=parts, train=train)


def free_memory() -> float:
    """Bytes that processes may still ask for."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return float(line.split()[1]) * 1024.0
    except OSError:
        pass
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def _rays(folder: Path, plugins: Sequence[str], scene: str | Path | None) -> RaysStep | None:
    """How a run's pictures are read; None: it was fitted to none.

    Raises:
        UserError: they are not where they were.
    """
    try:
        rays: RaysStep | None = Run.load(folder, "cpu", scene, plugins).task.rays
        if rays is not None:
            rays.reader.batch(0, 1)  # reads them
    except UserError as error:
        raise UserError(
            f"{error} (its pictures are wanted for colours: give --scene PATH, or --tune 0)"
        ) from error
    return rays


def _asks_heads(part: Part) -> bool:
    needs = part.needs()
    return any(name.startswith("heads.") for name in needs.required | needs.optional)


def _refuse_other(target: Path) -> None:
    """Raise UserError where something else than a student stands."""
    if target.is_file() or (target.is_dir() and any(target.iterdir()) and not _is_student(target)):
        raise UserError(f"--out {target}: something else stands there: name a new folder")


def _is_student(folder: Path) -> bool:
    return (folder / "run.json").is_file() and "distilled" in read_facts(folder)


def _refuse_teacher(surface: FittedSurface, folder: Path) -> None:
    field = surface.field
    if isinstance(field, KiloSDF):
        raise UserError(f"{folder}: is distilled already: give the run that it was made of")
    if is_unsigned(field):
        raise UserError(
            f"{folder}: its distances have no sign, and tiny networks are taught signed ones: fit it with "
            "another method, such as --field sdf"
        )
    newest = latest_checkpoint(folder / "checkpoints")
    step = 0 if newest is None else int(newest.stem.split("-")[1])
    if step < surface.config.train.steps:
        raise UserError(
            f"{folder}: the fit has not converged, it was stopped at step {step} of "
            f"{surface.config.train.steps}: go on with `neurfield fit --resume {quoted(folder)}`"
        )


def _write(target: Path, teacher: Path, facts: dict[str, Any], config: Config, student: Student) -> None:
    """The student's run: its networks, and what else of the teacher's state its rendering wants."""
    newest = latest_checkpoint(teacher / "checkpoints")
    assert newest is not None  # it was opened
    tensors, _ = load_checkpoint(newest, torch.device("cpu"))
    rest = ("task/field.", "task/color.", "task/partner.", "task/losses.", "task/transients.", "adam/")
    state = {name: tensor for name, tensor in tensors.items() if not name.startswith(rest)}
    if "task/sampler.occupancy" in state:
        unit_box = UnitFrame.around(np.array(facts["box"])).box_in_unit(np.array(facts["box"]))
        cells = config.needed("sampler").numbers["occupancy_resolution"]
        state["task/sampler.occupancy"] = occupancy_of(student.field, unit_box, cells).half()
    state |= {f"task/field.{n}": t for n, t in keeping(student.field.state_dict(), torch.float16).items()}
    if isinstance(student.color, KiloColor):
        small = keeping(student.color.state_dict(), torch.float16)
        state |= {f"task/color.{name}": tensor.clone() for name, tensor in small.items()}  # cells are shared
    labels = {f"task/passes.{label}." for label in config.parts.get("passes", {})}
    state = {
        name: tensor
        for name, tensor in state.items()
        if not name.startswith("task/passes.") or name.startswith(tuple(labels))
    }
    (target / "checkpoints").mkdir(parents=True, exist_ok=True)
    figures = student.figures
    rest_of = {name: value for name, value in facts.items() if name not in ("schema", "created")}
    write_facts(target, {**rest_of, "distilled": {"of": str(teacher.resolve()), **asdict(figures)}})
    save_config(config, target / "config.yaml")
    new = save_checkpoint(target / "checkpoints", figures.steps, state, {"seconds": figures.seconds})
    for old in (target / "checkpoints").glob("step-*"):  # of an earlier call
        if old.stem != new.stem:
            old.unlink()
