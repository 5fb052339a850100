"""Tiny networks: native kernels against plain torch with autograd, in millions of points a second.

An eikonal step is the network's outputs, the gradient of the first one, and the backward of a loss on both.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.common import machine_record, markdown_table, run_script, write_json
from benchmarks.timing import timed
from neurfield.ops import fused_mlp

HEADERS = ["network", "work", "points", "native", "slowest", "fastest", "torch", "ratio"]
NETWORKS = {
    "35-64-64-16 softplus": ((35, 64, 64, 16), "softplus", 100.0, "none"),
    "35-64-64-16 relu": ((35, 64, 64, 16), "relu", 1.0, "none"),
    "34-64-64-3 relu, sigmoid": ((34, 64, 64, 3), "relu", 1.0, "sigmoid"),
}
# glibc hands large blocks back to the kernel at every free; torch, which allocates each intermediate, is up
# to twice as fast without that, and a peer is to be met at its best.
KEEP_MEMORY = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "100000000000",
    "MALLOC_TOP_PAD_": "268435456",
}


def torch_network(
    inputs: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    activation: str,
    beta: float,
    output: str,
) -> Tensor:
    """The network as one would write it in torch."""
    a = inputs
    for weight, bias in zip(weights[:-1], biases[:-1]):
        z = F.linear(a, weight, bias)
        a = F.softplus(z, beta=beta) if activation == "softplus" else F.relu(z)
    outputs = F.linear(a, weights[-1], biases[-1])
    return torch.sigmoid(outputs) if output == "sigmoid" else outputs


def works(
    widths: Sequence[int], activation: str, beta: float, output: str, points: int
) -> list[tuple[str, Callable[[], object], Callable[[], object]]]:
    """Name, native, and torch of everything one asks of a network."""
    generator = torch.Generator().manual_seed(0)
    shapes = list(zip(widths[1:], widths[:-1]))
    weights = [torch.randn(shape, generator=generator) * (2 / shape[1]) ** 0.5 for shape in shapes]
    biases = [torch.randn(shape[0], generator=generator) * 0.1 for shape in shapes]
    inputs = torch.randn(points, widths[0], generator=generator) * 0.5
    leaves = [t.clone().requires_grad_() for t in (inputs, *weights, *biases)]
    x, w, b = leaves[0], leaves[1 : len(weights) + 1], leaves[len(weights) + 1 :]
    details = (activation, beta, output)

    def torch_gradient(create_graph: bool) -> tuple[Tensor, Tensor]:
        outputs = torch_network(x, w, b, *details)
        (gradient,) = torch.autograd.grad(outputs[:, 0].sum(), x, create_graph=create_graph)
        return outputs, gradient

    def eikonal(outputs: Tensor, gradient: Tensor) -> object:
        return torch.autograd.grad(outputs.square().sum() + (gradient.norm(dim=1) - 1).square().sum(), leaves)

    def torch_forward() -> Tensor:
        with torch.no_grad():
            return torch_network(inputs, weights, biases, *details)

    found: list[tuple[str, Callable[[], object], Callable[[], object]]] = [
        ("forward", lambda: fused_mlp.mlp_forward(inputs, weights, biases, *details), torch_forward),
        (
            "forward, backward",
            lambda: torch.autograd.grad(fused_mlp.mlp(x, w, b, *details).square().sum(), leaves),
            lambda: torch.autograd.grad(torch_network(x, w, b, *details).square().sum(), leaves),
        ),
    ]
    if output == "none":
        found += [
            (
                "forward with gradient",
                lambda: fused_mlp.mlp_forward(inputs, weights, biases, *details, gradient=True),
                lambda: torch_gradient(create_graph=False),
            ),
            (
                "eikonal step",
                lambda: eikonal(*fused_mlp.mlp_with_gradient(x, w, b, activation, beta)),
                lambda: eikonal(*torch_gradient(create_graph=True)),
            ),
        ]
    return found


def main() -> None:
    """A table of millions of points a second (medians), and how many times torch's speed that is."""
    if sys.platform == "linux" and any(os.environ.get(name) != value for name, value in KEEP_MEMORY.items()):
        command = [sys.executable, "-m", "benchmarks.bench_fused_mlp", *sys.argv[1:]]
        os.execve(sys.executable, command, os.environ | KEEP_MEMORY)  # glibc reads them when a process starts
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=32768)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--out", type=Path, default=Path("runs/bench_fused_mlp.json"))
    args = parser.parse_args()
    rows: list[list[object]] = []
    for network, (widths, activation, beta, output) in NETWORKS.items():
        for work, native, peer in works(widths, activation, beta, output, args.points):
            # in turns, so that a busy neighbour slows both
            pairs = [(timed(native, 1).median, timed(peer, 1).median) for _ in range(args.repeats)]
            ours, theirs = (sorted(seconds) for seconds in zip(*pairs))
            chosen = (median(ours), ours[-1], ours[0], median(theirs))
            speeds = [args.points / 1e6 / seconds for seconds in chosen]
            rows.append([network, work, args.points, *speeds, median(theirs) / median(ours)])
    print(markdown_table(HEADERS, rows))
    write_json(args.out, {"machine": machine_record(), "columns": HEADERS, "rows": rows})


if __name__ == "__main__":
    run_script(main)
