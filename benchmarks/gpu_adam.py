"""Adam over a hash table on a GPU: our one pass beside torch's, from few to all entries with a gradient."""

from __future__ import annotations

import sys

import torch

from benchmarks.common import run_script
from benchmarks.gpu_common import Bench, Function, gpu_arguments
from neurfield.ops.adam import adam_step

SHARES = (0.01, 0.1, 1.0)


def compare(bench: Bench, size: int, share: float) -> None:
    """One step where `share` of the entries, of two features each, got a gradient."""
    generator = torch.Generator().manual_seed(0)
    parameter, first, second = torch.randn(size, generator=generator), torch.zeros(size), torch.zeros(size)
    touched = torch.rand(size // 2, generator=generator) < share
    gradient = torch.randn(size, generator=generator) * touched.repeat_interleave(2)
    parameter, gradient, first, second = (t.to(bench.device) for t in (parameter, gradient, first, second))

    def torchs(fused: bool) -> Function:
        leaf = torch.nn.Parameter(parameter.clone())
        leaf.grad = gradient
        return torch.optim.Adam([leaf], lr=1e-2, fused=fused).step

    bench.compare(
        "adam",
        f"{size} numbers, {share:.0%} touched",
        {
            "ours": lambda: lambda: adam_step(parameter, gradient, first, second, 5, 1e-2, skip_zero=True),
            "ours, dense": lambda: lambda: adam_step(parameter, gradient, first, second, 5, 1e-2),
            "torch": lambda: torchs(fused=False),
            "torch fused": lambda: torchs(fused=True),
        },
    )


def main() -> None:
    """A table of milliseconds."""
    parser = gpu_arguments(__doc__, "adam")
    parser.add_argument("--log2-size", type=int, default=24)
    args = parser.parse_args()
    bench = Bench(args)
    for share in SHARES:
        compare(bench, 2 ** bench.size(args.log2_size, 10), share)
    sys.exit(bench.finish("One step of Adam over a hash table"))


if __name__ == "__main__":
    run_script(main)
