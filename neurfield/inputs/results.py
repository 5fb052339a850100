"""What a fit leaves for people: what its input makes of it, its numbers, its time and memory."""

from __future__ import annotations

import json
import resource
from pathlib import Path

from neurfield.fitting.surface import NoSurface
from neurfield.fitting.surface_watch import SurfaceLeft
from neurfield.inputs.outcome import Outcome, read_metrics
from neurfield.inputs.run import Run


def finish(run: Run, stopped: SurfaceLeft | None = None) -> Outcome:
    """Write what a run leaves and its metrics.json, as far as they can be made.

    Args:
        run: fitted, or stopped.
        stopped: why the fit did not come to its end; the first of the troubles then.
    """
    outcome = Outcome(read_metrics(run.folder))
    if stopped is not None:
        outcome.troubles["fit"] = stopped
    run.input.finish(outcome)
    if stopped is not None and isinstance(outcome.troubles.get("mesh"), NoSurface):
        del outcome.troubles["mesh"]  # said already
    outcome.metrics["fit"] = fit_facts(run.folder)
    outcome.write(run.folder)
    return outcome


def fit_facts(folder: Path) -> dict[str, float]:
    """Steps, seconds and peak memory of a run, from its log."""
    log = folder / "log.jsonl"
    last = json.loads(log.read_text().splitlines()[-1]) if log.is_file() else {}
    return {
        "steps": last.get("step", 0),
        "seconds": last.get("seconds", 0.0),
        "peak_memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 2),
    }
