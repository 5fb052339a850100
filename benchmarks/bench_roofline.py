"""How near the kernels come to what this machine can do at best, measured there and then.

Ceilings: float32 and bfloat16 multiply-adds from registers, random 8-byte loads from tables of several sizes,
and streaming through an array in place; each by a native loop with nothing else in it, on all threads. Each
kernel is held against the ceiling that binds it, in turns with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch

from benchmarks.bench_encoding import GROWTH, points_in
from benchmarks.bench_field import make_field, network_parts, ours, step_of
from benchmarks.common import run_script, say
from benchmarks.pictures import INSTALL, save_roofline
from benchmarks.script import Table, arguments, keep_memory, report
from benchmarks.timing import timed
from benchmarks.work import gathers_a_point, interpolation_multiply_adds, network_work
from neurfield import ops
from neurfield.errors import UserError
from neurfield.ops import fused_mlp, grid, native
from neurfield.ops.adam import adam_step
from neurfield.ops.grid import GridLayout

TABLES = (1 << 18, 1 << 20, 1 << 22, 1 << 26)  # bytes
STREAMS = (1 << 18, 1 << 22, 1 << 28)
PLACED = 17  # log2 of the table size whose kernels stand in the picture's roofline
MULTIPLY_ADDS = "float32 multiply-adds"
CHANNELS = 7  # composited: colour, normal, distance
KERNEL_COLUMNS = ["kernel", "ceiling", "unit", "reached", "slowest", "fastest", "ceiling's", "share %",
                  "of the bests %"]  # fmt: skip


@dataclass(frozen=True)
class Kernel:
    """A kernel and its ceiling: `amount` units of work a call, `seconds_at_best()` for them by the ceiling.

    flops and bytes a call place it in the picture.
    """

    name: str
    ceiling: str
    unit: str
    amount: float
    run: Callable[[], object]
    seconds_at_best: Callable[[], float]
    flops: float
    moved: float

    def place(self, reached: float) -> dict[str, float]:
        """Where it stands in a roofline, having reached so many units a second."""
        calls = reached / self.amount
        return {"flops_per_byte": self.flops / self.moved, "gflops": 1e-9 * self.flops * calls}


class Ceilings:
    """The probes, each about `seconds` long."""

    def __init__(self, seconds: float) -> None:
        if native.module is None:
            raise UserError(
                "no native kernels here: build them with `pip install .` (see `neurfield doctor`)"
            )
        self.probes: Any = native.module
        self.seconds = seconds

    def multiply_adds(self) -> float:
        return self.probes.measure_multiply_adds(self.seconds)

    def bf16(self) -> float:
        return self.probes.measure_bf16_multiply_adds(self.seconds)

    def gathers(self, table_bytes: int) -> float:
        return self.probes.measure_gathers(table_bytes, self.seconds)

    def streaming(self, array_bytes: int) -> float:
        return self.probes.measure_streaming(array_bytes, self.seconds)

    def seconds_of_gathers(self, layout: GridLayout, count: int) -> float:
        """Of `count` points' loads at best, each level's from a table of that level's size."""
        total, rates = 0.0, {}
        for level in range(layout.levels):
            size = (layout.offsets[level + 1] - layout.offsets[level]) * layout.features * 4
            size = 1 << (size - 1).bit_length()  # as the probe rounds; dense levels are 0.5-1 of it
            if size not in rates:
                rates[size] = self.probes.measure_gathers(size, self.seconds / 4)
            total += 8 * count / rates[size]
        return total


def grid_kernels(ceilings: Ceilings, log2_table_size: int, count: int) -> list[Kernel]:
    """The hash grid: a gather a corner, and interpolation of both features."""
    layout = GridLayout(log2_table_size=log2_table_size, growth=GROWTH)
    generator = torch.Generator().manual_seed(0)
    points = points_in("random", count)
    table = torch.randn(layout.n_parameters, generator=generator)
    features, _ = grid.encode_with_jacobian(points, table, layout)
    tangent, into = torch.randn(points.shape, generator=generator), torch.zeros_like(table)

    def scatter(along: torch.Tensor | None, weights: torch.Tensor | None) -> Callable[[], object]:
        return lambda: grid.accumulate_table_gradient(points, features, along, weights, into, layout)

    loads = gathers_a_point(layout.levels) * count
    flops = 2.0 * interpolation_multiply_adds(layout.levels, layout.features) * count
    works: list[tuple[str, float, int, Callable[[], object]]] = [  # with arithmetic, and bytes an entry
        ("forward", flops, 8, lambda: grid.encode(points, table, layout)),
        ("forward, jacobian", 2.2 * flops, 8, lambda: grid.encode_with_jacobian(points, table, layout)),
        ("scatter", flops, 16, scatter(None, None)),
        ("scatter, 2nd order", 2.0 * flops, 16, scatter(tangent, features)),
    ]
    return [
        Kernel(
            f"grid {name}, T=2^{log2_table_size}", "random loads", "G/s", loads / 1e9, run,
            lambda: ceilings.seconds_of_gathers(layout, count), flops, float(moved * loads),
        )
        for name, flops, moved, run in works
    ]  # fmt: skip


