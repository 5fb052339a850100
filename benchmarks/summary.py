"""What issue 3 asked of the kernels, beside what the benchmarks found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Results = Mapping[str, Mapping[str, Any]]
NEEDED = ("encoding", "field", "roofline")
COLUMNS = ["on all threads, medians", "wanted", "measured"]


def value(results: Results, name: str, table: int, column: str, **where: object) -> float | None:
    """One cell of a table: of the row that has these values, columns by name with `_` for a space."""
    found = results[name]["tables"][table]
    wanted = {key.replace("_", " "): content for key, content in where.items()}
    for row in found["rows"]:
        cells = dict(zip(found["columns"], row))
        if all(cells.get(key) == content for key, content in wanted.items()):
            return cells[column]
    return None


def summary_rows(results: Results) -> list[list[Any]]:
    """A row a claim; a dash where the peer was not installed.

    Raises:
        KeyError: a result of `NEEDED` is missing.
    """

    def encoding(work: str, column: str) -> float | None:
        return value(results, "encoding", 0, column, work=work, log2_T=17)

    def field(work: str, who: str, column: str = "ours is x faster") -> float | None:
        return value(results, "field", 0, column, work=work, who=who)

    def share(kernel: str) -> float | None:
        return value(results, "roofline", 1, "share %", kernel=kernel)

    def network(column: str) -> float | None:
        return value(results, "field", 1, column, network_part="both: a step")

    def times(x: float | None) -> str:
        return "-" if x is None else f"{x:.3g} x"

    def percent(x: float | None) -> str:
        return "-" if x is None else f"{x:.0f} %"

    speed = field("step", "ours", "M points/s")
    return [
        ["hash grid forward, T=2^17, torch's time over ours", "40 x", times(encoding("forward", "x torch"))],
        ["the same, nerfstudio's", "40 x", times(encoding("forward", "x nerfstudio"))],
        ["the same, share of the random-load ceiling", "60 %", percent(share("grid forward, T=2^17"))],
        ["forward and backward, torch's", "20 x", times(encoding("forward, backward", "x torch"))],
        ["the same, nerfstudio's", "20 x", times(encoding("forward, backward", "x nerfstudio"))],
        ["field step, second order, torch autograd's", "20 x", times(field("step", "torch, autograd"))],
        ["the same, torch.compile's", "-", times(field("step", "torch.compile"))],
        ["the same, nerfstudio's", "20 x", times(field("step", "nerfstudio"))],
        ["the same, points a second", "2 M", "-" if speed is None else f"{speed:.3g} M"],
        ["network of the step, share of the multiply-add ceiling", "50 %", percent(network("done %"))],
        ["the same, recomputation not counted as work", "-", percent(network("of ceiling %"))],
    ]
