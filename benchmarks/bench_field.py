"""One query of a hash-grid SDF, and the step that trains it, in millions of points a second.

A query is the network's outputs and the SDF's spatial gradient; a step is a query, a loss on value and
gradient (eikonal), and the backward of that, second-order terms included. Peers are the same field in plain
torch with autograd's double backward, that through torch.compile, and nerfstudio's parts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import torch
from torch import Tensor

from benchmarks import nerfstudio_peer, torch_field
from benchmarks.common import run_script, say
from benchmarks.script import Table, arguments, keep_memory, report, text_row
from benchmarks.timing import timed, timed_in_turns
from benchmarks.torch_field import Query
from benchmarks.work import network_work
from neurfield.encodings import HashGrid
from neurfield.fields.sdf import SDFField
from neurfield.ops import fused_mlp, native
from neurfield.ops.sdf_query import sdf_query

GROWTH = 1.447  # 16 levels from 16 to 4096 vertices along an axis
HIDDEN = (64, 64)
COLUMNS = ["work", "who", "M points/s", "slowest", "fastest", "ours is x faster"]
NETWORK_COLUMNS = ["network part", "M points/s", "GFLOP/s needed", "of ceiling %", "GFLOP/s done", "done %"]
ORDER = ("ours", "ours, bfloat16", "torch, autograd", "torch.compile", "nerfstudio")


def make_field(log2_table_size: int = 17) -> SDFField:
    """16 levels of 2 features, linear (which is all that nerfstudio's does), and 2 x 64 ReLU."""
    encoding = HashGrid(levels=16, features=2, log2_table_size=log2_table_size, growth=GROWTH)
    field = SDFField(encoding, hidden=HIDDEN, feature_dim=15, activation="relu")
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in field.parameters():  # a field that has learnt something: no weight is zero
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return field


def ours(field: SDFField, precision: str = "float32") -> Query:
    """Outputs and gradient by the field's own operation, its derivatives' products in this precision."""
    layers: Sequence[Any] = list(field.layers)
    network = [layer.weight for layer in layers], [layer.bias for layer in layers]
    encoding = field.encoding
    how: dict[str, Any] = {
        "interpolation": encoding.interpolation,
        "activation": "relu",
        "precision": precision,
    }
    return lambda points: sdf_query(points, encoding.table, *network, encoding.layout, **how)


def step_of(query: Query, points: Tensor) -> Callable[[], None]:
    """A query and the backward of a loss on value and gradient, into `.grad` of the parameters."""

    def step() -> None:
        outputs, gradient = query(points)
        loss = outputs.square().mean() + (gradient.norm(dim=1) - 1.0).square().mean()
        loss.backward()

    return step


def queries(field: SDFField, compile_too: bool) -> tuple[dict[str, Query], dict[str, Query], list[str]]:
    """What is compared, for steps and for queries alone, and what is missing, in words."""

    outputs, _ = torch_field.reference_outputs(field)
    found = {"ours": ours(field), "torch, autograd": torch_field.with_autograd(outputs)}
    if native.has_bf16():
        found["ours, bfloat16"] = ours(field, "bfloat16")
    alone = found | {"torch, autograd": torch_field.with_autograd(outputs, create_graph=False)}
    missing = []
    if compile_too:
        found["torch.compile"] = alone["torch.compile"] = torch_field.compiled(outputs)
    else:
        missing.append("torch.compile: left out by --quick, it compiles for a minute or two")
    if nerfstudio_peer.installed():
        theirs, _ = torch_field.nerfstudio_outputs(field)
        found["nerfstudio"] = torch_field.with_autograd(theirs)
        alone["nerfstudio"] = torch_field.with_autograd(theirs, create_graph=False)
    else:
        missing.append(nerfstudio_peer.MISSING)
    return found, alone, missing


def try_compiled(found: dict[str, Query], points: Tensor) -> str | None:
    """Compile by a first step; what went wrong in words, or None."""
    if "torch.compile" not in found:
        return None
    say("torch.compile is compiling")
    started = time.perf_counter()
    try:
        step_of(found["torch.compile"], points)()
    except Exception as trouble:  # no compiler, or an operation it does not take: any is an answer
        return f"torch.compile: {type(trouble).__name__}: {str(trouble).splitlines()[0][:120]}"
    say(f"... in {time.perf_counter() - started:.0f} s")
    return None


def network_parts(field: SDFField, count: int) -> tuple[list[Tensor], list[Tensor], Tensor, Tensor, Tensor]:
    """The field's weights and biases, and random inputs and adjoints of outputs and gradient."""
    layers: Sequence[Any] = list(field.layers)
    weights, biases = [layer.weight.detach() for layer in layers], [layer.bias.detach() for layer in layers]
    generator = torch.Generator().manual_seed(2)
    inputs, d_gradient = torch.randn(2, count, weights[0].shape[1], generator=generator)
    return weights, biases, inputs, torch.randn(count, len(weights[-1]), generator=generator), d_gradient


def network_rows(field: SDFField, count: int, repeats: int, precision: str) -> list[list[object]]:
    """The network's kernels alone, beside this machine's ceiling of float32 multiply-adds."""
    if native.module is None:
        return [text_row(NETWORK_COLUMNS, "no native kernels here")]
    weights, biases, inputs, d_outputs, d_gradient = network_parts(field, count)
    work = network_work([inputs.shape[1], *(len(weight) for weight in weights)])
    network = (inputs, weights, biases, "relu")
    adjoints = {"d_outputs": d_outputs, "d_gradient": d_gradient}
    probe: Any = native.module.measure_multiply_adds
    found: dict[str, list[float]] = {"value and gradient": [], "backward": [], "ceiling": []}
    for _ in range(repeats):
        forward = timed(lambda: fused_mlp.mlp_forward(*network, gradient=True, precision=precision), 3)
        backward = timed(lambda: fused_mlp.mlp_backward(*network, **adjoints, precision=precision), 3)
        for name, value in zip(found, (forward.median, backward.median, probe(0.03))):
            found[name].append(value)
    forwards, backwards, ceilings = (median(values) for values in found.values())
    rows: list[list[object]] = []
    for name, seconds, needed, again in (
        ("value and gradient", forwards, work.outputs + work.gradient, 0),
        ("their backward", backwards, work.backward, work.again),
        ("both: a step", forwards + backwards, work.step, work.again),
    ):
        speed = count / seconds
        figures = [(2e-9 * adds * speed, 100 * adds * speed / ceilings) for adds in (needed, needed + again)]
        rows.append([name, speed / 1e6, *figures[0], *figures[1]])
    rows.append(["multiply-add ceiling", None, 2e-9 * ceilings, 100.0, 2e-9 * ceilings, 100.0])
    return rows


def main() -> None:
    """Tables of millions of points a second and of the network's arithmetic."""
    keep_memory("benchmarks.bench_field")
    parser = arguments(__doc__, "field")
    parser.add_argument("--points", type=int, default=32_768)
    parser.add_argument("--log2-table-size", type=int, default=17)
    parser.add_argument("--repeats", type=int, default=7)
    args = parser.parse_args()
    count = 8_192 if args.quick else args.points
    field = make_field(args.log2_table_size)
    points = torch.rand(count, 3, generator=torch.Generator().manual_seed(1)) * 2.0 - 1.0
    found, alone, missing = queries(field, compile_too=not args.quick)
    trouble = try_compiled(found, points)
    if trouble:
        missing.append(trouble)
        del found["torch.compile"], alone["torch.compile"]
    rows: list[list[object]] = []
    for work, compared in (
        ("query", {name: (lambda q=query: q(points)) for name, query in alone.items()}),
        ("step", {name: step_of(query, points) for name, query in found.items()}),
    ):
        say(f"{work}: {count} points")
        times = timed_in_turns(compared, args.repeats)
        ours = times[ORDER[0]].median
        rows += [
            [work, name, *times[name].rates(count / 1e6), times[name].median / ours]
            for name in ORDER
            if name in times
        ]
    rows += [text_row(COLUMNS, text) for text in missing]
    title = f"{count} points, 16 x 2 hash grid with T = 2^{args.log2_table_size}, 2 x 64 ReLU, linear"
    report(
        args.out,
        [
            Table(title, COLUMNS, rows),
            *(
                Table(
                    f"Network alone, {precision}",
                    NETWORK_COLUMNS,
                    network_rows(field, count, args.repeats, precision),
                )
                for precision in fused_mlp.PRECISIONS
                if precision == "float32" or (precision == "bfloat16" and native.has_bf16())
            ),
        ],
        [
            "A step is a query, a loss on value and gradient, and its backward into `.grad`. `needed` "
            "counts the arithmetic that the task asks for, `done` also what the backward computes a second "
            "time instead of storing it; the ceiling is a register-only loop of multiply-adds on all "
            "threads, measured there and then. bfloat16: products that make derivatives only, values stay "
            "float32."
        ],
    )


if __name__ == "__main__":
    run_script(main)