def network_kernels(ceilings: Ceilings, count: int) -> list[Kernel]:
    """The tiny network: multiply-adds that are done, whether or not they were done before."""
    weights, biases, inputs, d_outputs, d_gradient = network_parts(make_field(), count)
    widths = [inputs.shape[1], *(len(weight) for weight in weights)]
    work = network_work(widths)

    def forward(gradient: bool) -> None:
        fused_mlp.mlp_forward(inputs, weights, biases, "relu", gradient=gradient)

    def backward() -> None:
        fused_mlp.mlp_backward(inputs, weights, biases, "relu", d_outputs=d_outputs, d_gradient=d_gradient)

    columns = widths[0] + widths[-1]
    works: list[tuple[str, int, int, Callable[[], object]]] = [
        ("network forward", work.outputs, columns, lambda: forward(False)),
        ("network, gradient", work.outputs + work.gradient, columns + widths[0], lambda: forward(True)),
        ("network backward, 2nd order", work.backward + work.again, 2 * columns + widths[0], backward),
    ]
    return [
        Kernel(
            name, "multiply-adds", "GFLOP/s", 2e-9 * adds * count, run,
            lambda adds=adds: adds * count / ceilings.multiply_adds(), 2.0 * adds * count,
            4.0 * floats * count,
        )
        for name, adds, floats, run in works
    ]  # fmt: skip


def field_kernel(ceilings: Ceilings, log2_table_size: int, count: int) -> Kernel:
    """A whole training step of the field, against its loads and its multiply-adds, one after the other."""
    field = make_field(log2_table_size)
    layout = field.encoding.layout
    points = torch.rand(count, 3, generator=torch.Generator().manual_seed(1)) * 2.0 - 1.0
    weights = [layer.weight for layer in field.layers]  # type: ignore[union-attr]
    work = network_work([weights[0].shape[1], *(len(weight) for weight in weights)])  # type: ignore[arg-type]
    adds = work.step + 2 * interpolation_multiply_adds(layout.levels, layout.features)

    def at_best() -> float:
        return adds * count / ceilings.multiply_adds() + 2.0 * ceilings.seconds_of_gathers(layout, count)

    moved = 2.0 * 8 * gathers_a_point(layout.levels) * count
    return Kernel(
        f"field step, T=2^{log2_table_size}", "loads, then adds", "M points/s", count / 1e6,
        step_of(ours(field), points), at_best, 2.0 * adds * count, moved,
    )  # fmt: skip


def streaming_kernels(ceilings: Ceilings, entries: int, n_rays: int, samples: int) -> list[Kernel]:
    """Adam over a dense gradient (4 arrays read, 3 written), and compositing (each sample read, its weight
    written)."""
    generator = torch.Generator().manual_seed(0)
    parameter, gradient = torch.randn(2, entries, generator=generator)
    first, second = torch.zeros(2, entries)
    adam_bytes = 7.0 * 4 * entries
    total = n_rays * samples
    starts = torch.arange(0, total, samples)
    info = torch.stack([starts, torch.full_like(starts, samples)], dim=1)
    alpha = torch.rand(total, generator=generator) * 0.3
    values = torch.rand(total, CHANNELS, generator=generator)
    composite_bytes = 4.0 * total * (1 + CHANNELS + 1)

    def at_best(moved: float, footprint: float) -> Callable[[], float]:
        return lambda: moved / ceilings.streaming(int(footprint))

    return [
        Kernel(
            f"adam, 2^{entries.bit_length() - 1} entries", "streaming", "GB/s", adam_bytes / 1e9,
            lambda: adam_step(parameter, gradient, first, second, 5, 1e-4),
            at_best(adam_bytes, 16.0 * entries), 14.0 * entries, adam_bytes,
        ),
        Kernel(
            f"compositing, {n_rays} x {samples}", "streaming", "GB/s", composite_bytes / 1e9,
            lambda: ops.composite(alpha, values, info),
            at_best(composite_bytes, composite_bytes), 2.0 * total * (CHANNELS + 2), composite_bytes,
        ),
    ]  # fmt: skip


