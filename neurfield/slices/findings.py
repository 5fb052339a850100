"""What is found wrong with slices, for people: alike findings of many planes in one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

_FEW = 3  # alike findings stand each on a line of its own
_NAMED = 8  # of the places of the others


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        what: for people, with the plane and the contour.
        mended: what was done about it; "" where it is only told.
        grave: whether a fit would make no sense.
        kind: findings of one kind are told together where they are many; "" alone.
        plane: its number.
        contour: its place in the plane, from 1; None: the kind says all that is of interest, so that two of
            a kind are told together already.
    """

    what: str
    mended: str = ""
    grave: bool = False
    kind: str = ""
    plane: int = 0
    contour: int | None = None

    @property
    def words(self) -> str:
        """One line."""
        return f"{self.what}: {self.mended}" if self.mended else self.what


def gathered(findings: Sequence[Finding]) -> list[Finding]:
    """The same, many of a kind as one: the first of them, and where the others are."""
    kinds: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.kind:
            kinds.setdefault(finding.kind, []).append(finding)
    result = []
    for finding in findings:
        alike = kinds.get(finding.kind, [])
        few = 1 if finding.contour is None else _FEW
        if len(alike) <= few:
            result.append(finding)
        elif finding is alike[0]:
            result.append(replace(finding, what=f"{finding.what}, and so {_places(alike[1:])}"))
    return result


def _places(others: Sequence[Finding]) -> str:
    if others[0].contour is None:
        planes = sorted({one.plane for one in others})
        return f"in {len(planes)} more planes ({number_runs(planes)})" if len(planes) > 1 else (
            f"in plane {planes[0]}"
        )  # fmt: skip
    named = "; ".join(f"plane {one.plane}, contour {one.contour}" for one in others[:_NAMED])
    return f"{len(others)} more ({named}{'; ...' if len(others) > _NAMED else ''})"


def number_runs(numbers: Sequence[int]) -> str:
    """Numbers in order, "19, 25, 28 to 30", those in a row by their ends."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words = [
        f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(str(number) for number in run) for run in runs
    ]
    return ", ".join(words)
