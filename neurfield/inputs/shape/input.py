"""A mesh or a cloud of points, given as a file or as a `Shape`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from rich.text import Text

from neurfield.fitting.device import device_of_run
from neurfield.fitting.folder import load_newest, read_facts
from neurfield.fitting.scene import make_field
from neurfield.fitting.surface import FittedSurface
from neurfield.inputs.base import Input
from neurfield.inputs.mesh import mesh_commands, mesh_left
from neurfield.inputs.outcome import Outcome
from neurfield.inputs.page import Page
from neurfield.inputs.registry import OF_OPEN_MESHES, OF_POINTS
from neurfield.inputs.shape.opened import OpenedShape, again_of, kept_shape, opened_of
from neurfield.inputs.shape.page import shape_page
from neurfield.inputs.shape.results import measure, write_results
from neurfield.inputs.shape.shown import shown
from neurfield.inputs.shape.surface import ShapeSurface
from neurfield.inputs.shape.words import looked_at, shape_words
from neurfield.inputs.shown import Shown
from neurfield.parts import Config, read_config
from neurfield.scenes.truth import Truth
from neurfield.shapes import Shape, UnitShape


class ShapeInput(OpenedShape, Input):
    """A mesh or a cloud, fitted by a field of distances; ends as a mesh in the coordinates of its file."""

    flag: ClassVar[str] = "shape"
    called: ClassVar[str] = "a shape"
    fits: ClassVar[str] = "shape"
    serves = frozenset({"mesh", "eval", "view"})
    finishing = "extracting the mesh, measuring ..."

    @classmethod
    def usual(cls, source: Shape | str | Path) -> tuple[UnitShape, str | None]:
        """Points have normals or have to find their sides; a mesh that has no inside has distances alone."""
        shape = opened_of(source)
        if not shape.shape.is_mesh:
            return shape, OF_POINTS
        return shape, None if shape.sides.trusted else OF_OPEN_MESHES

    @classmethod
    def fresh(
        cls, source: UnitShape | Shape | str | Path, config: Config, device: torch.device
    ) -> ShapeInput:
        """A file, or a `Shape`."""
        before = time.perf_counter()
        shape = opened_of(source)
        return cls(shape, config, device, time.perf_counter() - before)

    @classmethod
    def again(
        cls,
        folder: Path,
        facts: dict[str, Any],
        config: Config,
        device: torch.device,
        moved_to: str | Path | None = None,
    ) -> ShapeInput:
        """The same shape, in the run's own box."""
        shape, reading = again_of(folder, facts, moved_to)
        return cls(shape, config, device, reading)

    @classmethod
    def place(cls, facts: dict[str, Any]) -> str:
        """The file."""
        return str(facts["shape"])

    def warnings(self) -> list[str]:
        """What was mended, and what will not come out as one may think."""
        return looked_at(self)

    def keep(self) -> None:
        """A shape from Python becomes shape.npz."""
        if self.shape.shape.path is None:
            self.shape.shape = kept_shape(self.shape.shape, self.folder)

    def facts(self) -> dict[str, Any]:
        """File, size, box, and what was noticed when it was read."""
        shape = self.shape.shape
        assert shape.path is not None
        return {
            "shape": str(shape.path.resolve()), "size": [len(shape.vertices), len(shape.faces)],
            "box": self.shape.box.tolist(), "unit": shape.unit, "words": shape.words,
            "colored": shape.colors is not None, "notes": list(shape.notes),
        }  # fmt: skip

    def session(self) -> dict[str, object]:
        """Which kernels."""
        return {"kernels": self.task.field.path}

    def words(self, step: int, seconds_per_step: float) -> list[str | Text]:
        """What is fitted, with what, and how long it takes."""
        return shape_words(self, step, seconds_per_step)

    def finish(self, outcome: Outcome) -> None:
        """mesh.ply, and its numbers against the shape."""
        write_results(self, outcome)

    def leaves(self, outcome: Outcome) -> list[tuple[str, Path]]:
        """The mesh, where there is one."""
        return mesh_left(self.folder, outcome)

    def next_commands(self, outcome: Outcome) -> list[tuple[str, str]]:
        """To look at the mesh, and to go on."""
        if outcome.mesh is None:
            return super().next_commands(outcome)
        # Cells of distances without a sign are as small as they can be.
        return mesh_commands(self.folder, outcome, again=self.signed)

    def measure(self, outcome: Outcome, against: Truth | None = None) -> None:
        """Against the shape itself, if no other surface is given."""
        measure(self, outcome, against)

    @classmethod
    def page(cls, folder: Path, facts: dict[str, Any], config: Config, metrics: dict[str, Any]) -> Page:
        """The mesh from four sides."""
        return shape_page(folder, facts, config, metrics)

    @classmethod
    def open_surface(
        cls, folder: Path, device: str | None = None, plugins: Sequence[str] = ()
    ) -> FittedSurface:
        """Needs the shape's file only for its colours."""
        facts, config = read_facts(folder), read_config(folder / "config.yaml", plugins)
        field = make_field(config, device_of_run(config.device, device))
        colored = (lambda: again_of(folder, facts)[0]) if facts.get("colored") else None
        surface = ShapeSurface(folder, config, np.array(facts["box"]), field, colored)
        load_newest(folder, surface)
        return surface

    @classmethod
    def shown(cls, folder: Path, facts: dict[str, Any], moved_to: str | Path | None = None) -> Shown:
        """The box, and the shape itself."""
        return shown(folder, facts, moved_to)
