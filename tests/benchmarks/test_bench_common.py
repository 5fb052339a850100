"""Tables line up, JSON is plain, and a command's memory is its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import common
from neurfield.errors import UserError


def test_table_has_one_width_a_column_text_left_and_numbers_right() -> None:
    rows = [["a", "x", 0.51234, 0.98765], ["longer name", "yy", 1234.5, None]]
    lines = common.markdown_table(["row", "kind", "seconds", "F"], rows).splitlines()
    assert len({len(line) for line in lines}) == 1
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[2:] == [["a", "x", "0.512", "0.988"], ["longer name", "yy", "1234", "-"]]
    assert [rule.endswith(":") for rule in lines[1].strip("|").split("|")] == [False, False, True, True]
    assert lines[2].startswith("| a  ") and lines[3].endswith("  - |")


def test_table_keeps_bars_inside_a_cell() -> None:
    line = common.markdown_table(["a", "b"], [["x|y", 1]]).splitlines()[2]
    assert line.replace("\\|", "").count("|") == 3


def test_table_refuses_a_row_of_another_length() -> None:
    with pytest.raises(ValueError, match="2 cells, the header 1"):
        common.markdown_table(["a"], [["x", 1]])


def test_json_takes_numpy_and_paths(tmp_path: Path) -> None:
    data = {"f": np.float32(0.5), "n": np.int64(3), "a": np.arange(2), "p": Path("runs")}
    written = common.write_json(tmp_path / "sub" / "x.json", data)
    assert json.loads(written.read_text()) == {"f": 0.5, "n": 3, "a": [0, 1], "p": "runs"}


def test_json_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        common.write_json(tmp_path / "x.json", {"x": object()})
    assert list(tmp_path.iterdir()) == []


def test_machine_record_is_json_and_names_the_machine() -> None:
    record = common.machine_record(yardstick=False)
    assert json.loads(json.dumps(record)) == record
    assert record["versions"]["torch"] and record["threads"] >= 1 and record["isa"] and record["cpu"]
    assert "yardstick_gflops" not in record


def test_yardstick_is_positive() -> None:
    assert common.yardstick_gflops(size=64, repeats=1) > 0


def test_measured_command_reports_status_output_and_its_own_memory() -> None:
    held_here = np.ones(40_000_000)  # 0.32 GB that must not count for the child
    small = common.run_measured([sys.executable, "-S", "-c", "print('hello'); raise SystemExit(3)"])
    large = common.run_measured(
        [sys.executable, "-S", "-c", "x = bytearray(200_000_000); x[::4096] = x[::4096]"]
    )
    assert (small.status, small.output) == (3, "hello\n")
    assert large.status == 0
    assert small.peak_gb < 0.1 < 0.19 < large.peak_gb < 0.3 < held_here.nbytes / 1e9


def test_a_users_mistake_is_one_line_and_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> None:
        raise UserError("no such room: make one")

    with pytest.raises(SystemExit) as ended:
        common.run_script(main)
    assert ended.value.code == 2 and capsys.readouterr().err == "no such room: make one\n"
