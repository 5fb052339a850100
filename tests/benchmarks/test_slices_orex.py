"""OReX cut short: how long a step is, and what is made of that."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from benchmarks import slices_orex
from neurfield.points import RefinedSlices
from neurfield.slices import cut, parallel_planes, write_csl
from neurfield.slices.unit_slices import UnitSlices

BALL = trimesh.creation.icosphere(2, 3.0)
SLICES = cut(BALL, parallel_planes(np.asarray(BALL.bounds), 5), "ball")


def test_the_first_steps_do_not_count() -> None:
    log = [{"step": step, "seconds": 10.0 + 2.0 * step} for step in range(1, 6)]
    assert slices_orex.seconds_a_step(log) == pytest.approx(2.0)
    assert slices_orex.seconds_a_step([{"step": 1, "seconds": 9.0}, *log[1:]]) == pytest.approx(2.0)
    assert slices_orex.seconds_a_step(log[:1]) == 0.0


def test_hours_follow_from_a_step_and_the_course_of_these_slices() -> None:
    log = [{"step": step, "seconds": 3.0 * step} for step in range(1, 9)]
    row = dict(zip(slices_orex.COLUMNS, slices_orex.course_row("ball", "5 layers", SLICES, log)))
    course = RefinedSlices(UnitSlices(SLICES), torch.device("cpu"), 0).course.steps
    assert (
        row["steps"] == 8 and row["s a step"] == pytest.approx(3.0) and row["steps of its course"] == course
    )
    assert row["hours of its course, extrapolated"] == pytest.approx(3.0 * course / 3600.0)
    assert slices_orex.CutShort(0.0).tables == []


@pytest.mark.slow
def test_a_fit_is_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "ball.csl"
    write_csl(SLICES, path)
    orex = slices_orex.CutShort(1e-3)
    by, mesh, seconds = orex.fit("ball", "5 layers", SLICES, path, tmp_path)
    assert by == "orex, 4 steps" and seconds > 0.0
    assert mesh is None or len(mesh.faces)
    (table,) = orex.tables
    assert "extrapolated" in table.title and table.rows[0][2] == 4 and table.rows[0][3] > 0.0
