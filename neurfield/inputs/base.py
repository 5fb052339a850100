"""What a kind of input brings to a fit: how it is opened, its task, its words, what it leaves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from rich.text import Text

from neurfield.errors import UserError
from neurfield.fitting.fitter import Watch
from neurfield.fitting.surface import FittedSurface
from neurfield.inputs.outcome import Outcome
from neurfield.inputs.page import Page
from neurfield.parts import Config
from neurfield.wording import quoted

if TYPE_CHECKING:
    from neurfield.inputs.shown import Shown


class Input(ABC):
    """One input, opened under a configuration, with the task that fits a field to it.

    Attributes:
        flag: its name in `registry.INPUTS` and in run.json.
        called: in a sentence, "an image".
        fits: what the methods fit that are for it, a key of `neurfield.parts.FITTED`.
        serves: those of the verbs "mesh", "eval", "view" that make sense of its runs.
        why_not: what is said of the others.
        finishing: the line that is said before `finish`.
        folder: of its run.
        name: of the folder that holds its runs.
        config: of the fit.
        task: of the fit, a `neurfield.fitting.fitter.Task`.
        seconds_reading: what opening it took.
        seconds_of_start: what was worked out and made for the first step took, counted as the fit's.
        plugins: the words of --plugin by which the configuration was read.
        has_truth: whether it brings a true surface of its own.
        up: unit [3] in the world, for pictures of its mesh; None: Z.
    """

    flag: ClassVar[str]
    called: ClassVar[str]
    fits: ClassVar[str] = "surface"
    serves: ClassVar[frozenset[str]] = frozenset()
    why_not: ClassVar[str] = "there is no surface to mesh, measure or look at; its numbers are in"
    finishing: ClassVar[str] = "measuring ..."

    folder: Path = Path()
    name: str
    config: Config
    task: Any
    seconds_reading: float = 0.0
    seconds_of_start: float = 0.0
    has_truth: bool = False
    up: np.ndarray | None = None
    plugins: Sequence[str] = ()

    # Opened: by what the user gave, or by what a run says of itself.

    @classmethod
    def usual(cls, source: Any) -> tuple[Any, str | None]:
        """What the user gave, read as far as it takes to choose, and the method where none was chosen.

        The method is one of those that the registry has for this input; None: the usual one of them.

        Raises:
            UserError: it cannot be read.
        """
        return source, None

    @classmethod
    @abstractmethod
    def fresh(cls, source: Any, config: Config, device: torch.device) -> Input:
        """Open what the user gave, and make the task.

        Raises:
            UserError: it cannot be read, or lacks what the configuration asks for.
        """

    @classmethod
    @abstractmethod
    def again(
        cls, folder: Path, facts: dict[str, Any], config: Config, device: torch.device, moved_to: Any = None
    ) -> Input:
        """Open the input of a run, with a field that has not been fitted.

        Args:
            folder: of the run.
            facts: of its run.json.
            config: of its config.yaml.
            device: of field and steps.
            moved_to: where the input lies now, if it was moved.

        Raises:
            UserError: it is gone, or another one stands in its place.
        """

    @classmethod
    @abstractmethod
    def place(cls, facts: dict[str, Any]) -> str:
        """What is typed behind the input's flag to fit to the same thing again."""

    # Before the first step.

    def warnings(self) -> list[str]:
        """Lines to be said before a new fit.

        Raises:
            UserError: something would make the fit go wrong.
        """
        return []

    def keep(self) -> None:
        """Write into the new `folder` what there is of the input nowhere else."""
        return

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What run.json says beside "input" and "name", for `again`, `page`, `place` and `shown`."""

    def read(self) -> None:
        """Read what the steps draw from."""
        return

    def session(self) -> dict[str, object]:
        """Facts of this session for the log, beside threads, device and reading time."""
        return {}

    @abstractmethod
    def words(self, step: int, seconds_per_step: float) -> list[str | Text]:
        """Lines on what is fitted, with what, and how long it takes from `step` on."""

    def watch(self) -> Watch | None:
        """What looks at the fit while it goes on; None: nothing does."""
        return None

    # After the last step.

    @abstractmethod
    def finish(self, outcome: Outcome) -> None:
        """Write what a fit leaves for people into `folder`, and its numbers into the outcome."""

    def leaves(self, outcome: Outcome) -> list[tuple[str, Path]]:
        """What there is now, and where."""
        return []

    def next_commands(self, outcome: Outcome) -> list[tuple[str, str]]:
        """Commands to type next, and what they do."""
        more = 2 * self.config.train.steps
        return [(f"neurfield fit --resume {quoted(self.folder)} --steps {more}", "goes on, twice as long")]

    def measure(self, outcome: Outcome, against: Any = None) -> None:
        """Numbers of the outcome's mesh against a true surface (None: the input's own) and of pictures."""
        self.require("eval", self.folder)

    def measure_objects(self, outcome: Outcome) -> None:
        """Numbers of each object that the field tells apart, into the outcome.

        Raises:
            UserError: it tells none apart, or nothing tells what they are in truth.
        """
        raise UserError(
            f"{self.folder}: a fit of {self.called} has no objects to measure: leave out --objects"
        )

    def trajectory(self, pictures: int) -> np.ndarray:
        """Camera centres [k,3], to be paired with those of a reference of so many pictures.

        Raises:
            UserError: there are none, or which are which cannot be told.
        """
        raise UserError(f"{self.folder}: no cameras to align: give --align FILE.log or --align MATRIX.txt")

    def pictures(self) -> Any:
        """Posed pictures that a mesh may take its colours from, as a `Scene` has them, or None."""
        return None

    def surface(self) -> FittedSurface:
        """The field's surface."""
        self.require("mesh", self.folder)
        raise NotImplementedError

    # From a run's folder alone.

    @classmethod
    @abstractmethod
    def page(cls, folder: Path, facts: dict[str, Any], config: Config, metrics: dict[str, Any]) -> Page:
        """What report.html shows beside what all reports show."""

    @classmethod
    def open_surface(
        cls, folder: Path, device: str | None = None, plugins: Sequence[str] = ()
    ) -> FittedSurface | None:
        """The surface of a run's field from the run's folder alone; None: the input is opened for it."""
        return None

    @classmethod
    def shown(cls, folder: Path, facts: dict[str, Any], moved_to: Any = None) -> Shown:
        """What is shown around a run's mesh; moved_to as for `again`."""
        cls.require("view", folder)
        raise NotImplementedError

    @classmethod
    def require(cls, verb: str, folder: Path) -> None:
        """Raise UserError where a verb makes no sense of runs of this input."""
        if verb not in cls.serves:
            raise UserError(f"{folder}: a fit of {cls.called}: {cls.why_not} {folder / 'report.html'}")
