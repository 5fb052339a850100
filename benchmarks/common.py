"""What every benchmark shares: the record of the machine, a table in Markdown, a JSON file."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from neurfield.errors import UserError
from neurfield.files import atomic_write

CHECKOUT = Path(__file__).resolve().parents[1]
LIBRARIES = (
    "torch", "numpy", "scipy", "trimesh", "embreex", "open3d", "scikit-image", "PyMCubes", "vtk",
    "nerfstudio", "nerfacc",
)  # fmt: skip


def machine_record(yardstick: bool = True) -> dict[str, Any]:
    """What a later reader needs to place a number: commit, processor, threads, kernels, versions, speed.

    `yardstick` times a matrix product: on a shared machine it tells a slow program from a busy neighbour.
    """
    import torch

    from neurfield.ops import native

    status = native.status()
    record: dict[str, Any] = {
        "commit": commit(),
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "isa": status.isa or f"none ({status.reason})",
        "python": platform.python_version(),
        "versions": library_versions(),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    if yardstick:
        record["yardstick_gflops"] = round(yardstick_gflops(), 1)
    return record


def commit() -> str:
    """The commit of the checkout, with `+` after it if tracked files differ; "unknown" outside of git."""
    if not (CHECKOUT / ".git").exists():
        return "unknown"
    commands = (["git", "rev-parse", "--short=12", "HEAD"], ["git", "status", "--porcelain", "-uno"])
    try:
        head, changed = (
            subprocess.run(c, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout.strip()
            for c in commands
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+" if changed else "")


def cpu_model() -> str:
    """The processor's own name for itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def library_versions() -> dict[str, str]:
    """Versions of the libraries and peers that are installed here."""
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def yardstick_gflops(size: int = 2048, repeats: int = 5) -> float:
    """GFLOP/s of a float32 matrix product in torch, the median of `repeats` after one that is not counted."""
    import torch

    a, b = torch.rand(size, size), torch.rand(size, size)
    seconds = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        torch.mm(a, b)
        seconds.append(time.perf_counter() - started)
    return 2 * size**3 / statistics.median(seconds[1:]) / 1e9


def markdown_table(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table in Markdown with its columns lined up: text to the left, numbers to the right.

    Floats are given three significant digits, None is a dash.
    """
    for row in rows:
        if len(row) != len(headers):
            raise ValueError(f"a row has {len(row)} cells, the header {len(headers)}: {list(row)}")
    cells = [[str(h) for h in headers], *([_cell(value) for value in row] for row in rows)]
    widths = [max(3, *(len(row[c]) for row in cells)) for c in range(len(headers))]
    is_text = [any(isinstance(row[c], str) for row in rows) for c in range(len(headers))]

    def line(row: Sequence[str]) -> str:
        padded = (x.ljust(w) if left else x.rjust(w) for x, w, left in zip(row, widths, is_text))
        return "| " + " | ".join(padded) + " |"

    rule = "|".join("-" * (w + 2) if left else "-" * (w + 1) + ":" for w, left in zip(widths, is_text))
    return "\n".join([line(cells[0]), f"|{rule}|", *(line(row) for row in cells[1:])])


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 99.95 else f"{value:#.3g}"
    return str(value).replace("|", "\\|")


@dataclass(frozen=True)
class Measured:
    """What a command took: exit status, seconds of the whole process, peak memory in GB, what it printed."""

    status: int
    seconds: float
    peak_gb: float
    output: str


# A process of its own does the asking: on Linux the peak of a child counts from the size of the parent that
# started it, and ours holds torch and a scene.
_LAUNCHER = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[2:]).returncode
with open(sys.argv[1], "w") as file:
    file.write(f"{status} {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}")
"""


def run_measured(command: Sequence[str]) -> Measured:
    """Run a command in the checkout; what it prints is kept, its error stream (progress) passes through."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        launcher = [sys.executable, "-S", "-c", _LAUNCHER, str(report), *command]
        started = time.perf_counter()
        result = subprocess.run(launcher, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
        seconds = time.perf_counter() - started
        if not report.exists():
            return Measured(result.returncode or 1, seconds, 0.0, result.stdout)
        status, kilobytes = report.read_text().split()
    return Measured(int(status), seconds, int(kilobytes) * 1024 / 1e9, result.stdout)


def write_json(path: str | Path, data: dict[str, Any]) -> Path:
    """Write `data` as indented JSON, whole or not at all."""
    path = Path(path)
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(data, indent=2, default=_plain) + "\n")
    return path


def _plain(value: Any) -> Any:
    """NumPy scalars and arrays, and paths, as JSON knows them."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def say(text: str) -> None:
    """A line of progress: to the error stream, so that standard output holds only the table."""
    print(text, file=sys.stderr, flush=True)


def run_script(main: Callable[[], None]) -> None:
    """Run a benchmark's `main`; a user's mistake becomes one line and exit code 2, as in the command line."""
    try:
        main()
    except UserError as mistake:
        say(str(mistake))
        sys.exit(2)
