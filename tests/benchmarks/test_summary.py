"""Claims are looked up in the tables that the benchmarks write."""

from __future__ import annotations

from typing import Any

from benchmarks import bench_encoding, bench_field, bench_roofline, summary


def row(columns: list[str], **cells: Any) -> list[Any]:
    named = {key.replace("_", " "): value for key, value in cells.items()}
    return [named.get(column, 1.0) for column in columns]


def results() -> dict[str, dict[str, Any]]:
    encoding = [
        row(bench_encoding.COLUMNS, work="forward", log2_T=15, x_torch=1.0),
        row(bench_encoding.COLUMNS, work="forward", log2_T=17, x_torch=41.0, x_nerfstudio=None),
        row(bench_encoding.COLUMNS, work="forward, backward", log2_T=17, x_torch=21.0),
    ]
    field = [
        row(bench_field.COLUMNS, work="step", who="ours"),
        [*row(bench_field.COLUMNS, work="step", who="torch, autograd")[:-1], 33.0],
    ]
    network = [row(bench_field.NETWORK_COLUMNS, network_part="both: a step")]
    roofline = [row(bench_roofline.KERNEL_COLUMNS, kernel="grid forward, T=2^17")]

    def table(columns: list[str], rows: list[list[Any]]) -> dict[str, Any]:
        return {"columns": columns, "rows": rows}

    return {
        "encoding": {"tables": [table(bench_encoding.COLUMNS, encoding)]},
        "field": {"tables": [table(bench_field.COLUMNS, field), table(bench_field.NETWORK_COLUMNS, network)]},
        "roofline": {"tables": [table([], []), table(bench_roofline.KERNEL_COLUMNS, roofline)]},
    }


def test_each_claim_finds_its_cell() -> None:
    rows = {row[0]: row[2] for row in summary.summary_rows(results())}
    assert rows["hash grid forward, T=2^17, torch's time over ours"] == "41 x"
    assert rows["field step, second order, torch autograd's"] == "33 x"
    assert rows["the same, points a second"] == "1 M"
    assert rows["network of the step, share of the multiply-add ceiling"] == "1 %"


def test_what_was_not_measured_is_a_dash() -> None:
    rows = summary.summary_rows(results())
    assert [row[2] for row in rows if row[0].endswith("torch.compile's")] == ["-"]
    assert rows[1][2] == "-"  # nerfstudio was not there
