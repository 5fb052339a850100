"""How many steps end within a budget: measured on a short fit, and mended by each fit that ended."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.common import commit, write_json
from benchmarks.photos.fitted import Pace

PROBE_STEPS = 200
TOO_LONG, TOO_SHORT = 1.03, 0.94  # of the budget: beyond these a fit is made again with other steps
MOST_TRIES = 3


@dataclass
class Paces:
    """Paces of kinds of fits, kept in a file for the next call at the same commit.

    Attributes:
        file: where they are kept; None: nowhere.
        first: of a short fit, by kind.
        ended: steps and seconds of the fits that ended, by kind.
    """

    file: Path | None = None
    first: dict[str, Pace] = field(default_factory=dict)
    ended: dict[str, list[tuple[int, float]]] = field(default_factory=dict)

    @staticmethod
    def kept(file: Path, threads: int) -> Paces:
        """Those of a file, if they were measured at this commit, on so many threads; else none yet."""
        paces = Paces(file.with_suffix(f".{threads}.json"))
        assert paces.file is not None
        found = json.loads(paces.file.read_text()) if paces.file.is_file() else {}
        if found.get("commit") == commit():
            paces.first = {kind: Pace(**pace) for kind, pace in found["first"].items()}
            paces.ended = {kind: [(n, s) for n, s in ended] for kind, ended in found["ended"].items()}
        return paces

    def steps(self, kind: str, budget: float) -> int:
        """How many steps of a kind of fit end within a budget.

        From the fit that ended nearest to the budget, in whichever room, at the short fit's rate, or at that
        of the next one if either had twice the other's steps; by the short fit's pace where none has ended.
        """
        pace = self.first[kind]
        ended = sorted(self.ended.get(kind, []), key=lambda one: abs(one[1] - budget))
        if not ended:
            return pace.steps(budget)
        (steps, seconds), rate = ended[0], pace.step
        for other, others in ended[1:]:
            if max(steps, other) >= 2 * min(steps, other) and (seconds - others) * (steps - other) > 0:
                rate = (seconds - others) / (steps - other)
                break
        return Pace(seconds - rate * steps, rate).steps(budget)

    def begin(self, kind: str, pace: Pace) -> None:
        """A short fit has ended."""
        self.first[kind] = pace
        self._keep()

    def add(self, kind: str, steps: int, seconds: float) -> None:
        """A fit has ended."""
        self.ended.setdefault(kind, []).append((steps, seconds))
        self._keep()

    def _keep(self) -> None:
        if self.file is not None:
            first = {kind: asdict(pace) for kind, pace in self.first.items()}
            write_json(self.file, {"commit": commit(), "first": first, "ended": self.ended})


def named(kind: str) -> str:
    """A short name of a kind of fits that is given as text."""
    return hashlib.sha256(kind.encode()).hexdigest()[:16]


def missed(seconds: float, budget: float) -> bool:
    """Whether a fit took so much longer or shorter than its budget that its row would not be comparable."""
    return not TOO_SHORT * budget <= seconds <= TOO_LONG * budget
