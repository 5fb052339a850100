"""Adam over a hash table: one native pass against torch's own, from few to all entries with a gradient."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from benchmarks.common import machine_record, markdown_table, run_script, write_json
from benchmarks.timing import timed
from neurfield.ops.adam import adam_step

HEADERS = ["entries", "touched", "skipping ms", "dense ms", "torch ms", "torch fused ms", "ratio to fused"]


def measure(size: int, share: float, repeats: int) -> list[float]:
    """Milliseconds of a step: ours skipping, ours dense, torch's plain and fused, and fused over skipping."""
    generator = torch.Generator().manual_seed(0)
    parameter, first, second = torch.randn(size, generator=generator), torch.zeros(size), torch.zeros(size)
    touched = torch.rand(size // 2, generator=generator) < share  # both features of an entry, or none
    gradient = torch.randn(size, generator=generator) * touched.repeat_interleave(2)

    def ours(skip_zero: bool) -> float:
        return timed(
            lambda: adam_step(parameter, gradient, first, second, 5, 1e-2, skip_zero=skip_zero), repeats
        ).median

    def torchs(fused: bool) -> float:
        leaf = torch.nn.Parameter(parameter.clone())
        leaf.grad = gradient
        return timed(torch.optim.Adam([leaf], lr=1e-2, fused=fused).step, repeats).median

    seconds = [ours(True), ours(False), torchs(False), torchs(True)]
    return [*(1e3 * s for s in seconds), seconds[3] / seconds[0]]


def main() -> None:
    """A table of milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log2-size", type=int, default=23)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--out", type=Path, default=Path("runs/bench_adam.json"))
    args = parser.parse_args()
    size = 2**args.log2_size
    rows = [[size, share, *measure(size, share, args.repeats)] for share in (0.0, 0.001, 0.01, 0.1, 1.0)]
    print(markdown_table(HEADERS, rows))
    write_json(args.out, {"machine": machine_record(), "columns": HEADERS, "rows": rows})


if __name__ == "__main__":
    run_script(main)
