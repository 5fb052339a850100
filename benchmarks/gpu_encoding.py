"""Grids on a GPU: ours beside tiny-cuda-nn and plain torch, simplices beside cubes in 3-D and 4-D.

Forward, the backward into the table alone (of a graph that is kept), and what an eikonal loss asks for: the
gradient along the points, and the gradient of a loss on features and gradient by the table.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from benchmarks.bench_encoding import Encode, points_in
from benchmarks.common import run_script
from benchmarks.gpu_common import FLOAT16, FLOAT32, Bench, Function, gpu_arguments
from neurfield.ops import grid
from neurfield.ops.grid import GridLayout
from neurfield.ops.reference import grid as reference
from neurfield.ops.simplex_layout import SimplexLayout

GROWTH = 1.447  # 16 levels from 16 to 4096 vertices along an axis
Encoder = tuple[Encode, Tensor]  # an encoding, and its table as a leaf


def forward(points: Tensor, encode: Encode, table: Tensor) -> Function:
    """Features alone."""

    def run() -> None:
        with torch.no_grad():
            encode(points)

    return run


def backward(points: Tensor, encode: Encode, table: Tensor) -> Function:
    """The table's gradient from that of the features."""
    features = encode(points)
    cotangent = torch.randn(features.shape, generator=torch.Generator().manual_seed(2)).to(features)
    return lambda: torch.autograd.grad(features, table, cotangent, retain_graph=True)


def second_order(points: Tensor, encode: Encode, table: Tensor) -> Function:
    """Features, their gradient along the points, and the gradient of a loss on both by the table."""
    leaf = points.clone().requires_grad_()

    def run() -> None:
        features = encode(leaf)
        (gradient,) = torch.autograd.grad(features.sum(), leaf, create_graph=True)
        torch.autograd.grad(features.square().sum() + gradient.square().sum(), table)

    return run


WORKS = {"forward": forward, "backward": backward, "second order": second_order}


def ours(layout: GridLayout, device: torch.device) -> Encoder:
    """Our kernels, or what stands in for them."""
    table = (
        torch.randn(layout.n_parameters, generator=torch.Generator().manual_seed(1))
        .to(device)
        .requires_grad_()
    )
    return lambda points: grid.grid_encode(points, table, layout), table


def in_torch(layout: GridLayout, device: torch.device) -> Encoder:
    """Our reference."""
    _, table = ours(layout, device)
    return lambda points: reference.encode(points, table, layout), table


def tiny_cuda_nn(layout: GridLayout, precision: torch.dtype) -> Encoder:
    """tiny-cuda-nn's encoding of the same layout; float16 is what it takes by itself."""
    from neurfield.encodings import tcnn

    encoding = tcnn.grid_module(layout, "linear", precision)
    return encoding, encoding.params


def hash_grid(bench: Bench, layout: GridLayout, order: str, count: int) -> None:
    """All works on one set of points, beside all peers."""
    points = points_in(order, count).to(bench.device)
    setting = f"{count} points, {order}"
    for work, make in WORKS.items():
        makers: dict[str, Callable[[], Function]] = {
            "ours": lambda make=make: make(points, *ours(layout, bench.device)),
            "torch": lambda make=make: make(points, *in_torch(layout, bench.device)),
        }
        if bench.device.type == "cuda":
            makers[FLOAT32] = lambda make=make: make(points, *tiny_cuda_nn(layout, torch.float32))
            makers[FLOAT16] = lambda make=make: make(points, *tiny_cuda_nn(layout, torch.float16))
        bench.compare(f"hash grid {work}", setting, makers)


def simplices(bench: Bench, layout: GridLayout, count: int) -> None:
    """Simplices, timed as ours, beside cubes of the same levels."""
    dimensions = layout.dimensions
    points = torch.rand(count, dimensions, generator=torch.Generator().manual_seed(3)).to(bench.device)
    fields = {name: getattr(layout, name) for name in layout.__dataclass_fields__}
    for work, make in WORKS.items():
        bench.compare(
            f"simplex grid {dimensions}-D {work}",
            f"{count} points, random",
            {
                "ours": lambda make=make: make(points, *ours(SimplexLayout(**fields), bench.device)),
                "hash grid": lambda make=make: make(points, *ours(layout, bench.device)),
            },
        )


def main() -> None:
    """A table of milliseconds."""
    parser = gpu_arguments(__doc__, "encoding")
    parser.add_argument("--points", type=int, default=1 << 18)
    parser.add_argument("--log2-table-size", type=int, default=19)
    args = parser.parse_args()
    bench = Bench(args)
    count, log2_size = bench.size(args.points, 50), bench.size(args.log2_table_size, 8)
    layout = GridLayout(levels=bench.size(16, 3), log2_table_size=log2_size, growth=GROWTH)
    for order in ("random", "rays"):
        hash_grid(bench, layout, order, count)
    for dimensions in (3, 4):
        simplices(bench, replace(layout, dimensions=dimensions), count)
    levels = f"{layout.levels} levels of {layout.features}, T = 2^{log2_size}, linear"
    sys.exit(bench.finish(f"Grids: {levels}"))


if __name__ == "__main__":
    run_script(main)
