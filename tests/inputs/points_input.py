"""A kind of input that the package does not know: points with their SDF from a .npz, and a task for them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from neurfield.errors import UserError
from neurfield.fitting.optimizer import Group
from neurfield.fitting.step import StepReport
from neurfield.fitting.surface import FittedSurface
from neurfield.inputs.base import Input
from neurfield.inputs.mesh import write_mesh
from neurfield.inputs.outcome import Outcome
from neurfield.inputs.page import MeshSides, Page
from neurfield.inputs.registry import Entry
from neurfield.inputs.scene import SceneInput
from neurfield.inputs.shown import Shown

ENTRY = Entry("tests.inputs.points_input:PointsInput", "FILE", "or points with an SDF, as .npz.", "method")
BOX = np.array([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]])


class Distance(nn.Module):
    """A few layers as an SDF."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 32), nn.Softplus(10.0), nn.Linear(32, 1))
        self.encoding, self.active_levels = SimpleNamespace(levels=1), 1

    def sdf(self, points: Tensor) -> Tensor:
        return self.layers(points)[:, 0]


class PointsTask:
    """Draws points, compares their SDF."""

    def __init__(self, points: Tensor, sdf: Tensor, seed: int) -> None:
        self.points, self.sdf, self.seed, self.device = points, sdf, seed, points.device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.field = Distance().to(self.device)

    def prepare(self) -> None: ...

    def groups(self) -> list[Group]:
        return [Group("network", list(self.field.parameters()), 1e-2)]

    def step(self, step: int, progress: float) -> StepReport:
        chosen = torch.randint(len(self.points), (256,), generator=torch.Generator().manual_seed(step))
        error = (self.field.sdf(self.points[chosen]) - self.sdf[chosen]).square().mean()
        return StepReport({"sdf": error}, {})

    def fixed(self, step: int, progress: float) -> None: ...

    def state(self) -> dict[str, Tensor]:
        return dict(self.field.state_dict())

    def load(self, state: dict[str, Tensor]) -> None:
        self.field.load_state_dict(state)

    def preview(self, step: int, folder: Path) -> None: ...


class PointsInput(Input):
    flag: ClassVar[str] = "points"
    called: ClassVar[str] = "points"
    settings = SceneInput.settings
    serves = frozenset({"mesh", "view"})

    def __init__(self, path: Path, config: Any, device: torch.device) -> None:
        if not path.is_file():
            raise UserError(f"{path}: there is no such file of points")
        held = np.load(path)
        points, sdf = (torch.from_numpy(held[name]).float().to(device) for name in ("points", "sdf"))
        self.path, self.name, self.config = path, path.stem, config
        self.task = PointsTask(points, sdf, config.seed)

    @classmethod
    def fresh(cls, source: str, config: Any, device: torch.device) -> PointsInput:
        return cls(Path(source), config, device)

    @classmethod
    def again(cls, folder: Path, facts: Any, config: Any, device: Any, moved_to: Any = None) -> PointsInput:
        return cls(Path(facts["points"]), config, device)

    @classmethod
    def chosen(cls, config: Any) -> str:
        return config.method

    @classmethod
    def place(cls, facts: dict[str, Any]) -> str:
        return facts["points"]

    def facts(self) -> dict[str, Any]:
        return {"points": str(self.path.resolve())}

    def words(self, step: int, seconds_per_step: float) -> list[Any]:
        return [f"{self.name}: {len(self.task.points)} points"]

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
