"""What the gpu_*.py scripts share: flags, clocks of a GPU, figures beside their peers.

Each script runs on the CPU too (`--device cpu --tiny`), to see that it runs: those are no figures.

How a GPU is timed, all in turns, medians of several rounds after calls that do not count:

- `kernels`: between two events around one call, with the L2 cache emptied before, and with so much work
  queued ahead that the GPU never waits for Python. What a call waits for itself (a size read back) is inside.
- `calls`: of many calls one after the other, as they come, L2 warm: with all that Python and torch add.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch

from benchmarks.common import say, write_json
from benchmarks.script import Table, arguments, report
from benchmarks.timing import timed_in_turns
from neurfield.errors import UserError

Function = Callable[[], Any]
COLUMNS = (
    "work",
    "setting",
    "peer",
    "ours ms",
    "peer ms",
    "x peer",
    "ours call ms",
    "peer call ms",
    "x call",
)
# Names of peers, which claims name too.
FLOAT32, FLOAT16 = "tiny-cuda-nn float32", "tiny-cuda-nn float16"
SEPARATE, TORCH = "separate kernels", "torch, autograd"
NOTE = (
    "ms: of the GPU's work alone, L2 emptied before each call; call ms: of calls one after the other, L2 "
    "warm, Python and torch included. x: how many times the peer's speed ours is. Medians, all in turns."
)
_LONGEST_SLEEP = 0.05  # seconds that the GPU is kept busy while a call is queued
_L2_BYTES = 256 << 20  # more than any L2


@dataclass(frozen=True)
class Times:
    """Seconds of a call: of the GPU's work alone, and as calls come one after the other."""

    kernels: float
    calls: float


@dataclass(frozen=True)
class Figure:
    """Ours beside one peer, or beside none; ratios above 1 say that ours is the faster one."""

    work: str
    setting: str
    peer: str | None
    ours_ms: float
    peer_ms: float | None
    ratio: float | None
    ours_call_ms: float
    peer_call_ms: float | None
    call_ratio: float | None

    @staticmethod
    def of(
        work: str, setting: str, ours: Times, peer: str | None = None, theirs: Times | None = None
    ) -> Figure:
        """From seconds."""
        mine = 1e3 * ours.kernels, 1e3 * ours.calls
        if theirs is None:
            return Figure(work, setting, None, mine[0], None, None, mine[1], None, None)
        others = 1e3 * theirs.kernels, 1e3 * theirs.calls
        return Figure(
            work,
            setting,
            peer,
            mine[0],
            others[0],
            others[0] / mine[0],
            mine[1],
            others[1],
            others[1] / mine[1],
        )

    def row(self) -> list[Any]:
        """In the order of COLUMNS."""
        return [
            self.work, self.setting, self.peer or "-", self.ours_ms, self.peer_ms, self.ratio,
            self.ours_call_ms, self.peer_call_ms, self.call_ratio,
        ]  # fmt: skip


