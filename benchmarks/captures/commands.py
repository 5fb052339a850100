"""The commands that a user types, run as they are, and what they took."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trimesh

from benchmarks.common import run_measured, say


@dataclass(frozen=True)
class Done:
    """What a command took.

    Attributes:
        seconds: of the whole process, on the clock.
        busy: seconds of processors.
        peak_gb: memory.
        output: what it printed.
        trouble: where it failed.
    """

    seconds: float
    busy: float
    peak_gb: float
    output: str
    trouble: str


@dataclass(frozen=True)
class Imported:
    """What an import took, and left: its scene's folder, or None."""

    done: Done
    scene: Path | None

    @property
    def told(self) -> str:
        """The line beforehand that says how long it takes."""
        return next((line.strip() for line in self.done.output.splitlines() if " pairs, " in line), "")

    def numbers(self) -> dict[str, Any]:
        """Of the poses, as the scene keeps them."""
        if self.scene is None:
            return {}
        return dict(json.loads((self.scene / "transforms.json").read_text())["import"]["numbers"])


@dataclass(frozen=True)
class Fitted:
    """What a fit took, with its mesh and report, and left: its run's folder, or None, and its metrics."""

    done: Done
    run: Path | None
    metrics: dict[str, Any]

    def mesh(self, name: str = "mesh.ply") -> trimesh.Trimesh | None:
        """A mesh that it left, if any."""
        path = None if self.run is None else self.run / name
        if path is None or not path.is_file():
            return None
        return trimesh.load(path, force="mesh", process=False)


def import_anew(source: Path, scene: Path) -> Imported:
    """`neurfield scene import` into a folder of this benchmark, from its first stage on."""
    shutil.rmtree(scene, ignore_errors=True)
    log = scene.parent / f"{scene.name}-import.log"
    done = _neurfield(log, "scene", "import", str(source), "--out", str(scene))
    return Imported(done, None if done.trouble else scene)


def fit_anew(scene: Path, out: Path, *flags: str) -> Fitted:
    """`neurfield fit` of a scene, into a folder for runs."""
    log = out / f"{scene.name}-fit.log"
    done = _neurfield(log, "fit", "--scene", str(scene), "--out", str(out), *flags)
    run = out / scene.name / "latest"
    metrics = run / "metrics.json"
    if done.trouble or not metrics.is_file():
        return Fitted(done, None, {})
    return Fitted(done, run.resolve(), json.loads(metrics.read_text()))


def _neurfield(log: Path, *words: str) -> Done:
    say("neurfield " + " ".join(words))
    log.parent.mkdir(parents=True, exist_ok=True)
    before = _busy()
    done = run_measured([sys.executable, "-m", "neurfield", *words])
    log.write_text(done.output)
    trouble = "" if done.status == 0 else f"it ended with status {done.status}, see above"
    return Done(done.seconds, _busy() - before, done.peak_gb, done.output, trouble)


def _busy() -> float:
    """Processor seconds of all commands that ended."""
    times = os.times()
    return times.children_user + times.children_system
