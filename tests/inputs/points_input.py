"""A kind of input that the package does not know: points with their SDF from a .npz, and a
point source of them; nothing else is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.fitting.points_task import points_task
from neurfield.fitting.surface import FittedSurface
from neurfield.inputs.base import Input
from neurfield.inputs.mesh import write_mesh
from neurfield.inputs.outcome import Outcome
from neurfield.inputs.page import MeshSides, Page
from neurfield.inputs.registry import Entry
from neurfield.inputs.shown import Shown
from neurfield.losses.seen import Seen
from neurfield.losses.weighted import WeightedLoss
from neurfield.moment import Moment
from neurfield.parts import needs
from neurfield.points import PointSet, Source

ENTRY = Entry("tests.inputs.points_input:PointsInput", "FILE", "or points with an SDF, as .npz.")
BOX = np.array([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]])


class Given(Source):
    """Some of the points a step."""

    offers = frozenset({"points.given", "gradients"})

    def __init__(self, points: Tensor, sdf: Tensor) -> None:
        self.points, self.sdf = points, sdf

    def draw(self, moment: Moment) -> tuple[Tensor, ...]:
        return (torch.randint(len(self.points), (256,), generator=moment.generator),)

    def sets(self, *drawn: Tensor) -> dict[str, PointSet]:
        chosen = drawn[0]
        return {"given": PointSet(self.points[chosen], {"sdf": self.sdf[chosen]}, unit_slope=True)}


@needs("points.given")
def given_sdf(seen: Seen) -> Tensor:
    points = seen.points["given"]
    return (points.sdf - points.columns["sdf"]).abs().mean()


class PointsInput(Input):
    flag: ClassVar[str] = "points"
    called: ClassVar[str] = "points"
    serves = frozenset({"mesh", "view"})

    def __init__(self, path: Path, config: Any, device: torch.device) -> None:
        if not path.is_file():
            raise UserError(f"{path}: there is no such file of points")
        held = np.load(path)
        points, sdf = (torch.from_numpy(held[name]).float().to(device) for name in ("points", "sdf"))
        self.path, self.name, self.config = path, path.stem, config
        losses = {"sdf": WeightedLoss(given_sdf, 1.0)}
        self.points, self.task = points, points_task(config, device, [Given(points, sdf)], losses)

    @classmethod
    def fresh(cls, source: str, config: Any, device: torch.device) -> PointsInput:
        return cls(Path(source), config, device)

    @classmethod
    def again(cls, folder: Path, facts: Any, config: Any, device: Any, moved_to: Any = None) -> PointsInput:
        return cls(Path(facts["points"]), config, device)

    @classmethod
    def place(cls, facts: dict[str, Any]) -> str:
        return facts["points"]

    def facts(self) -> dict[str, Any]:
        return {"points": str(self.path.resolve())}

    def words(self, step: int, seconds_per_step: float) -> list[Any]:
        return [f"{self.name}: {len(self.points)} points"]

    def surface(self) -> FittedSurface:
        return FittedSurface(self.folder, self.config, BOX, self.task.field)

    def finish(self, outcome: Outcome) -> None:
        write_mesh(self.surface(), outcome)

    def leaves(self, outcome: Outcome) -> list[tuple[str, Path]]:
        return [("mesh", self.folder / "mesh.ply")]

    @classmethod
    def page(cls, folder: Path, facts: dict[str, Any], config: Any, metrics: dict[str, Any]) -> Page:
        return Page(about=["points with an SDF"], sections=[MeshSides(folder / "mesh.ply", "outside")])

    @classmethod
    def shown(cls, folder: Path, facts: dict[str, Any], moved_to: Any = None) -> Shown:
        return Shown(BOX, "outside")
