"""The hash grid: native kernels against plain torch, ours and nerfstudio's, in millions of points a second.

The eikonal step is what a loss on the spatial gradient asks of an encoding: features, their gradient along
the points, and the gradient of a loss on both with respect to the table. All three interpolate linearly,
which is all that nerfstudio's torch encoding does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from benchmarks import nerfstudio_peer
from benchmarks.common import run_script, say
from benchmarks.script import Table, arguments, keep_memory, report, text_row
from benchmarks.timing import timed_in_turns
from neurfield.ops import grid
from neurfield.ops.grid import GridLayout
from neurfield.ops.reference import grid as reference

GROWTH = 1.447  # 16 levels from 16 to 4096 vertices along an axis
SAMPLES_A_RAY = 64
COLUMNS = ["work", "points", "log2 T", "ours", "slowest", "fastest", "torch", "nerfstudio", "x torch",
           "x nerfstudio"]  # fmt: skip
Encode = Callable[[Tensor], Tensor]
NOTES = [
    "Millions of points a second, medians; 16 levels of 2 features, finest resolution 4096. torch: our own "
    "reference, same numbers; nerfstudio: its `HashEncoding(implementation='torch')`, same levels, "
    "features and table size. All in turns in one process, with glibc keeping freed memory (which only "
    "torch needs).",
]  # fmt: skip


def points_in(order: str, count: int) -> Tensor:
    """`count` points of the unit cube [count, 3]: "random", or "rays": evenly along rays, ray after ray."""
    generator = torch.Generator().manual_seed(0)
    if order == "random":
        return torch.rand(count, 3, generator=generator)
    n_rays = -(-count // SAMPLES_A_RAY)
    start, end = torch.rand(2, n_rays, 1, 3, generator=generator)
    along = (torch.arange(SAMPLES_A_RAY)[:, None] + 0.5) / SAMPLES_A_RAY
    return (start + along * (end - start)).reshape(-1, 3)[:count].contiguous()


def works(points: Tensor, encode: Encode, table: Tensor) -> dict[str, Callable[[], object]]:
    """Everything one asks of an encoding, whose parameters are the leaf `table`."""
    leaf = points.clone().requires_grad_()

    def forward() -> None:
        with torch.no_grad():
            encode(points)

    def both() -> None:
        torch.autograd.grad(encode(points).square().sum(), table)

    def step() -> None:
        features = encode(leaf)
        (gradient,) = torch.autograd.grad(features.sum(), leaf, create_graph=True)
        torch.autograd.grad(features.square().sum() + gradient.square().sum(), table)

    return {"forward": forward, "forward, backward": both, "eikonal step": step}


def encoders(layout: GridLayout) -> Iterator[tuple[str, Encode, Tensor]]:
    """Name, function and table of ours, of our reference, and of nerfstudio's where it is installed."""
    table = torch.randn(layout.n_parameters, generator=torch.Generator().manual_seed(1)).requires_grad_()
    yield "ours", lambda points: grid.grid_encode(points, table, layout), table
    yield "torch", lambda points: reference.encode(points, table, layout), table
    if nerfstudio_peer.installed():
        theirs = nerfstudio_peer.hash_encoding(layout)
        yield "nerfstudio", theirs, theirs.hash_table


def measure(points: Tensor, log2_table_size: int, repeats: int) -> list[list[object]]:
    """Work, then numbers from `ours` on, for one set of points and one table size."""
    layout = GridLayout(log2_table_size=log2_table_size, growth=GROWTH)
    by_work: dict[str, dict[str, Callable[[], object]]] = {}
    for name, encode, table in encoders(layout):
        for work, function in works(points, encode, table).items():
            by_work.setdefault(work, {})[name] = function
    rows: list[list[object]] = []
    for work, functions in by_work.items():
        found = timed_in_turns(functions, repeats)
        ours = found["ours"].rates(len(points) / 1e6)
        peers = [len(points) / 1e6 / found[p].median if p in found else None for p in COLUMNS[6:8]]
        rows.append([work, *ours, *peers, *(ours[0] / p if p else None for p in peers)])
    return rows


def main() -> None:
    """A table of millions of points a second."""
    keep_memory("benchmarks.bench_encoding")
    parser = arguments(__doc__, "encoding")
    parser.add_argument("--points", type=int, default=65_536)
    parser.add_argument("--log2-table-size", type=int, nargs="+", default=[15, 17, 19])
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    sizes, count = ([17], 16_384) if args.quick else (args.log2_table_size, args.points)
    tables = []
    for order in ("random", "rays"):
        rows: list[list[object]] = []
        for size in sizes:
            say(f"{order} points, 2^{size} entries")
            found = measure(points_in(order, count), size, args.repeats)
            rows += [[work, count, size, *numbers] for work, *numbers in found]
        if not nerfstudio_peer.installed():
            rows.append(text_row(COLUMNS, nerfstudio_peer.MISSING))
        title = {"random": "Random points", "rays": f"Points along rays, {SAMPLES_A_RAY} a ray"}[order]
        tables.append(Table(title, COLUMNS, rows))
    report(args.out, tables, NOTES)


if __name__ == "__main__":
    run_script(main)
