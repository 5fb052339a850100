"""Marching cubes of a dense grid on a GPU, beside our own on the CPU with the copies that it would take.

The peer is what one has to do without kernels for the GPU: copy the values to the CPU, and the mesh back.
"""

from __future__ import annotations

import sys

import torch

from benchmarks.bench_extraction import BOX, bumpy_sphere, dense_values, room, waves
from benchmarks.common import run_script
from benchmarks.gpu_common import Bench, gpu_arguments
from neurfield.ops import marching_cubes

FIELDS = {"room": room, "bumpy sphere": bumpy_sphere, "waves": waves}


def compare(bench: Bench, name: str, size: int) -> None:
    """One field at `size` cubes along an axis."""
    on_cpu = dense_values(FIELDS[name], BOX, 2.0 / size)
    values = on_cpu.to(bench.device)

    def through_the_cpu() -> None:
        for part in marching_cubes(values.cpu()):
            torch.as_tensor(part).to(bench.device)

    bench.compare(
        "marching cubes",
        f"{name}, {size}^3",
        {"ours": lambda: lambda: marching_cubes(values), "ours on the CPU, copied": lambda: through_the_cpu},
    )


def main() -> None:
    """A table of milliseconds."""
    parser = gpu_arguments(__doc__, "extraction")
    parser.add_argument("--size", type=int, default=256)
    args = parser.parse_args()
    bench = Bench(args)
    for name in FIELDS:
        compare(bench, name, bench.size(args.size, 16))
    sys.exit(bench.finish("Marching cubes"))


if __name__ == "__main__":
    run_script(main)