def load_name(table_bytes: int) -> str:
    """What the ceilings' table calls random loads from a table of this size."""
    return f"random 8-byte loads, {table_bytes / (1 << 20):g} MB"


def stream_name(array_bytes: int) -> str:
    """What it calls streaming through an array of this size."""
    return f"streaming in place, {array_bytes / (1 << 20):g} MB"


def ceiling_rows(ceilings: Ceilings, repeats: int) -> list[list[Any]]:
    """What the machine can do: median, lowest and highest of some measurements."""
    probes: list[tuple[str, str, Callable[[], float]]] = [
        (MULTIPLY_ADDS, "GFLOP/s", lambda: 2e-9 * ceilings.multiply_adds()),
        ("bfloat16 dot products", "GFLOP/s", lambda: 2e-9 * ceilings.bf16()),
    ]
    probes += [(load_name(size), "G/s", lambda s=size: 1e-9 * ceilings.gathers(s)) for size in TABLES]
    probes += [(stream_name(size), "GB/s", lambda s=size: 1e-9 * ceilings.streaming(s)) for size in STREAMS]
    rows: list[list[Any]] = []
    for name, unit, probe in probes:
        found = [probe() for _ in range(repeats)]
        absent = max(found) == 0.0
        rows.append([name, "none here" if absent else unit,
                     *([None] * 3 if absent else [median(found), min(found), max(found)])])  # fmt: skip
    return rows


def kernel_rows(kernels: Sequence[Kernel], repeats: int) -> list[list[Any]]:
    """Each kernel in turns with its ceiling; shares of the medians, and of the best turns of either."""
    rows: list[list[Any]] = []
    for kernel in kernels:
        say(kernel.name)
        reached, ceiling = [], []
        for _ in range(repeats):
            reached.append(kernel.amount / timed(kernel.run, 3).median)
            ceiling.append(kernel.amount / kernel.seconds_at_best())
        share, best = 100 * median(reached) / median(ceiling), 100 * max(reached) / max(ceiling)
        rows.append([kernel.name, kernel.ceiling, kernel.unit, median(reached), min(reached), max(reached),
                     median(ceiling), share, best])  # fmt: skip
    return rows


def main() -> None:
    """Two tables, and the roofline as a picture beside the JSON."""
    keep_memory("benchmarks.bench_roofline")
    parser = arguments(__doc__, "roofline")
    parser.add_argument("--repeats", type=int, default=7)
    args = parser.parse_args()
    ceilings = Ceilings(0.01 if args.quick else 0.04)
    sizes, count = ([17], 16_384) if args.quick else ([15, 17, 19], 65_536)
    machine = ceiling_rows(ceilings, args.repeats)
    kernels = [kernel for size in sizes for kernel in grid_kernels(ceilings, size, count)]
    kernels += network_kernels(ceilings, count // 2)
    kernels += [field_kernel(ceilings, 17, count // 2)]
    kernels += streaming_kernels(ceilings, 1 << (20 if args.quick else 23), 4096, 128)
    rows = kernel_rows(kernels, args.repeats)
    shown = [
        {"name": kernel.name, "ceiling": kernel.ceiling, "share": row[7]}
        | (kernel.place(row[3]) if "T=" not in kernel.name or f"T=2^{PLACED}" in kernel.name else {})
        for kernel, row in zip(kernels, rows)
    ]
    found = {row[0]: row[2] for row in machine}
    roofs = {
        "GFLOP/s": found[MULTIPLY_ADDS],
        "memory": found[stream_name(STREAMS[-1])],
        "loads": 8.0 * found[load_name(1 << 20)],
    }
    picture = save_roofline(args.out.with_suffix(".png"), roofs, shown)
    report(
        args.out,
        [
            Table("This machine's ceilings", ["ceiling", "unit", "median", "lowest", "highest"], machine),
            Table("Kernels against the ceiling that binds them", KERNEL_COLUMNS, rows),
        ],
        [
            "Random loads: 128 a point, each level's held against loads from a table of that level's size; "
            "a share over 100 % means that neighbouring corners shared a cache line, which independent "
            "loads do not. The scatter reads and writes each entry and counts it once. Field step: loads, "
            "scatters and multiply-adds (recomputation not counted) one after another, each at its ceiling. "
            "Streaming: at the size of the kernel's arrays.",
            *([] if picture else [f"No picture: `{INSTALL}`."]),
        ],
    )


if __name__ == "__main__":
    run_script(main)
