"""Labels of patients made surfaces: how well meshes meet what was drawn, beside prisms on the contours.

There is no true surface. So it is told how well a label's mesh, cut by the planes, meets its contours, and
how much more volume it has than prisms: areas of contours times half the way to the planes beside them, on
either side, as planning systems reckon volumes.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import run_measured, say
from benchmarks.room_table import newest_run
from neurfield.inputs.slices.labels import volume
from neurfield.report.mesh_file import read_mesh
from neurfield.slices import Slices, inner_labels, regions, write_csl
from neurfield.slices.nesting import turned
from neurfield.slices.regions import ANY

COLUMNS = ("of", "label", "planes", "contour IoU", "in the worst plane", "volume %", "closed")
TITLE = "Labels of patients"


def label_rows(name: str, slices: Slices, quick: bool) -> list[list[Any]]:
    """A row of `COLUMNS` for each label, of one fit of all as a user would make it.

    Args:
        name: of what was drawn.
        slices: parallel.
        quick: whether 100 steps are enough.
    """
    parts = regions(slices, inner_labels(slices))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.csl"
        write_csl(slices, path, empty=True)
        steps = ["--steps", "100"] if quick else []
        run_measured(
            [sys.executable, "-m", "neurfield", "fit", "--slices", str(path), "--out", folder, *steps]
        )
        run = newest_run(Path(folder))
        metrics = json.loads((run / "metrics.json").read_text())
        if len(slices.labels) > 1:
            found = [(int(key.split()[0]), of) for key, of in metrics["labels"]["each"].items()]
        else:
            made = {**metrics["slices"], "closed": "", "volume": volume(read_mesh(run / "mesh.ply"))}
            found = [(ANY, made)]
    rows = []
    for label, of in found:
        there = sum(bool(one.contours) for one in parts[label].slices)
        more = 100.0 * (of["volume"] / prisms(parts[label]) - 1.0)
        called = slices.called(label) if label != ANY else ""
        rows.append(
            [name, called, there, of["contour_iou"], of["contour_iou_least"], more, of["closed"] or "-"]
        )
        say(str(rows[-1]))
    return rows


def prisms(slices: Slices) -> float:
    """The volume of contours of one label in parallel planes, each as far as halfway to its neighbours."""
    normal = slices.slices[0].plane.normal
    ordered = sorted(slices.slices, key=lambda one: float(one.plane.origin @ normal))
    places = np.array([float(one.plane.origin @ normal) for one in ordered])
    gaps = np.diff(places)
    thick = 0.5 * (np.append(gaps[:1], gaps) + np.append(gaps, gaps[-1:]))
    areas = np.array([sum(contour.area for contour in turned(one.contours)) for one in ordered])
    return float(areas @ thick)
