"""The hash grid: native kernels against the same in plain torch, in millions of points a second.

The step is what an eikonal loss asks of an encoding: features, their gradient along the points, and the
gradient of a loss on both with respect to the table. The raw kernels under it have no peer and stand alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.common import machine_record, markdown_table, run_script, say, write_json
from benchmarks.timing import Timing, timed
from neurfield.ops import hash_grid
from neurfield.ops.hash_grid import GridLayout
from neurfield.ops.reference import hash_grid as reference

HEADERS = ["work", "points", "log2 T", "native", "slowest", "fastest", "torch", "ratio"]
GROWTH = 1.447  # 16 levels from 16 to 4096 vertices along an axis


def step_of(
    encode: Callable[..., Tensor], points: Tensor, table: Tensor, layout: GridLayout
) -> Callable[[], None]:
    """Forward, gradient along the points, and backward of a loss on both."""
    leaf, weights = points.clone().requires_grad_(), table.clone().requires_grad_()

    def step() -> None:
        features = encode(leaf, weights, layout, "smoothstep")
        (gradient,) = torch.autograd.grad(features.sum(), leaf, create_graph=True)
        torch.autograd.grad(features.square().sum() + gradient.square().sum(), weights)

    return step


def measure(count: int, log2_table_size: int, repeats: int) -> list[list[object]]:
    """Rows of the table for one number of points and one size of the hash table."""
    layout = GridLayout(log2_table_size=log2_table_size, growth=GROWTH)
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(count, 3, generator=generator)
    table = torch.randn(layout.n_parameters, generator=generator)
    features, jacobian = hash_grid.encode_with_jacobian(points, table, layout)
    tangent, into = torch.randn(points.shape, generator=generator), torch.zeros_like(table)

    def scatter(along: Tensor | None, weights: Tensor | None) -> Callable[[], None]:
        return lambda: hash_grid.accumulate_table_gradient(points, features, along, weights, into, layout)

    works: list[tuple[str, Callable[[], object], Callable[[], object] | None]] = [
        (
            "encode",
            lambda: hash_grid.encode(points, table, layout),
            lambda: reference.encode(points, table, layout),
        ),
        (
            "eikonal step",
            step_of(hash_grid.hash_grid_encode, points, table, layout),
            step_of(reference.encode, points, table, layout),
        ),
        ("encode, jacobian", lambda: hash_grid.encode_with_jacobian(points, table, layout), None),
        ("jacobian product", lambda: hash_grid.jacobian_product(jacobian, tangent), None),
        ("jacobian^T product", lambda: hash_grid.jacobian_t_product(jacobian, features), None),
        ("scatter", scatter(None, None), None),
        ("scatter, tangent", scatter(tangent, features), None),
    ]
    rows: list[list[object]] = []
    for name, native, peer in works:
        ours = timed(native, repeats)
        theirs: Timing | None = timed(peer, max(3, repeats // 3)) if peer else None
        speeds = [count / seconds / 1e6 for seconds in (ours.median, ours.slowest, ours.fastest)]
        torchs = count / theirs.median / 1e6 if theirs else None
        rows.append([name, count, log2_table_size, *speeds, torchs, speeds[0] / torchs if torchs else None])
    return rows


def main() -> None:
    """A table of millions of points a second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, nargs="+", default=[24_576, 131_072])
    parser.add_argument("--log2-table-size", type=int, nargs="+", default=[15, 17, 19])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--out", type=Path, default=Path("runs/bench_hash_grid.json"))
    args = parser.parse_args()
    rows = []
    for count in args.points:
        for log2_table_size in args.log2_table_size:
            say(f"{count} points, 2^{log2_table_size} entries")
            rows += measure(count, log2_table_size, args.repeats)
    print(markdown_table(HEADERS, rows))
    print("\nMillions of points a second, random points, 16 levels of 2 features; torch: our own reference.")
    write_json(args.out, {"machine": machine_record(), "columns": HEADERS, "rows": rows})


if __name__ == "__main__":
    run_script(main)
