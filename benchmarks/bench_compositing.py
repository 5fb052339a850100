"""Compositing packed samples: one native pass per ray against the same in plain torch."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.common import machine_record, markdown_table, run_script, write_json
from benchmarks.timing import timed
from neurfield import ops
from neurfield.ops.reference import compositing as reference

CHANNELS = 7  # colour, normal, distance
Composite = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]


def measure(composite: Composite, n_rays: int, samples: int) -> tuple[float, float]:
    """Milliseconds of the forward pass, and of it with the backward pass."""
    generator = torch.Generator().manual_seed(0)
    counts = torch.randint(0, 2 * samples, (n_rays,), generator=generator)
    info = torch.stack([counts.cumsum(0) - counts, counts], dim=1)
    alpha = torch.rand(int(counts.sum()), generator=generator).mul_(0.3).requires_grad_()
    values = torch.rand(alpha.shape[0], CHANNELS, generator=generator).requires_grad_()

    def forward() -> tuple[Tensor, Tensor, Tensor]:
        return composite(alpha, values, info)

    def both() -> None:
        accumulated, opacity, weights = forward()
        loss = accumulated.square().sum() + opacity.sum() + weights.square().sum()
        torch.autograd.grad(loss, [alpha, values])

    with torch.no_grad():
        alone = timed(forward)
    return 1e3 * alone.median, 1e3 * timed(both).median


def main() -> None:
    """A table of milliseconds and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/bench_compositing.json"))
    args = parser.parse_args()
    rows = []
    for n_rays, samples in [(1024, 24), (4096, 24), (4096, 128)]:
        native, torch_ = (measure(c, n_rays, samples) for c in (ops.composite, reference.composite))
        rows.append([n_rays, samples, *native, *torch_, torch_[0] / native[0], torch_[1] / native[1]])
    headers = [
        "rays",
        "samples",
        "forward ms",
        "+ backward ms",
        "torch ms",
        "torch + backward ms",
        "ratio",
        "ratio both",
    ]
    print(markdown_table(headers, rows))
    write_json(args.out, {"machine": machine_record(), "columns": headers, "rows": rows})


if __name__ == "__main__":
    run_script(main)
