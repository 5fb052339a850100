"""`neurfield bench`: the benchmarks of a source checkout, each in a process of its own."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from neurfield.cli.console import complain, next_commands, say
from neurfield.errors import UserError
from neurfield.wording import suggest

PAGE = Path("docs") / "performance.md"


def bench(
    names: Annotated[
        Positional[tuple[str, ...]], arg(metavar="NAME", help_behavior_hint="(default: all, with --quick)")
    ] = (),
    quick: bool = False,
    all: bool = False,
    out: Annotated[str, arg(metavar="DIR")] = "runs/bench",
    publish: bool = False,
) -> int:
    """Run benchmarks of this source checkout: tables here, JSON and pictures in a folder.

    Without a name or --all, lists them and takes a quick look at each, in a couple of minutes.

    Args:
        names: which to run.
        quick: fewer rows and repeats: a look, not a figure.
        all: every one, in full.
        out: folder of the JSON files and pictures.
        publish: then write what is in the folder into docs/performance.md.
    """
    root = checkout()
    benchmarks = benchmarks_in(root)
    for name in names:
        if name not in benchmarks:
            hint = suggest(name, list(benchmarks))
            raise UserError(
                f"bench: there is no benchmark '{name}'{hint}; there are: {', '.join(benchmarks)}"
            )
    if names and all:
        raise UserError("bench: give names or --all, not both")
    if publish and (quick or not (names or all)):
        raise UserError(
            "bench: --publish wants figures, not a quick look: give --all or names, without --quick"
        )
    if not names and not all:
        width = max(len(name) for name in benchmarks)
        say(*(f"  {name:<{width}}  {summary}" for name, summary in benchmarks.items()), "")
        quick = True
    folder = Path(out).expanduser().resolve() / ("quick" if quick else "")  # looks are not figures
    failed = [name for name in names or benchmarks if not _run(root, name, folder, quick)]
    say("", f"tables and pictures: {folder}")
    if publish:
        written = [str(path) for path in sorted(folder.glob("*.json"))]
        done = subprocess.run([sys.executable, "-m", "benchmarks.performance_page", *written], cwd=root)
        if done.returncode:
            return done.returncode
        say(f"page: {root / PAGE}")
    if failed:
        complain(f"bench: {', '.join(failed)} did not end well, see above")
        return 1
    if quick:
        next_commands(("neurfield bench --all", "the same in full, about twenty minutes"))
    elif publish:
        next_commands((f"git diff {PAGE}", "shows what changed"))
    else:
        next_commands((f"neurfield bench --all --out {out} --publish", f"measures all and writes {PAGE}"))
    return 0


def checkout() -> Path:
    """The source checkout that this package runs from.

    Raises:
        UserError: the package was installed without it.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / "benchmarks" / "script.py").is_file():
        raise UserError(
            "bench: the benchmarks are in the source checkout and not in the installed package: "
            "run `pip install -e .` in a checkout, then `neurfield bench`"
        )
    return root


def benchmarks_in(root: Path) -> dict[str, str]:
    """Names of the benchmarks, and the first line of what each says of itself."""
    summaries = {}
    for path in sorted((root / "benchmarks").glob("bench_*.py")):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        summaries[path.stem.removeprefix("bench_")] = text.partition("\n")[0]
    return summaries


def _run(root: Path, name: str, folder: Path, quick: bool) -> bool:
    """Run one benchmark, its output passing through; whether it ended well."""
    say(f"== {name}")
    command = [sys.executable, "-m", f"benchmarks.bench_{name}", "--out", str(folder / f"{name}.json")]
    started = time.perf_counter()
    ended = subprocess.run([*command, "--quick"] if quick else command, cwd=root)
    say(f"== {name}: {time.perf_counter() - started:.0f} s", "")
    return ended.returncode == 0
