"""What the bench_*.py scripts share: their flags, tables to print and keep, the allocator's settings."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common import machine_record, markdown_table, say, write_json

OUT = Path("runs/bench")
# glibc hands large blocks back to the kernel at every free; torch, which allocates each intermediate, is up
# to twice as fast without that, and a peer is to be met at its best.
KEEP_MEMORY = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "100000000000",
    "MALLOC_TOP_PAD_": "268435456",
}
_SETTINGS = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "NEURFIELD_ISA", *KEEP_MEMORY)


@dataclass(frozen=True)
class Table:
    """One table of a benchmark: its title, its columns and rows of text, numbers and None."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def markdown(self) -> str:
        """Title and table."""
        return f"**{self.title}**\n\n{markdown_table(self.columns, self.rows)}"


def arguments(description: str | None, name: str) -> argparse.ArgumentParser:
    """A parser with the flags that every benchmark has: --quick and --out."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer rows and repeats: a look, not a figure")
    parser.add_argument("--out", type=Path, default=OUT / f"{name}.json", help="the JSON file")
    return parser


def report(
    out: Path,
    tables: Sequence[Table],
    notes: Sequence[str] = (),
    machine: Mapping[str, Any] | None = None,
    quiet: bool = False,
    **more: Any,
) -> None:
    """Print the tables and notes as Markdown, and write them with the machine's record as JSON.

    Args:
        out: the file.
        tables: in order.
        notes: after them.
        machine: its record, where that was taken before, or elsewhere; None: of now.
        quiet: write the file alone.
        more: goes into the file beside them.
    """
    if not quiet:
        print("\n\n".join([*(table.markdown() for table in tables), *notes]), flush=True)
    environment = {"environment": {k: os.environ[k] for k in _SETTINGS if k in os.environ}}
    record = environment | dict(machine_record() if machine is None else machine)
    content = {
        "machine": record,
        "tables": [{"title": t.title, "columns": t.columns, "rows": t.rows} for t in tables],
        "notes": notes,
        **more,
    }
    say(f"written: {write_json(out, content)}")


def text_row(columns: Sequence[str], text: str) -> list[Any]:
    """A row that only says something, such as which peer is not installed."""
    return [text, *([None] * (len(columns) - 1))]


def keep_memory(module: str) -> None:
    """Start the script again with glibc keeping freed memory, unless it does; call it first.

    glibc reads these variables once, when a process starts.
    """
    if sys.platform == "linux" and any(os.environ.get(name) != value for name, value in KEEP_MEMORY.items()):
        command = [sys.executable, "-m", module, *sys.argv[1:]]
        os.execve(sys.executable, command, os.environ | KEEP_MEMORY)
