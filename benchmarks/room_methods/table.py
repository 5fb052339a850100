"""The rows of measured fits as tables, and the tables of several calls as one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.room_methods.parts import NAMES, THRESHOLDS
from benchmarks.script import Table
from neurfield.errors import UserError

Row = dict[str, Any]
KEPT = ("seconds", "start", "steps", "tries", "peak_gb", "run", "command")  # of what a fit left

COLUMNS = (
    "scene", "priors", "method", "budget s", "took s", "of it before the first step", "steps", "F@5cm",
    "F@1cm", "Chamfer cm", "normals", "PSNR dB, held out", "F@5cm of objects", "peak GB",
)  # fmt: skip
PART_COLUMNS = (
    "scene", "priors", "method", "budget s",
    *(f"{name}, {100 * threshold:g} cm" for name in NAMES for threshold in THRESHOLDS),
)  # fmt: skip
NOTE = (
    "All methods: the pictures and both ambiguous priors, no measured depth, every eighth frame held out."
    " Took: from the command's start to the mesh. Steps: as many as end within the budget, chosen before the"
    " fit by its pace, and its schedules end with them; numbers are those of the preset `quick` up to 60 s,"
    " of `best` above 120 s."
    " Chamfer is the mean of accuracy and completeness. Peak: of the whole command, which measures and draws"
    " after the mesh. Nothing is tuned on room1 and room2."
)
PARTS_NOTE = (
    "Recall: the share of the true surface's points, spread by area, that some camera sees, within so many"
    " centimetres of the mesh. Thin: legs, poles, slats, ribs, stems, leaves (connected parts of chairs,"
    " tables, lamps, blinds, radiators, plants and their like, less than 6 cm across and three times as"
    " long, leaves less than 12 cm). Dark: the tenth of all seen points that the pictures show darkest, by"
    " mean luminance over the views that see them; low contrast: the tenth whose luminance deviates least in"
    " a window of 1.5 % of the picture's width around them."
)


def row_of(facts: Mapping[str, Any], told: Mapping[str, Any], recall: Mapping[str, Any]) -> Row:
    """All that is kept of a fit.

    Args:
        facts: as `fits.fit_within` gives them.
        told: scene, priors, method, preset, budget, commit.
        recall: of parts, as `Parts.recall` gives it; empty without a mesh.
    """
    metrics = facts.get("metrics", {})
    geometry, images = metrics.get("geometry", {}), metrics.get("images", {})
    held_out = images.get("psnr") if images.get("frames") == "held out" else None
    kept = {key: facts.get(key) for key in KEPT}
    trouble = facts.get("trouble") or "; ".join(metrics.get("troubles", {}).values()) or None
    return {
        **told, **kept, "trouble": trouble, "geometry": geometry, "recall": dict(recall), "psnr": held_out,
        "objects": f_of_objects(metrics),
    }  # fmt: skip


def f_of_objects(metrics: Mapping[str, Any]) -> float | None:
    """The mean F@5cm of a run's objects, as `neurfield eval --objects` keeps it; None of methods without."""
    objects = metrics.get("objects")
    return objects.get("f_score@0.05") if isinstance(objects, dict) else None


def tables_of(rows: Sequence[Row]) -> list[Table]:
    """Both tables, rows in order of room, priors, budget and method."""
    ordered = sorted(rows, key=lambda row: (row["scene"], row["priors"], row["budget"]))  # stable
    return [
        Table("Room methods within equal times", COLUMNS, [cells(row) for row in ordered]),
        Table("Recall of thin parts, dark places, places of low contrast", PART_COLUMNS,
              [part_cells(row) for row in ordered]),
    ]  # fmt: skip


def _head(row: Row) -> list[Any]:
    method = row["method"] if row["trouble"] is None else f"{row['method']}: {row['trouble'][:80]}"
    return [row["scene"], row["priors"], method, row["budget"]]


def cells(row: Row) -> list[Any]:
    """A row's values in the order of COLUMNS."""
    geometry = row["geometry"]
    chamfer = None if "chamfer_l1" not in geometry else 100 * geometry["chamfer_l1"]
    shape = [geometry.get("f_score@0.05"), geometry.get("f_score@0.01"), chamfer]
    times = [row["seconds"], row["start"], row["steps"]]
    shown = [geometry.get("normal_consistency"), row["psnr"], row["objects"], row["peak_gb"]]
    return [*_head(row), *times, *shape, *shown]


def part_cells(row: Row) -> list[Any]:
    """A row's values in the order of PART_COLUMNS."""
    keys = [f"{name}@{threshold:g}" for name in NAMES for threshold in THRESHOLDS]
    return [*_head(row), *(row["recall"].get(key) for key in keys)]


def merged(files: Sequence[Path]) -> tuple[list[Row], dict[str, Any]]:
    """The rows of several calls' files, and what the newest of them says of its machine, with all commits.

    Of two rows of the same fit the one of the later file in the list stays, in the place of the first.

    Raises:
        UserError: a file is none that this benchmark wrote, or they are of different machines.
    """
    rows: dict[tuple[Any, ...], Row] = {}
    machines: list[dict[str, Any]] = []
    for file in files:
        try:
            content = json.loads(file.read_text())
            machines.append(content["machine"])
            rows |= {tuple(row[key] for key in ("scene", "priors", "method", "budget")): row
                     for row in content["rows"]}  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError) as trouble:
            reason = f"{type(trouble).__name__}: {trouble}"
            raise UserError(f"{file}: not a file that benchmarks.room_methods wrote ({reason})") from trouble
    differing = {(one["cpu"], one["threads"]) for one in machines}
    if len(differing) > 1:
        raise UserError(
            "these files are of different machines or threads, whose times cannot stand in one table: "
            f"{'; '.join(sorted(f'{cpu}, {threads} threads' for cpu, threads in differing))}"
        )
    newest = max(machines, key=lambda one: one["time"])
    commits = list(dict.fromkeys(row["commit"] for row in rows.values()))
    return list(rows.values()), {**newest, "commit": ", ".join(commits) or newest["commit"]}