class Bench:
    """One script's run: the device, the sizes' scale, and the figures and notes that pile up."""

    def __init__(self, args: argparse.Namespace) -> None:
        """Raises UserError where there is no such device."""
        self.device = torch.device(args.device)
        self.tiny: bool = args.tiny
        self.repeats: int = 1 if args.tiny else args.repeats
        self.out = args.out
        self.figures: list[Figure] = []
        self.notes: list[str] = []
        self.failures: list[str] = []
        if self.device.type == "cuda" and not torch.cuda.is_available():
            raise UserError("no CUDA device here: --device cpu --tiny tries the script out")
        self._l2: torch.Tensor | None = None

    def size(self, full: int, tiny: int) -> int:
        """A size, or the one that only shows that the script runs."""
        return tiny if self.tiny else full

    def compare(self, work: str, setting: str, makers: Mapping[str, Callable[[], Function]]) -> None:
        """Time what the makers make, "ours" against the others.

        A peer that raises gets a note; if ours does, that counts as a failure.
        """
        say(f"{work}, {setting}")
        functions: dict[str, Function] = {}
        for name, make in makers.items():
            try:
                functions[name] = make()
                functions[name]()
                self._wait()
            except Exception as trouble:  # a peer may lack this GPU, its memory, or an operation
                text = f"{work}, {setting}: {name}: {type(trouble).__name__}: {_first_line(trouble)}"
                functions.pop(name, None)
                (self.failures if name == "ours" else self.notes).append(text)
                say(text)
        if "ours" not in functions:
            return
        times = self.times(functions)
        peers = [name for name in times if name != "ours"]
        if not peers:
            self.figures.append(Figure.of(work, setting, times["ours"]))
        self.figures += [Figure.of(work, setting, times["ours"], name, times[name]) for name in peers]
        write_json(self.out, self._content())  # what was measured stays, should the time run out

    def times(self, functions: Mapping[str, Function]) -> dict[str, Times]:
        """Seconds of each, in turns."""
        if self.device.type != "cuda":
            found = timed_in_turns(functions, self.repeats)
            return {name: Times(timing.median, timing.median) for name, timing in found.items()}
        queueing = {}
        for name, function in functions.items():
            function()
            self._wait()
            started = time.perf_counter()
            function()
            queueing[name] = time.perf_counter() - started
            self._wait()
        kernels: dict[str, list[float]] = {name: [] for name in functions}
        calls: dict[str, list[float]] = {name: [] for name in functions}
        for _ in range(self.repeats):
            for name, function in functions.items():
                kernels[name].append(self._kernels(function, queueing[name]))
                calls[name].append(self._calls(function, queueing[name]))
        return {n: Times(statistics.median(kernels[n]), statistics.median(calls[n])) for n in functions}

    def _kernels(self, function: Function, queueing: float) -> float:
        if self._l2 is None:
            self._l2 = torch.empty(_L2_BYTES // 4, device=self.device)
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        self._l2.zero_()
        torch.cuda._sleep(int(2e9 * min(2.0 * queueing, _LONGEST_SLEEP)))  # cycles: about two a nanosecond
        start.record()
        function()
        end.record()
        self._wait()
        return 1e-3 * float(start.elapsed_time(end))

    def _calls(self, function: Function, queueing: float) -> float:
        count = max(1, min(50, math.ceil(0.01 / max(queueing, 1e-6))))
        started = time.perf_counter()
        for _ in range(count):
            function()
        self._wait()
        return (time.perf_counter() - started) / count

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def finish(self, title: str, **more: Any) -> int:
        """Print and write what was found; the exit code: 1 where ours failed somewhere."""
        where = gpu_record() if self.device.type == "cuda" else {"name": "the CPU: no figures"}
        table = Table(f"{title} ({where['name']})", COLUMNS, [figure.row() for figure in self.figures])
        notes = [NOTE, *self.notes, *(f"FAILED: {text}" for text in self.failures)]
        report(self.out, [table], notes, gpu=where, **self._content(), **more)
        return 1 if self.failures else 0

    def _content(self) -> dict[str, Any]:
        figures = [asdict(figure) for figure in self.figures]
        return {"figures": figures, "failures": self.failures, "tiny": self.tiny}


def gpu_arguments(description: str | None, name: str) -> argparse.ArgumentParser:
    """A parser with the flags of all GPU benchmarks."""
    parser = arguments(description, f"gpu_{name}")
    parser.add_argument("--device", default="cuda", help='"cpu" with --tiny: to see that the script runs')
    parser.add_argument("--tiny", action="store_true", help="sizes that mean nothing, and one round")
    parser.add_argument("--repeats", type=int, default=9)
    return parser


def gpu_record() -> dict[str, Any]:
    """The GPU, its driver, and the versions that torch and our kernels were built with."""
    from neurfield.ops import native_cuda

    if not torch.cuda.is_available():
        return {"name": None, "torch": torch.__version__, "kernels": native_cuda.load()[1]}
    properties = torch.cuda.get_device_properties(0)
    return {
        "name": properties.name,
        "capability": f"{properties.major}.{properties.minor}",
        "multiprocessors": properties.multi_processor_count,
        "memory_gb": round(properties.total_memory / 1e9, 1),
        "driver": driver_version(),
        "torch": torch.__version__,
        "torch_cuda": torch.version.cuda,
        "kernels": native_cuda.load()[1],
    }


def driver_version() -> str | None:
    """The driver's version, by its own file, or None."""
    try:
        with open("/proc/driver/nvidia/version") as file:
            words = file.readline().split()
    except OSError:
        return None
    return next((word for word in words if word[:1].isdigit() and "." in word), None)


def _first_line(trouble: Exception) -> str:
    return (str(trouble).splitlines() or [""])[0][:160]
