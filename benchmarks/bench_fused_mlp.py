"""Tiny networks: native kernels against plain torch with autograd, in millions of points a second.

An eikonal step is the network's outputs, the gradient of the first one, and the backward of a loss on both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.common import run_script
from benchmarks.script import Table, arguments, keep_memory, report
from benchmarks.timing import timed_in_turns
from neurfield.ops import fused_mlp

COLUMNS = ["network", "work", "points", "ours", "slowest", "fastest", "torch", "x torch"]
NETWORKS = {
    "35-64-64-16 softplus": ((35, 64, 64, 16), "softplus", 100.0, "none"),
    "35-64-64-16 relu": ((35, 64, 64, 16), "relu", 1.0, "none"),
    "34-64-64-3 relu, sigmoid": ((34, 64, 64, 3), "relu", 1.0, "sigmoid"),
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
    keep_memory("benchmarks.bench_fused_mlp")
    parser = arguments(__doc__, "fused_mlp")
    parser.add_argument("--points", type=int, default=32_768)
    parser.add_argument("--repeats", type=int, default=7)
    args = parser.parse_args()
    count = 8_192 if args.quick else args.points
    rows: list[list[object]] = []
    for network, (widths, activation, beta, output) in NETWORKS.items():
        for work, native, peer in works(widths, activation, beta, output, count):
            found = timed_in_turns({"ours": native, "torch": peer}, args.repeats)
            theirs = count / 1e6 / found["torch"].median
            rates = found["ours"].rates(count / 1e6)
            rows.append([network, work, count, *rates, theirs, rates[0] / theirs])
    report(
        args.out,
        [Table("Tiny networks", COLUMNS, rows)],
        ["Millions of points a second; torch: the same network with autograd, glibc keeping freed memory."],
    )


if __name__ == "__main__":
    run_script(main)
