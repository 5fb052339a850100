"""A fit's step on an idle machine and beside busy loops: waiting threads that sleep, or spin, and one thread.

Each figure comes from a process of its own, since OpenMP's runtime reads once how to wait; the kinds take
turns, so that a neighbour slows all of them.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.common import CHECKOUT, run_script, say
from benchmarks.script import Table, arguments, report

if TYPE_CHECKING:
    from neurfield.fitting.scene import SceneTask

COLUMNS = ["beside", "waiting threads", "threads", "ms a step", "fastest", "slowest"]
# What the environment says; {} is how neurfield itself starts.
KINDS: dict[str, dict[str, str]] = {
    "sleep (as neurfield starts)": {},
    "spin (as OpenMP starts)": {"OMP_WAIT_POLICY": "ACTIVE"},
    "none: one thread": {"OMP_NUM_THREADS": "1"},
}
SETTINGS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_NUM_THREADS")


@contextmanager
def busy(loops: int) -> Iterator[None]:
    """Within it, so many processes do nothing as fast as they can."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def step_in_a_process(settings: dict[str, str], options: list[str]) -> tuple[float, int]:
    """Milliseconds of a step of a fit, and its threads."""
    environment = {k: v for k, v in os.environ.items() if k not in SETTINGS} | settings
    command = [sys.executable, "-m", "benchmarks.bench_busy", "--one", *options]
    ran = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True)
    if ran.returncode:
        sys.exit(ran.stderr)
    milliseconds, threads = ran.stdout.split()[-2:]
    return float(milliseconds), int(threads)


def task_of(scene: str | Path) -> SceneTask:
    """Of a fit to a scene's images alone."""
    from neurfield.inputs.scene import SceneInput
    from neurfield.parts import load_config

    config = load_config("neus", "quick", ["data.sensor_depth=off", "device=cpu"])
    return SceneInput.of(config, scene).task


def one(args: argparse.Namespace) -> None:
    """Prints the milliseconds of a step, and the threads: what a process of its own does."""
    import torch

    from neurfield.cli.threads import use_threads
    from neurfield.fitting.fitter import Fitter

    use_threads(None)
    with tempfile.TemporaryDirectory() as folder:
        task = task_of(args.scene)
        fitter = Fitter(task, task.config.train, Path(folder), quiet=True)
        fitter.prepare()
        steps = [fitter.seconds_per_step() for _ in range(args.repeats)]
    print(1e3 * statistics.median(steps), torch.get_num_threads())


def measure(args: argparse.Namespace) -> list[list[object]]:
    """A row for each neighbourhood and kind: median, fastest and slowest of the processes' medians."""
    options = ["--scene", args.scene, "--repeats", str(args.repeats)]
    rows: list[list[object]] = []
    for loops in (0, args.loops):
        found: dict[str, list[tuple[float, int]]] = {kind: [] for kind in KINDS}
        with busy(loops):
            for _ in range(args.rounds):
                for kind, settings in KINDS.items():
                    found[kind].append(step_in_a_process(settings, options))
                    say(f"{loops} busy loops, {kind}: {found[kind][-1][0]:.1f} ms")
        for kind, figures in found.items():
            times = [milliseconds for milliseconds, _ in figures]
            name = f"{loops} busy loops" if loops else "nothing"
            rows.append([name, kind, figures[0][1], statistics.median(times), min(times), max(times)])
    return rows


def main() -> None:
    """A table of milliseconds."""
    parser = arguments(__doc__, "busy")
    parser.add_argument("--scene", default="room0", help="a scene, its images alone are fitted")
    parser.add_argument("--loops", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=10, help="steps of a process, times four")
    parser.add_argument("--rounds", type=int, default=3, help="processes of a kind")
    parser.add_argument("--one", action="store_true", help="one figure, in this process")
    args = parser.parse_args()
    if args.quick:
        args.repeats, args.rounds = 2, 1
    if args.one:
        one(args)
        return
    note = "A step of `neus` on images alone, quick preset. `threads`: what a verb takes without `--threads`."
    report(args.out, [Table("A fit's step", COLUMNS, measure(args))], [note])


if __name__ == "__main__":
    run_script(main)
