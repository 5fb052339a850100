"""The built-in rooms from images alone, and from images and ambiguous priors, within so many seconds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common import say
from benchmarks.photos.fitted import DEPTH, PRIORS, Fit, mesh_of, run_fit
from benchmarks.room_table import with_truth
from benchmarks.script import Table
from neurfield.evaluation import evaluate_mesh

COLUMNS = (
    "scene", "from", "method, preset", "budget s", "whole s", "of it before the first step", "steps", "F@5cm",
    "F@1cm", "accuracy cm", "completeness cm", "normals", "peak GB",
)  # fmt: skip
NOTE = (
    "Whole: reading, stereo, first surface, steps and mesh. The steps are the presets' own. Nothing is tuned"
    " on room1 and room2."
)


@dataclass(frozen=True)
class Sources:
    """What a room is fitted from.

    hide: sources that are not looked at; budgets: the seconds that it gets; presets: whose own steps are
    taken for each of these; method: of the fits, empty: the one that is asked for.
    """

    title: str
    hide: tuple[str, ...]
    budgets: tuple[float, ...]
    presets: tuple[str, ...]
    method: str = ""


FROM = {
    "images": Sources("images alone", (*DEPTH, *PRIORS), (120.0, 300.0), ("default", "best")),
    "priors": Sources("images and ambiguous priors", DEPTH, (60.0, 300.0), ("default", "best"), "priors"),
}


def measured(facts: dict[str, Any], scene: Any) -> dict[str, Any]:
    """Numbers of a fit's mesh against a room's true surface; none if it has no mesh."""
    mesh = mesh_of(facts)
    return {} if mesh is None else evaluate_mesh(mesh, scene.ground_truth, cameras=scene.cameras)


def row_of(name: str, title: str, facts: dict[str, Any], numbers: dict[str, Any]) -> list[Any]:
    """A row of the table; a fit without a surface says so."""
    head = [name, title if facts.get("trouble") is None else f"{title}: {facts['trouble'][:80]}"]
    lengths = [None if key not in numbers else 100 * numbers[key] for key in ("accuracy", "completeness")]
    scores = [numbers.get("f_score@0.05"), numbers.get("f_score@0.01"), *lengths]
    times = [facts.get(key) for key in ("preset", "budget", "whole", "start", "steps")]
    return [*head, *times, *scores, numbers.get("normal_consistency"), facts.get("peak_gb")]


def measure(
    rooms: list[str],
    method: str,
    preset: str,
    overrides: list[str],
    out: Path,
    quick: bool,
    kinds: list[str],
) -> tuple[Table, list[str], dict[str, Any]]:
    """The table, its notes, and the runs' facts by room and kind; `quick`: the first budget of each.

    Each budget has a preset of its own, so `preset` is not looked at.
    """
    rows, kept = [], {}
    for name in rooms:
        scene = with_truth(name)
        for kind in [kind for kind in FROM if kind in kinds]:
            sources = FROM[kind]
            for budget, own in list(zip(sources.budgets, sources.presets))[: 1 if quick else None]:
                fit = Fit(name, sources.hide, sources.method or method, own, overrides)
                facts = run_fit(fit, None, out / name / kind / own)
                facts |= {"preset": f"{fit.method}, {own}", "budget": budget}
                rows.append(row_of(scene.name, sources.title, facts, measured(facts, scene)))
                say(str(rows[-1]))
                kept[f"{scene.name}, {sources.title}, {budget:g} s"] = facts
    return Table("Rooms from photographs", COLUMNS, rows), [NOTE], kept
