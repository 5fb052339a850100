"""One fit by `neurfield fit`, as somebody would type it, and what it left."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.common import run_measured, say
from benchmarks.photos.fitted import Pace, pace_of
from benchmarks.room_methods.methods import Fit
from benchmarks.room_methods.pace import MOST_TRIES, PROBE_STEPS, Paces, missed, named
from benchmarks.room_table import newest_run
from neurfield.errors import UserError

CLOCKS = 0.1  # seconds that a file's time may lag behind the clock's


def run_fit(fit: Fit, steps: int, out: Path, overrides: tuple[str, ...] = ()) -> dict[str, Any]:
    """Fit in a process of its own: command, run, mesh, metrics, steps, seconds, start, peak_gb; or trouble.

    seconds: from the command's start until mesh.ply was written, of which start went by before the first
    step ended; peak_gb: of the whole command, which measures and draws after that.
    """
    out.mkdir(parents=True, exist_ok=True)
    words = ["fit", "--scene", fit.scene, "--method", fit.method, "--preset", fit.preset]
    words += ["--steps", str(steps), "--out", str(out)]
    words += [word for item in (*fit.settings, *overrides) for word in ("--set", item)]
    command = " ".join(["neurfield", *words])
    say(command)
    started = time.time()
    result = run_measured([sys.executable, "-m", "neurfield", *words])
    facts: dict[str, Any] = {"command": command, "steps": steps, "peak_gb": result.peak_gb}
    if result.status:
        facts["trouble"] = f"it ended with status {result.status}, see above"
    try:
        run = newest_run(out)
        made = (run / "run.json").stat().st_mtime
    except UserError:
        made = -1.0
    if made < started - CLOCKS:  # it ended before it had a folder, or that is of an earlier call
        return {**facts, "run": None, "mesh": None, "steps": 0, "seconds": result.seconds, "metrics": {}}
    return facts | facts_of(run, started, result.seconds)


def facts_of(run: Path, started: float, seconds: float) -> dict[str, Any]:
    """What a run of `neurfield fit` left.

    Args:
        run: its folder.
        started: `time.time()` when it was called.
        seconds: that the whole command took; its time where it left no mesh.
    """
    mesh, log, metrics = run / "mesh.ply", run / "log.jsonl", run / "metrics.json"
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.is_file() else []
    return {
        "run": str(run),
        "mesh": str(mesh) if mesh.is_file() else None,
        "seconds": mesh.stat().st_mtime - started if mesh.is_file() else seconds,
        "start": lines[0].get("seconds_to_first_step") if lines else None,
        "steps": lines[-1]["step"] if lines else 0,
        "metrics": json.loads(metrics.read_text()) if metrics.is_file() else {},
    }


def with_objects(fit: Fit, facts: dict[str, Any]) -> dict[str, Any]:
    """The facts of a fit that ended, in whose metrics its objects are, if the method tells some apart."""
    if facts["mesh"] is None or not fit.tells_objects:
        return facts
    result = run_measured([sys.executable, "-m", "neurfield", "eval", facts["run"], "--objects"])
    if result.status:
        say(f"{facts['run']}: its objects could not be measured, see above")
        return facts
    return {**facts, "metrics": json.loads((Path(facts["run"]) / "metrics.json").read_text())}


def pace_of_probe(fit: Fit, out: Path) -> Pace | None:
    """The pace of a short fit; None where it did not end."""
    facts = run_fit(fit, PROBE_STEPS, out / "probe", ("train.log_every=10",))
    if facts["run"] is None or facts["steps"] < PROBE_STEPS:
        return None
    return pace_of({"run": facts["run"], "steps": facts["steps"], "whole": facts["seconds"]})


def fit_within(fit: Fit, out: Path, paces: Paces, steps: int | None = None) -> dict[str, Any]:
    """A fit whose mesh is there after its budget; what `run_fit` gives, and how many fits it took.

    Its schedules end with its steps: these are chosen before it starts. One that missed its budget is made
    again, twice at most. One without a surface is a result.

    Args:
        fit: to be made.
        out: its folder.
        paces: what is known of such fits, and is added to.
        steps: that many, in place of those that end within the budget.
    """
    if steps is not None:
        return {**run_fit(fit, steps, out), "tries": 1}
    kind = named(fit.kind())
    if kind not in paces.first:
        pace = pace_of_probe(fit, out)
        if pace is None:
            return {"run": None, "mesh": None, "steps": 0, "trouble": "its short fit did not end, see above"}
        paces.begin(kind, pace)
        say(f"{fit.method}, {fit.room}: {pace.start:.1f} s and {1000 * pace.step:.1f} ms a step")
    for tries in range(1, MOST_TRIES + 1):
        chosen = paces.steps(kind, fit.budget)
        facts = {**run_fit(fit, chosen, out), "tries": tries}
        if facts["mesh"] is None:
            break
        paces.add(kind, facts["steps"], facts["seconds"])
        say(f"{facts['steps']} steps: {facts['seconds']:.1f} of {fit.budget:g} s")
        if not missed(facts["seconds"], fit.budget) or paces.steps(kind, fit.budget) == chosen:
            break
    return facts
