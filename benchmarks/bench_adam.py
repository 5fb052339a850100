"""Adam over a hash table: one native pass against torch's own, from few to all entries with a gradient."""

from __future__ import annotations

import torch

from benchmarks.common import run_script
from benchmarks.script import Table, arguments, keep_memory, report
from benchmarks.timing import timed_in_turns
from neurfield.ops.adam import adam_step

COLUMNS = ["entries", "touched", "skipping ms", "slowest", "fastest", "dense ms", "torch ms",
           "torch fused ms", "x fused"]  # fmt: skip


def measure(size: int, share: float, repeats: int) -> list[float]:
    """Milliseconds of a step: ours skipping untouched entries (median, slowest, fastest), ours dense, torch's
    plain and fused; and how many times the fused one's speed the first is."""
    generator = torch.Generator().manual_seed(0)
    parameter, first, second = torch.randn(size, generator=generator), torch.zeros(size), torch.zeros(size)
    touched = torch.rand(size // 2, generator=generator) < share  # both features of an entry, or none
    gradient = torch.randn(size, generator=generator) * touched.repeat_interleave(2)

    def torchs(fused: bool) -> torch.optim.Adam:
        leaf = torch.nn.Parameter(parameter.clone())
        leaf.grad = gradient
        return torch.optim.Adam([leaf], lr=1e-2, fused=fused)

    found = timed_in_turns(
        {
            "skipping": lambda: adam_step(parameter, gradient, first, second, 5, 1e-2, skip_zero=True),
            "dense": lambda: adam_step(parameter, gradient, first, second, 5, 1e-2),
            "torch": torchs(fused=False).step,
            "torch fused": torchs(fused=True).step,
        },
        repeats,
    )
    ours, *others = found.values()
    times = [ours.median, ours.slowest, ours.fastest, *(other.median for other in others)]
    return [*(1e3 * seconds for seconds in times), found["torch fused"].median / ours.median]


def main() -> None:
    """A table of milliseconds."""
    keep_memory("benchmarks.bench_adam")
    parser = arguments(__doc__, "adam")
    parser.add_argument("--log2-size", type=int, default=23)
    parser.add_argument("--repeats", type=int, default=7)
    args = parser.parse_args()
    size = 2 ** (20 if args.quick else args.log2_size)
    shares = (0.01, 1.0) if args.quick else (0.0, 0.001, 0.01, 0.1, 1.0)
    rows = [[size, share, *measure(size, share, args.repeats)] for share in shares]
    report(
        args.out,
        [Table("One step of Adam over a hash table", COLUMNS, rows)],
        [
            "`touched`: the share of entries with a gradient; skipping leaves the others and their moments "
            "alone, as tiny-cuda-nn does. torch: `torch.optim.Adam`, which has no such mode."
        ],
    )


if __name__ == "__main__":
    run_script(main)
