"""Contours in planes, given as a file or as `Slices`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from rich.text import Text

from neurfield.errors import UserError
from neurfield.fields import PartitionField
from neurfield.fitting.device import device_of_run
from neurfield.fitting.folder import load_newest, read_facts
from neurfield.fitting.scene import make_field
from neurfield.fitting.slices import SlicesTask, label_slices
from neurfield.fitting.surface import FittedSurface
from neurfield.inputs.base import Input
from neurfield.inputs.mesh import mesh_commands, mesh_left, write_mesh
from neurfield.inputs.outcome import Outcome
from neurfield.inputs.page import MeshSides, Outlines, Page, Tile
from neurfield.inputs.registry import OF_LABELS
from neurfield.inputs.shape.results import numbers_against
from neurfield.inputs.shown import Shown
from neurfield.inputs.slices.kept import KEPT, keep, kept
from neurfield.inputs.slices.labels import FOLDER, measure_labels, shown_file, write_labels
from neurfield.inputs.slices.results import in_planes, numbers_of, read_planes, write_planes
from neurfield.inputs.slices.supported import UNSUPPORTED
from neurfield.inputs.slices.surface import SlicesSurface
from neurfield.inputs.slices.words import slices_words
from neurfield.parts import Config, read_config
from neurfield.scenes.truth import Truth
from neurfield.slices import (
    ChosenLabel,
    Slices,
    enclosed_labels,
    inner_labels,
    mend,
    read_slices,
    select,
)
from neurfield.slices.select import ALL
from neurfield.slices.unit_slices import UnitSlices


class SlicesInput(Input):
    """Contours of one label, or of several; ends as a mesh, or one of each, where their file has them."""

    flag: ClassVar[str] = "slices"
    called: ClassVar[str] = "slices"
    fits: ClassVar[str] = "slices"
    serves = frozenset({"mesh", "eval", "view"})
    finishing = "extracting the mesh, cutting it again ..."

    def __init__(
        self, slices: UnitSlices, config: Config, device: torch.device, reading: float = 0.0
    ) -> None:
        self.slices, self.config = slices, config
        self.task = SlicesTask(slices, config, device)
        self.name = slices.slices.name
        self.up = up_of(slices.slices.axes)
        self.seconds_reading = reading

    @classmethod
    def usual(cls, source: Slices | ChosenLabel | str | Path) -> tuple[UnitSlices, str | None]:
        """Read, and fitted by the method for one label, or for several."""
        slices = _opened(source)
        return slices, OF_LABELS if len(slices.slices.labels) > 1 else None

    @classmethod
    def fresh(
        cls,
        source: UnitSlices | Slices | ChosenLabel | str | Path,
        config: Config,
        device: torch.device,
    ) -> SlicesInput:
        """A file, one label of it, or `Slices`."""
        before = time.perf_counter()
        slices = _opened(source)
        _expect_one_label(slices.slices, config)
        return cls(slices, config, device, time.perf_counter() - before)

    @classmethod
    def again(
        cls,
        folder: Path,
        facts: dict[str, Any],
        config: Config,
        device: torch.device,
        moved_to: str | Path | None = None,
    ) -> SlicesInput:
        """The slices that the run kept, in the run's own box."""
        before = time.perf_counter()
        slices = UnitSlices(kept(folder, facts), np.array(facts["box"]))
        return cls(slices, config, device, time.perf_counter() - before)

    @classmethod
    def place(cls, facts: dict[str, Any]) -> str:
        """The file."""
        return str(facts["slices"])

    def warnings(self) -> list[str]:
        """What was noticed and mended."""
        return [f"{self.name}: {note}" for note in self.slices.slices.notes]

    def keep(self) -> None:
        """slices.csl, as they were fitted."""
        keep(self.slices.slices, self.folder)

    def facts(self) -> dict[str, Any]:
        """File, box, and what was noticed when it was read."""
        slices = self.slices.slices
        return {
            "slices": str((slices.path or self.folder / KEPT).resolve()), "box": self.slices.box.tolist(),
            "unit": slices.unit, "axes": slices.axes, "words": slices.words, "notes": list(slices.notes),
            "chosen": slices.chosen,
            "labels": {str(label): slices.called(label) for label in slices.labels},
            "inner": {str(label): list(those) for label, those in inner_labels(slices).items()},
            "enclosed": {str(label): list(those) for label, those in enclosed_labels(slices).items()},
            **({} if self.up is None else {"up": self.up.tolist()}),
        }  # fmt: skip

    def session(self) -> dict[str, object]:
        """Which kernels."""
        return {"kernels": self.task.field.path}

    def words(self, step: int, seconds_per_step: float) -> list[str | Text]:
        """What is fitted, with what, and how long it takes."""
        return slices_words(self.slices.slices, self.task, self.config, step, seconds_per_step)

    def surface(self) -> FittedSurface:
        """The field's surface."""
        names = self.slices.slices.names
        return SlicesSurface(self.folder, self.config, self.slices.box, self.task.field, None, names, self.up)

    def finish(self, outcome: Outcome) -> None:
        """mesh.ply, of several labels a mesh of each, and how well their own cuts meet the contours."""
        surface = self.surface()
        write_mesh(surface, outcome)
        self.measure(outcome)
        if len(self.slices.slices.labels) > 1:
            with outcome.part("labels"):
                found = surface.objects()
                write_labels(found, self.folder, self.up)
                write_planes(measure_labels(found, self.slices, outcome), self.folder)

    def leaves(self, outcome: Outcome) -> list[tuple[str, Path]]:
        """The mesh, where there is one, and of several labels the folder of theirs."""
        labels = [("labels", self.folder / FOLDER)] if "labels" in outcome.metrics else []
        return [*mesh_left(self.folder, outcome), *labels]

    def next_commands(self, outcome: Outcome) -> list[tuple[str, str]]:
        """To look at the mesh, and to go on."""
        if outcome.mesh is None:
            return super().next_commands(outcome)
        return mesh_commands(self.folder, outcome)

    def measure(self, outcome: Outcome, against: Truth | None = None) -> None:
        """How well the mesh's cuts meet the contours; against a true surface also how near it is to that."""
        outcome.metrics["unit"] = self.slices.slices.unit
        outcome.metrics.pop("geometry", None)
        if outcome.mesh is None:
            return
        with outcome.part("slices"):
            whole = label_slices(self.slices)[0]
            planes = in_planes(outcome.mesh, whole)
            left_out = outcome.mesh.metadata.get(UNSUPPORTED, 0)
            outcome.metrics["slices"] = numbers_of(planes) | ({UNSUPPORTED: left_out} if left_out else {})
            write_planes(planes, self.folder)
        if against is not None:
            with outcome.part("geometry"):
                diagonal = float(np.linalg.norm(np.ptp(np.asarray(against.vertices), axis=0)))
                outcome.metrics["geometry"] = numbers_against(outcome.mesh, against, diagonal)

    @classmethod
    def page(cls, folder: Path, facts: dict[str, Any], config: Config, metrics: dict[str, Any]) -> Page:
        """The mesh from four sides, and how well its cuts meet the contours."""
        of = metrics.get("slices", {})
        tiles: list[Tile] = []
        if "contour_iou" in of:
            worst = f"in the worst of them, plane {of['worst_plane']}"
            tiles = [
                Tile(f"{of['contour_iou']:.4f}", "IoU of the mesh's cuts and the contours", "contour_iou"),
                Tile(f"{of['contour_iou_least']:.4f}", worst, "contour_iou"),
            ]
        about = [f"preset {config.preset}", facts["words"]]
        drawn = Outlines(
            "In each plane", read_planes(folder) if of else [],
            "The contours that were given, filled, and the mesh's own cut by the plane as a line over them; "
            "the number is the IoU of what is inside.",
        )  # fmt: skip
        sides = MeshSides(shown_file(folder), "outside", unit=str(facts.get("unit", "")))
        return Page(about=about, tiles=tiles, notes=facts.get("notes", ()), sections=[sides, drawn])

    @classmethod
    def open_surface(
        cls, folder: Path, device: str | None = None, plugins: Sequence[str] = ()
    ) -> FittedSurface:
        """Needs no slices."""
        facts, config = read_facts(folder), read_config(folder / "config.yaml", plugins)
        field = make_field(config, device_of_run(config.device, device))
        if isinstance(field, PartitionField):
            for name in ("inner", "enclosed"):
                setattr(field, name, {int(label): those for label, those in facts.get(name, {}).items()})
        names = {int(label): name for label, name in facts.get("labels", {}).items() if name != label}
        up = np.array(facts["up"]) if "up" in facts else None
        surface = SlicesSurface(folder, config, np.array(facts["box"]), field, None, names, up)
        load_newest(folder, surface)
        return surface

    @classmethod
    def shown(cls, folder: Path, facts: dict[str, Any], moved_to: str | Path | None = None) -> Shown:
        """The box."""
        box = np.asarray(facts["box"], float).reshape(2, 3)
        edges = (lambda: kept(folder, facts).edges) if (folder / KEPT).is_file() else None
        return Shown(box, "outside", contours=edges, unit=str(facts.get("unit", "")))


def up_of(axes: str) -> np.ndarray | None:
    """Towards the patient's head, [3]; None where nobody says which way axes point."""
    return np.array([0.0, 0.0, 1.0]) if axes in ("LPS", "RAS", "LAS") else None


def _opened(source: Any) -> UnitSlices:
    if isinstance(source, UnitSlices):
        return source
    chosen = ALL
    if isinstance(source, ChosenLabel):
        source, chosen = source.path, source.label
    slices = mend(source) if isinstance(source, Slices) else read_slices(source)
    return UnitSlices(slices if chosen == ALL else mend(select(slices, chosen)))


def _expect_one_label(slices: Slices, config: Config) -> None:
    """Raise UserError where there are several labels, and a method that fits one."""
    if len(slices.labels) < 2 or config.needed("field").name == "partition":
        return
    names = ", ".join(slices.called(label) for label in slices.labels)
    raise UserError(
        f"{slices.path or slices.name}: has the labels {names}, and the method {config.name} fits one: "
        f"choose it with --label NAME, or leave out --method, which takes {OF_LABELS} for several"
    )
