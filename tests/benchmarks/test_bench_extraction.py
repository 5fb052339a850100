"""The extraction benchmark, tiny."""

from __future__ import annotations

import pytest

from benchmarks import bench_extraction as bench


@pytest.mark.parametrize("field", [bench.bumpy_sphere, bench.room, bench.waves])
def test_grids(field: bench.Field) -> None:
    row, missing = bench.grid_row(field, "name", 16, repeats=1)
    assert len(row) == len(bench.GRID_COLUMNS)
    assert row.count(None) == 3 * len(missing)
    assert all(value is None or isinstance(value, str) or value > 0 for value in row)


def test_functions() -> None:
    row = bench.field_row(bench.room, "name", bench.BOX, 24, repeats=1)
    assert len(row) == len(bench.FIELD_COLUMNS)
    assert row[1] == "24 x 24 x 24" and row[3] == 100.0 and 0 < row[5] <= 100.0
