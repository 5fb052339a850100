"""mesh.ply of a run, whatever the surface was fitted to."""

from __future__ import annotations

import time
from pathlib import Path

from neurfield.fitting.surface import FittedSurface
from neurfield.inputs.outcome import Outcome
from neurfield.stereo.progress import moving_bar
from neurfield.surfaces import save_mesh
from neurfield.wording import quoted


def write_mesh(surface: FittedSurface, outcome: Outcome) -> None:
    """Write mesh.ply into the run's folder, and its numbers into the outcome.

    Without a surface, a mesh of earlier steps is removed.
    """
    folder = surface.folder
    with outcome.part("mesh"):
        started = time.perf_counter()
        with moving_bar() as bar:
            outcome.mesh = surface.mesh(faces="auto", tell=bar)
        seconds = time.perf_counter() - started
        save_mesh(outcome.mesh, folder / "mesh.ply")
        outcome.metrics["mesh"] = {
            "vertices": len(outcome.mesh.vertices), "faces": len(outcome.mesh.faces),
            "seconds": round(seconds, 2), "voxel": surface.voxel(),
        }  # fmt: skip
    if outcome.mesh is None:
        for old in ("mesh.ply", "previews/mesh.jpg"):
            (folder / old).unlink(missing_ok=True)


def mesh_left(folder: Path, outcome: Outcome) -> list[tuple[str, Path]]:
    """The mesh that a fit leaves, where there is one."""
    return [("mesh", folder / "mesh.ply")] if outcome.mesh is not None else []


def mesh_commands(folder: Path, outcome: Outcome, again: bool = True) -> list[tuple[str, str]]:
    """To look at a run's mesh, and, where that can be, to extract it again with cells of half the size."""
    shown = (f"neurfield view {quoted(folder)}", "opens a window; --screenshot out.png needs no display")
    if not again:
        return [shown]
    finer = 0.5 * outcome.metrics["mesh"]["voxel"]
    return [shown, (f"neurfield mesh {quoted(folder)} --voxel {finer:.2g}", "extracts it again, finer")]
