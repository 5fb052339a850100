"""OReX as published beside other ways from slices to meshes, for as long as one has: what it reached by then.

Its own course takes hours on a processor. So it gets some seconds, passes through the same levels in as many
steps as fit into these, and how long the course would have taken follows from the seconds of a step: that
number is extrapolated, and says so.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
import trimesh

from benchmarks.common import run_measured
from benchmarks.room_table import newest_run
from benchmarks.script import Table
from neurfield.points import RefinedSlices
from neurfield.report.mesh_file import read_mesh
from neurfield.slices import Slices
from neurfield.slices.unit_slices import UnitSlices

COLUMNS = ("shape", "planes", "steps", "s a step", "steps of its course", "hours of its course, extrapolated")
TITLE = "OReX, cut short: what its whole course would take, extrapolated"
_TRIED = 4  # steps by which the others are counted
_ONCE = 2  # of them that meet their memory for the first time


def log_of(run: Path) -> list[dict[str, Any]]:
    """The lines of a run's log."""
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def seconds_a_step(log: list[dict[str, Any]], first: int = _ONCE) -> float:
    """Seconds of a step on average, of those after `first`; 0 where the log has none."""
    after = [line for line in log if line["step"] >= first]
    steps = after[-1]["step"] - after[0]["step"] if after else 0
    return (after[-1]["seconds"] - after[0]["seconds"]) / steps if steps else 0.0


class CutShort:
    """Fits by `orex` that end after about so many seconds, and what their course would take.

    Args:
        seconds: of a fit's steps, as the first few foretell them; 0: none is fitted.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds, self.rows = seconds, []  # type: float, list[list[Any]]

    def fit(
        self, shape: str, what: str, slices: Slices, path: Path, folder: Path
    ) -> tuple[str, trimesh.Trimesh | None, float]:
        """What made it, the mesh, None where there was no surface yet, and the command's seconds.

        Args:
            shape: its name.
            what: the planes, in words.
            slices: that are fitted.
            path: of their file.
            folder: that runs are left in.
        """
        words = [sys.executable, "-m", "neurfield", "fit", "--slices", str(path), "--method", "orex"]
        words += ["--set", "train.log_every=1", "--out"]
        coarse = f"mesh.voxel={float(np.ptp(slices.box, axis=0).max()) / 16:g}"
        run_measured([*words, str(folder / "tried"), "--steps", str(_TRIED), "--set", coarse])
        each = seconds_a_step(log_of(newest_run(folder / "tried")))
        steps = max(_TRIED, int(self.seconds / max(each, 1e-3)))
        made = run_measured([*words, str(folder / "orex"), "--steps", str(steps)])
        run = newest_run(folder / "orex")
        self.rows.append(course_row(shape, what, slices, log_of(run)))
        mesh = run / "mesh.ply"
        return f"orex, {steps} steps", read_mesh(mesh) if mesh.is_file() else None, made.seconds

    @property
    def tables(self) -> list[Table]:
        """What was measured of steps, and what follows from it; none where nothing was fitted."""
        return [Table(TITLE, COLUMNS, self.rows)] if self.rows else []


def course_row(shape: str, what: str, slices: Slices, log: list[dict[str, Any]]) -> list[Any]:
    """A row of `COLUMNS`: a fit's measured steps, and the hours of its whole course by them."""
    course = RefinedSlices(UnitSlices(slices), torch.device("cpu"), 0).course.steps
    each = seconds_a_step(log)
    return [shape, what, log[-1]["step"], each, course, each * course / 3600.0]
