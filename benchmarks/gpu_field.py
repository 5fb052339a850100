"""One query of a hash-grid SDF on a GPU and the step that trains it, fused, beside what is composed.

A step is a query, a loss on value and gradient (eikonal), and the backward of that. Peers: our kernels one
after the other with torch in between, and the same field in plain torch with autograd's double backward.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch

from benchmarks import torch_field
from benchmarks.bench_field import GROWTH, HIDDEN, step_of
from benchmarks.common import run_script
from benchmarks.gpu_common import SEPARATE, TORCH, Bench, Function, gpu_arguments
from benchmarks.torch_field import Query
from neurfield.encodings import HashGrid
from neurfield.fields.sdf import SDFField
from neurfield.ops import fused_mlp
from neurfield.ops.sdf_query import sdf_query, sdf_values


def make_field(bench: Bench, log2_table_size: int) -> SDFField:
    """16 levels of 2 features and 2 x 64 ReLU, no weight zero."""
    encoding = HashGrid(levels=bench.size(16, 3), log2_table_size=log2_table_size, growth=GROWTH)
    field = SDFField(encoding, hidden=HIDDEN, feature_dim=15, activation="relu")
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return field.to(bench.device)


def network_of(field: SDFField) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Weights and biases."""
    layers: Sequence[Any] = list(field.layers)
    return [layer.weight for layer in layers], [layer.bias for layer in layers]


def query_of(field: SDFField, fused: bool | None, precision: str) -> Query:
    """Outputs and gradient by our operation, `fused` or of single kernels."""
    encoding: Any = field.encoding
    how: dict[str, Any] = {"interpolation": encoding.interpolation, "activation": "relu", "fused": fused}
    where = encoding.table, *network_of(field), encoding.layout
    return lambda points: sdf_query(points, *where, **how, precision=precision)


def values_of(field: SDFField, fused: bool | None, points: torch.Tensor) -> Function:
    """Outputs alone, as marching and extraction ask for."""
    encoding: Any = field.encoding
    how: dict[str, Any] = {"interpolation": encoding.interpolation, "activation": "relu", "fused": fused}
    where = encoding.table, *network_of(field), encoding.layout
    return lambda: sdf_values(points, *where, **how)


def compare(bench: Bench, field: SDFField, points: torch.Tensor, precision: str) -> None:
    """Query and step in one precision of the derivatives' products."""
    setting = f"{len(points)} points, {precision}"
    outputs, _ = torch_field.reference_outputs(field)
    fused, separate = query_of(field, None, precision), query_of(field, False, precision)
    by_autograd = torch_field.with_autograd(outputs)
    without_graph = torch_field.with_autograd(outputs, create_graph=False)
    bench.compare(
        "field query",
        setting,
        {
            "ours": lambda: lambda: fused(points),
            SEPARATE: lambda: lambda: separate(points),
            TORCH: lambda: lambda: without_graph(points),
        },
    )
    steps: dict[str, Callable[[], Function]] = {
        "ours": lambda: step_of(fused, points),
        SEPARATE: lambda: step_of(separate, points),
        TORCH: lambda: step_of(by_autograd, points),
    }
    bench.compare("field step", setting, steps)


def main() -> None:
    """A table of milliseconds."""
    parser = gpu_arguments(__doc__, "field")
    parser.add_argument("--points", type=int, default=1 << 17)
    parser.add_argument("--log2-table-size", type=int, default=19)
    args = parser.parse_args()
    bench = Bench(args)
    log2_size = bench.size(args.log2_table_size, 8)
    field = make_field(bench, log2_size)
    generator = torch.Generator().manual_seed(1)
    points = (torch.rand(bench.size(args.points, 40), 3, generator=generator) * 2.0 - 1.0).to(bench.device)
    for precision in fused_mlp.precisions_of(points):
        compare(bench, field, points, precision)
    bench.compare(
        "field values",
        f"{len(points)} points",
        {"ours": lambda: values_of(field, None, points), SEPARATE: lambda: values_of(field, False, points)},
    )
    sys.exit(bench.finish(f"Field: 16 x 2 hash grid, T = 2^{log2_size}, 2 x 64 ReLU", path=field.path))


if __name__ == "__main__":
    run_script(main)
