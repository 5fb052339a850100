"""What became of mutants: kept on disk while they are tried, and as a table for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.mutants.mutant import ROOT, Mutant

MOST_SURVIVORS = 0.05
PAGE = ROOT / "docs" / "testing.md"
BEGIN, END = "<!-- mutants -->", "<!-- end of mutants -->"


@dataclass(frozen=True)
class Outcome:
    """Of one mutant: "killed", "survived", or "error" where nothing was shown; `by` which test, or why."""

    state: str
    by: str
    seconds: float


class Kept:
    """Outcomes by key, one line of a file each, so that a run that was stopped goes on."""

    def __init__(self, path: Path, fresh: bool = False) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        if fresh:
            path.unlink(missing_ok=True)
        self.found: dict[str, Outcome] = {}
        for line in path.read_text().splitlines() if path.is_file() else ():
            entry = json.loads(line)
            key = entry.pop("key")
            self.found[key] = Outcome(**entry)

    def add(self, key: str, outcome: Outcome) -> None:
        """Remember an outcome; one that showed nothing is tried again next time."""
        self.found[key] = outcome
        if outcome.state != "error":
            with self.path.open("a") as file:
                file.write(json.dumps({"key": key, **asdict(outcome)}) + "\n")


def table(mutants: Sequence[Mutant], outcomes: Sequence[Outcome]) -> str:
    """Markdown: how many of each part were killed, and every survivor."""
    parts: dict[str, list[str]] = {}
    for mutant, outcome in zip(mutants, outcomes):
        parts.setdefault(str(Path(mutant.file).parent), []).append(outcome.state)
    killed = sum(outcome.state == "killed" for outcome in outcomes)
    native = sum(bool(mutant.built) for mutant in mutants)
    lines = [
        f"{len(mutants)} mistakes, {native} of them in native code: **{killed} noticed, "
        f"{len(mutants) - killed} not** ({100.0 * (len(mutants) - killed) / len(mutants):.1f} %).", "",
        "| part | mistakes | noticed |", "|---|---|---|",
        *(f"| `{part}` | {len(found)} | {found.count('killed')} |" for part, found in sorted(parts.items())),
        "",
    ]  # fmt: skip
    left = [(m, o) for m, o in zip(mutants, outcomes) if o.state != "killed"]
    if not left:
        return "\n".join([*lines, "None survives."])
    lines += ["| not noticed | the line | becomes | why |", "|---|---|---|---|"]
    for mutant, outcome in left:
        reason = mutant.equivalent or (outcome.by if outcome.state == "error" else "no test notices")
        lines.append(f"| {mutant.name} | {_code(mutant.old)} | {_code(mutant.new)} | {reason} |")
    return "\n".join(lines)


def publish(text: str, page: Path = PAGE) -> None:
    """Put a table into its place on the page."""
    before, rest = page.read_text().split(BEGIN)
    after = rest.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def _code(fragment: str) -> str:
    return "`" + " ".join(fragment.split()).replace("|", "\\|") + "`"
