"""Pictures of benchmarks: small PNG files, drawn by matplotlib where that is installed."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from neurfield.files import atomic_write

INSTALL = 'pip install "neurfield[bench]"'
DOTS_PER_INCH = 110
COLOURS = {
    "random loads": "#2b6cb0",
    "multiply-adds": "#c05621",
    "loads, then adds": "#6b46c1",
    "streaming": "#2f855a",
}
LINES = ("#2b6cb0", "#c05621", "#2f855a", "#6b46c1")


def can_draw() -> bool:
    """Whether matplotlib is here."""
    return find_spec("matplotlib") is not None


def save_roofline(
    path: Path, roofs: Mapping[str, float], kernels: Sequence[Mapping[str, Any]]
) -> Path | None:
    """A machine's roofline, and the share of its ceiling that each kernel reaches; None without matplotlib.

    roofs: "GFLOP/s", and GB/s of "memory" and "loads" (random ones). kernels: name, ceiling, share (percent),
    and flops_per_byte and gflops for those that are to be placed under the roofs.
    """
    if not can_draw():
        return None
    from matplotlib.patches import Patch

    figure, (left, right) = _figure(1, 2, (10.5, 4.8), width_ratios=(1.0, 1.15))
    top = roofs["GFLOP/s"]
    ends = (0.03, 400.0)
    for name, label, style in (("memory", "memory", "-"), ("loads", "random loads, 1 MB table", "--")):
        x = [ends[0], top / roofs[name], ends[1]]
        label = f"{label}: {roofs[name]:.0f} GB/s"
        left.plot(x, [min(top, i * roofs[name]) for i in x], style, color="#444", lw=1.2, label=label)
    left.text(ends[1], top * 1.15, f"multiply-adds: {top:.0f} GFLOP/s", ha="right", fontsize=8)
    placed = [kernel for kernel in kernels if "gflops" in kernel]
    for number, kernel in enumerate(placed, 1):
        place = (kernel["flops_per_byte"], kernel["gflops"])
        left.plot(*place, "o", ms=11, color=COLOURS[kernel["ceiling"]], mec="white")
        left.annotate(
            str(number), place, ha="center", va="center", fontsize=6.5, color="white", weight="bold"
        )
    left.set(xscale="log", yscale="log", xlabel="arithmetic per byte touched, FLOP/byte", ylabel="GFLOP/s")
    left.set_ylim(top=3.0 * max([top, *(kernel["gflops"] for kernel in placed)]))
    left.set_title("Roofline", fontsize=10)
    left.legend(fontsize=7.5, loc="lower right", frameon=False)
    numbers = {kernel["name"]: f"   [{number}]" for number, kernel in enumerate(placed, 1)}
    names = [kernel["name"] + numbers.get(kernel["name"], "") for kernel in kernels]
    shares = [kernel["share"] for kernel in kernels]
    bars = right.barh(names, shares, color=[COLOURS[kernel["ceiling"]] for kernel in kernels], height=0.7)
    right.bar_label(bars, fmt="%.0f", fontsize=7.5, padding=2)
    right.axvline(100.0, color="#444", lw=0.8)
    right.invert_yaxis()
    right.tick_params(labelsize=7.5)
    right.grid(False, axis="y")
    right.set_title("Share of the ceiling that binds it, %", fontsize=10)
    right.set_xlim(0, max(112.0, 1.12 * max(shares, default=0.0)))
    marks = [
        Patch(color=COLOURS[name], label=name)
        for name in dict.fromkeys(kernel["ceiling"] for kernel in kernels)
    ]
    figure.legend(handles=marks, loc="outside lower center", ncols=len(marks), fontsize=8, frameon=False)
    return _save(figure, path)


def save_scaling(path: Path, panels: Sequence[Mapping[str, Any]]) -> Path | None:
    """Throughput against one quantity a panel; None without matplotlib.

    panels: title, xlabel, x, and lines by name (M points/s); `powers` for a logarithmic x axis.
    """
    if not can_draw():
        return None
    figure, axes = _figure(1, len(panels), (3.5 * len(panels), 3.4))
    for axis, panel in zip(axes, panels):
        for colour, (name, values) in zip(LINES, panel["lines"].items()):
            axis.plot(panel["x"], values, "o-", ms=4, color=colour, label=name)
        if panel["powers"]:
            axis.set_xscale("log", base=panel["powers"])
        else:
            axis.set_xticks(panel["x"])
        axis.set_yscale("log")
        axis.set_xlabel(panel["xlabel"], fontsize=9)
        axis.set_title(panel["title"], fontsize=10)
        axis.tick_params(labelsize=8)
    axes[0].set_ylabel("M points/s", fontsize=9)
    low = min(axis.get_ylim()[0] for axis in axes)
    high = max(axis.get_ylim()[1] for axis in axes)
    for axis in axes:
        axis.set_ylim(low, high)
        _plain_ticks(axis)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=8, frameon=False)
    return _save(figure, path)


def _figure(rows: int, columns: int, size: tuple[float, float], **grid: Any) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, **grid)
    for axis in axes.flat:
        axis.grid(True, which="major", color="#e2e2e2", lw=0.6)
        axis.set_axisbelow(True)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    return figure, axes


def _plain_ticks(axis: Any) -> None:
    """0.5, 1, 2, 5, 10 ... instead of powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())


def _save(figure: Any, path: Path) -> Path:
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png", dpi=DOTS_PER_INCH)
    return path


def save_curves(
    path: Path, curves: Mapping[str, Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]]
) -> Path | None:
    """Quality against seconds, a row of panels a curve, a colour a room: lines are ours, crosses the peer.

    None without matplotlib.

    curves: by title and room, `ours` and `peer` points with seconds, F@5cm, F@1cm, normals, psnr (None where
    unknown).
    """
    if not can_draw():
        return None
    figures = (
        ("F@5cm", "F at 5 cm"),
        ("F@1cm", "F at 1 cm"),
        ("normals", "normal consistency"),
        ("psnr", "PSNR of held-out frames, dB"),
    )
    figure, axes = _figure(len(curves), len(figures), (8.4, 1.5 * len(curves)), squeeze=False)
    ticks = (1, 3, 10, 30, 100, 300)
    named: dict[str, Any] = {}
    for number, (row, (title, rooms)) in enumerate(zip(axes, curves.items())):
        for panel, (key, label) in zip(row, figures):
            for colour, (room, curve) in zip(LINES, rooms.items()):
                for name, mark, points in ((room, "o-", curve["ours"]), ("fusion", "x", curve["peer"])):
                    known = [(p["seconds"], p[key]) for p in points if p.get(key) is not None]
                    if known:
                        named.setdefault(name, panel.plot(*zip(*known), mark, color=colour, ms=5)[0])
            panel.set(xscale="log", xlim=(1.0, 400.0))
            panel.set_xticks(ticks, [str(tick) for tick in ticks])
            panel.set_xticks([], minor=True)
            panel.margins(y=0.15)
            panel.tick_params(labelsize=7)
            if number == 0:
                panel.set_title(label, fontsize=9)
            if number == len(curves) - 1:
                panel.set_xlabel("seconds of fitting", fontsize=8)
        row[0].set_ylabel(textwrap.fill(title, 16), fontsize=7.5)
    figure.legend(
        named.values(), named, loc="outside lower center", ncols=len(named), fontsize=8, frameon=False
    )
    return _save(figure, path)
