"""The table of new shapes: a row for whatever is measured, as wide as its columns."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.bench_generate import COLUMNS, TITLES, note_of, rows_of
from neurfield.ddmi.compare import BASELINES


def test_there_is_a_row_for_each_baseline() -> None:
    names = ("coverage", "matching_distance", "neighbour_accuracy")
    found = {b: {name: 10.0 * k + j for j, name in enumerate(names)} for k, b in enumerate(BASELINES)}
    rows = rows_of(found)
    assert set(TITLES) == set(BASELINES) and len(rows) == len(BASELINES)
    assert all(len(row) == len(COLUMNS) for row in rows)
    assert {row[0]: row[1:] for row in rows}[TITLES["nearest"]] == list(found["nearest"].values())


def test_the_note_tells_what_was_learnt_from(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text(json.dumps({"held_out": {"iou": 0.25}}))
    note = note_of(tmp_path, {"classes": ["mug"], "learnt_from": 7, "size": "small"}, 0.125, 5, 64)
    assert "7 shapes of mug" in note and "5 held-out" in note and "0.125" in note and "0.250" in note
