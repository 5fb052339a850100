"""One fit in a process of its own, from some of a scene's sources, and how many steps fit into some seconds.

    python -m benchmarks.photos.fitted --scene room0 --hide prior_depth --method photos --steps 900 --out DIR

Prints one line of JSON. The whole time is that of reading the scene, of the start (stereo and the first
surface included), of the steps and of the mesh; measuring and drawing for the report come after it.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trimesh

from benchmarks.common import run_measured, run_script, say
from benchmarks.photos.without import PIECES, left_out
from neurfield.errors import UserError

DEPTH = ("depth", "sensor_depth", "segment")
PRIORS = ("prior_depth", "prior_normal")
PROBE_STEPS = 200
SPARE = 0.97  # of the seconds that are used, since no two runs take quite the same
STEREO_FOLDER = (
    "stereo"  # beside a scene's files: maps that were made before, whose seconds nobody would count
)


@dataclass(frozen=True)
class Fit:
    """What is to be fitted.

    scene: a name or a path; hide: sources that are not looked at; without: a piece that is left out
    (`benchmarks.photos.without`); the rest as `neurfield fit` takes them.
    """

    scene: str
    hide: Sequence[str]
    method: str
    preset: str = "default"
    overrides: Sequence[str] = ()
    without: str = ""

    def flags(self) -> list[str]:
        """As this module's command takes them."""
        flags = ["--scene", self.scene, "--method", self.method, "--preset", self.preset]
        return [*flags, "--without", self.without, "--hide", *self.hide, "--set", *self.overrides]


@dataclass(frozen=True)
class Pace:
    """Seconds before the first step, and of a step."""

    start: float
    step: float

    def steps(self, seconds: float) -> int:
        """How many steps end within some seconds, in tens; at least ten."""
        return max(10, int((SPARE * seconds - self.start) / self.step) // 10 * 10)


def pace_of(facts: dict[str, Any]) -> Pace:
    """The pace of a run that ended; the first half of its steps, which meets memory first, does not count."""
    log = [json.loads(line) for line in (Path(facts["run"]) / "log.jsonl").read_text().splitlines()]
    halfway = next(entry for entry in log if entry["step"] >= facts["steps"] // 2)
    last = log[-1]
    steps = max(1, last["step"] - halfway["step"])
    step = max(1e-4, (last["seconds"] - halfway["seconds"]) / steps)
    return Pace(max(0.0, facts["whole"] - step * facts["steps"]), step)


def run_fit(fit: Fit, steps: int | None, out: Path) -> dict[str, Any]:
    """Fit in a process of its own: its run, mesh, steps, seconds (whole, start), peak_gb; trouble if any.

    `steps`: None: those of the preset. A fit that loses its surface is a result: it has a line of trouble and
    no mesh.
    """
    out.mkdir(parents=True, exist_ok=True)
    command = ["-m", "benchmarks.photos.fitted", *fit.flags(), "--out", str(out)]
    command += [] if steps is None else ["--steps", str(steps)]
    say(f"python {' '.join(command)}")
    result = run_measured([sys.executable, *command])
    lines = [line for line in result.output.splitlines() if line.startswith("{")]
    if result.status != 0 or not lines:
        trouble = f"it ended with status {result.status}, see above"
        return {"trouble": trouble, "steps": steps or 0, "mesh": None}
    return dict(json.loads(lines[-1]))


def fit_within(fit: Fit, seconds: float, out: Path, paces: dict[str, Pace], key: str) -> dict[str, Any]:
    """A fit that ends within some seconds; the pace is that of a short fit, measured once for each key."""
    if key not in paces:
        probe = run_fit(fit, PROBE_STEPS, out / "probe")
        if probe.get("run") is None or probe["steps"] < PROBE_STEPS:
            return probe
        paces[key] = pace_of(probe)
        say(f"{key}: {paces[key].start:.1f} s and {1000 * paces[key].step:.1f} ms a step")
    steps = paces[key].steps(seconds)
    return {**run_fit(fit, steps, out / f"{seconds:g}s"), "budget": seconds}


def mesh_of(facts: dict[str, Any]) -> trimesh.Trimesh | None:
    """The mesh that a fit left, if any."""
    return trimesh.load(facts["mesh"], force="mesh", process=False) if facts.get("mesh") else None


def fit_here(args: argparse.Namespace) -> dict[str, Any]:
    """The fit itself, and what is printed of it."""
    import neurfield as nf
    from neurfield.fitting.surface_watch import SurfaceLeft
    from neurfield.inputs.results import finish

    started = time.perf_counter()
    scene = nf.load_scene(args.scene)
    folder = scene.path if scene.path.is_dir() else scene.path.parent
    if (folder / STEREO_FOLDER).exists():
        raise UserError(
            f"{folder / STEREO_FOLDER}: maps of another run: delete them, or they would be used uncounted"
        )
    scene = scene.without(*(source for source in args.hide if source in scene.sources))
    facts: dict[str, Any] = {"run": None, "mesh": None, "steps": 0}
    options = {"method": args.method, "preset": args.preset, "steps": args.steps, "out": args.out}
    try:
        run = nf.fit(scene, **options, overrides=tuple(args.set))
    except SurfaceLeft as reason:
        return {**facts, "trouble": str(reason), "whole": time.perf_counter() - started}
    fitted = time.perf_counter()
    outcome = finish(run)
    metrics = outcome.metrics
    meshing = float(metrics.get("mesh", {}).get("seconds", 0.0))
    log = (run.folder / "log.jsonl").read_text().splitlines()
    mesh = run.folder / "mesh.ply"
    facts |= {
        "run": str(run.folder), "mesh": str(mesh) if mesh.is_file() else None,
        "steps": metrics["fit"]["steps"], "fit": fitted - started, "mesh_seconds": meshing,
        "whole": fitted - started + meshing, "start": float(json.loads(log[0])["seconds"]),
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
    }  # fmt: skip
    if outcome.troubles:
        facts["trouble"] = "; ".join(str(trouble) for trouble in outcome.troubles.values())
    return facts


def main() -> None:
    parser = argparse.ArgumentParser(description="one fit, as benchmarks.photos makes it")
    parser.add_argument("--scene", required=True)
    parser.add_argument("--hide", nargs="*", default=[], help="sources that are not looked at")
    parser.add_argument("--method", required=True)
    parser.add_argument("--preset", default="default")
    parser.add_argument("--steps", type=int, help="not given: those of the preset")
    parser.add_argument("--set", nargs="*", default=[])
    parser.add_argument("--without", choices=PIECES, default="", help="a piece that is left out")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    with left_out(args.without) if args.without else nullcontext():
        print(json.dumps(fit_here(args)))


if __name__ == "__main__":
    run_script(main)
