"""mesh.ply of a run, whatever the surface was fitted to."""

from __future__ import annotations

import time

from neurfield.fitting.surface import FittedSurface
from neurfield.inputs.outcome import Outcome
from neurfield.surfaces import save_mesh


def write_mesh(surface: FittedSurface, outcome: Outcome) -> None:
    """Write mesh.ply into the run's folder, and its numbers into the outcome.

    Without a surface, a mesh of earlier steps is removed.
    """
    folder = surface.folder
    with outcome.part("mesh"):
        started = time.perf_counter()
        outcome.mesh = surface.mesh(faces="auto")
        seconds = time.perf_counter() - started
        save_mesh(outcome.mesh, folder / "mesh.ply")
        outcome.metrics["mesh"] = {
            "vertices": len(outcome.mesh.vertices), "faces": len(outcome.mesh.faces),
            "seconds": round(seconds, 2), "voxel": surface.voxel(),
        }  # fmt: skip
    if outcome.mesh is None:
        for old in ("mesh.ply", "previews/mesh.jpg"):
            (folder / old).unlink(missing_ok=True)
