"""What a fit leaves for people: the mesh, its numbers, pictures, the report.

A part that fails takes no other with it: its trouble is kept, and told once everything else is there.
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trimesh

from neurfield.evaluation import Surface, evaluate_mesh
from neurfield.files import atomic_write
from neurfield.fitting.image_scores import image_scores
from neurfield.fitting.run import Run
from neurfield.fitting.surface import NoSurface
from neurfield.fitting.surface_watch import SurfaceLeft
from neurfield.surfaces import save_mesh


@dataclass
class Outcome:
    """metrics: what metrics.json holds. mesh: as it was extracted or read, None where there is none.
    troubles: by part ("mesh", "geometry", "images"), what kept it from being made."""

    metrics: dict[str, Any]
    mesh: trimesh.Trimesh | None = None
    troubles: dict[str, Exception] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Make a part of the metrics; if it fails, what was there of it goes and the trouble stays.
        A file that cannot be written is no part's trouble, and raised."""
        try:
            yield
        except OSError:
            raise
        except Exception as trouble:
            self.metrics.pop(name, None)
            self.troubles[name] = trouble

    def write(self, folder: Path) -> None:
        """Into metrics.json, with the troubles in words."""
        self.metrics.pop("troubles", None)
        if self.troubles:
            self.metrics["troubles"] = {name: str(trouble) for name, trouble in self.troubles.items()}
        write_metrics(folder, self.metrics)


def finish(run: Run, voxel: float | None = None, stopped: SurfaceLeft | None = None) -> Outcome:
    """Write mesh.ply, previews and metrics.json of a run, as far as they can be made.

    stopped: why the fit did not come to its end; the first of the troubles then.
    """
    outcome = Outcome(read_metrics(run.folder))
    if stopped is not None:
        outcome.troubles["fit"] = stopped
    with outcome.part("mesh"):
        started = time.perf_counter()
        outcome.mesh = run.mesh(voxel=voxel)
        seconds = time.perf_counter() - started
        save_mesh(outcome.mesh, run.folder / "mesh.ply")
        outcome.metrics["mesh"] = {
            "vertices": len(outcome.mesh.vertices), "faces": len(outcome.mesh.faces),
            "seconds": round(seconds, 2),
            "voxel": voxel or run.config.mesh.voxel or 2.0 * run.task.frame.half / 512,
        }  # fmt: skip
    if stopped is not None and isinstance(outcome.troubles.get("mesh"), NoSurface):
        del outcome.troubles["mesh"]  # said already
    if outcome.mesh is None:  # a mesh of earlier steps is none of this state
        for old in ("mesh.ply", "previews/mesh.jpg"):
            (run.folder / old).unlink(missing_ok=True)
    measure(run, outcome, lambda: run.scene.ground_truth)
    outcome.metrics["fit"] = fit_facts(run.folder)
    outcome.write(run.folder)
    return outcome


def measure(run: Run, outcome: Outcome, truth: Callable[[], Surface | None]) -> None:
    """Numbers of the outcome's mesh against the truth, by what all of the scene's cameras saw, and of the
    run's pictures."""
    with outcome.part("geometry"):
        outcome.metrics.pop("geometry", None)
        true = truth() if outcome.mesh is not None else None
        if outcome.mesh is not None and true is not None:
            outcome.metrics["geometry"] = evaluate_mesh(outcome.mesh, true, run.scene.cameras)
    with outcome.part("images"):
        outcome.metrics["images"] = image_scores(run)


def read_metrics(folder: Path) -> dict[str, Any]:
    """metrics.json of a run, or an empty one."""
    path = folder / "metrics.json"
    return json.loads(path.read_text()) if path.is_file() else {"schema": 1}


def write_metrics(folder: Path, metrics: dict[str, Any]) -> None:
    """Replace metrics.json."""
    with atomic_write(folder / "metrics.json") as temporary:
        temporary.write_text(json.dumps(metrics, indent=1))


def fit_facts(folder: Path) -> dict[str, float]:
    """Steps, seconds and peak memory of a run, from its log."""
    log = folder / "log.jsonl"
    last = json.loads(log.read_text().splitlines()[-1]) if log.is_file() else {}
    return {
        "steps": last.get("step", 0),
        "seconds": last.get("seconds", 0.0),
        "peak_memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 2),
    }
