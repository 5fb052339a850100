"""How throughput changes with threads, with the number of points, and with the size of the hash table.

Encoding (values alone) and the field's training step (query, loss, backward with second-order terms), the
field of `bench_field`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.bench_field import make_field, ours, step_of
from benchmarks.common import run_script, say
from benchmarks.pictures import INSTALL, save_scaling
from benchmarks.script import Table, arguments, keep_memory, report
from benchmarks.timing import timed_in_turns
from neurfield.fields.sdf import SDFField
from neurfield.ops import grid

POINTS, LOG2_TABLE_SIZE = 65_536, 17
WORKS = ("encoding", "field step")


def works(field: SDFField, count: int) -> dict[str, Callable[[], object]]:
    """Encoding and training step of `count` random points."""
    points = torch.rand(count, 3, generator=torch.Generator().manual_seed(1)) * 2.0 - 1.0
    in_cube = points * 0.5 + 0.5
    table, layout = field.encoding.table.detach(), field.encoding.layout
    return {
        WORKS[0]: lambda: grid.encode(in_cube, table, layout),
        WORKS[1]: step_of(ours(field), points),
    }


def measure(label: Any, field: SDFField, count: int, repeats: int) -> list[Any]:
    """A row: the label, then median, slowest and fastest M points/s of each work."""
    say(f"{label}")
    found = timed_in_turns(works(field, count), repeats)
    return [label, *(rate for work in WORKS for rate in found[work].rates(count / 1e6))]


def main() -> None:
    """Three tables, and a picture beside the JSON."""
    keep_memory("benchmarks.bench_scaling")
    parser = arguments(__doc__, "scaling")
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    all_threads = torch.get_num_threads()
    threads = list(range(1, max(all_threads, os.cpu_count() or 1) + 1))
    counts = [2**10, 2**13, 2**16] if args.quick else [2**i for i in range(10, 21, 2)]
    sizes = [14, 17, 20] if args.quick else list(range(14, 22))
    field = make_field(LOG2_TABLE_SIZE)
    by_threads = []
    for number in threads:
        torch.set_num_threads(number)  # OpenMP's number, so the native kernels' too
        by_threads.append(measure(number, field, POINTS, args.repeats))
    torch.set_num_threads(all_threads)
    by_points = [measure(count, field, count, args.repeats) for count in counts]
    by_size = [measure(size, make_field(size), POINTS, args.repeats) for size in sizes]

    fixed = (
        f"{POINTS} points",
        f"T = 2^{LOG2_TABLE_SIZE}",
        f"{all_threads} thread{'s' if all_threads > 1 else ''}",
    )
    panels = [
        ("Threads", "threads", by_threads, 0, ", ".join(fixed[:2])),
        ("Points", "points", by_points, 2, ", ".join(fixed[1:])),
        ("Table size", "log2 T", by_size, 0, f"{fixed[0]}, {fixed[2]}"),
    ]
    picture = save_scaling(
        args.out.with_suffix(".png"),
        [
            {
                "title": f"{title}\n({conditions})",
                "xlabel": quantity,
                "x": [row[0] for row in rows],
                "powers": powers,
                "lines": {work: [row[1 + 3 * i] for row in rows] for i, work in enumerate(WORKS)},
            }
            for title, quantity, rows, powers, conditions in panels
        ],
    )
    report(
        args.out,
        [
            Table(
                f"{title} ({conditions})",
                [quantity, *(f"{work}{what}" for work in WORKS for what in ("", ", slowest", ", fastest"))],
                rows,
            )
            for title, quantity, rows, _, conditions in panels
        ],
        [
            "M points/s, medians, 16 levels of 2 features, random points; step: 2 x 64 ReLU.",
            *([] if picture else [f"No picture: `{INSTALL}`."]),
        ],
    )


if __name__ == "__main__":
    run_script(main)
