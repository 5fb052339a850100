"""Builds, tests and measures the CUDA kernels on this machine's GPU, without a network, within eight minutes.

    make gpu-check                              or: python -m benchmarks.gpu_check
    make gpu-check --dry-run                    lists what would run, anywhere

Stages run one after the other, each as long as its limit says and never longer than what is left of the
whole; one that fails or overruns is reported and the next goes on. What was found is in
benchmarks/results/gpu-<name>.json: versions, stages, every figure with both absolute numbers, and what is
wanted beside what was reached. Exit code 0 if all stages that could run ended well, 1 if not, 2 without a
GPU.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.common import CHECKOUT, machine_record, markdown_table, run_script, say, write_json
from benchmarks.gpu_common import gpu_record
from benchmarks.gpu_stages import FOLDER, Stage, parts, stages
from benchmarks.gpu_wanted import WANTED, judged
from neurfield.errors import UserError

RESULTS = CHECKOUT / "benchmarks" / "results"
MINUTES = 8.0
SPARE = 8.0  # seconds of the whole that are kept for writing down what was found
LEAST = 3.0  # seconds without which a stage is not started
GRACE = 3.0  # seconds from asking a stage to end to making it
TAIL = 15  # lines of a failed stage's log that are shown


@dataclass
class Outcome:
    """What became of a stage: "passed", "failed", "overran" or "left out", and why."""

    name: str
    result: str
    why: str = ""
    seconds: float = 0.0
    limit: float = 0.0
    command: str = ""
    counts: dict[str, int] = field(default_factory=dict)  # of tests


def run_stage(stage: Stage, here: dict[str, str | None], limit: float) -> Outcome:
    """Run a stage for at most `limit` seconds, its output in its log."""
    command = shlex.join(stage.command)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in (stage.json, stage.counts):
        old.unlink(missing_ok=True)
    if stage.spared_by and here.get(stage.spared_by):
        return Outcome(stage.name, "left out", f"{stage.spared_by}: there, and up to date", command=command)
    missing = [need for need in stage.needs if not here.get(need)]
    if missing:
        return Outcome(stage.name, "left out", f"not here: {', '.join(missing)}", command=command)
    if limit < LEAST:
        return Outcome(stage.name, "left out", "the time of the whole is used up", command=command)
    started = time.perf_counter()
    with open(stage.log, "w") as log:
        process = subprocess.Popen(
            stage.command, cwd=CHECKOUT, env=os.environ | dict(stage.settings), stdout=log,
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            _end(process)
    outcome = Outcome(stage.name, "passed", "", time.perf_counter() - started, limit, command)
    outcome.counts = test_counts(stage.counts)
    if status is None:
        outcome.result, outcome.why = "overran", f"stopped after {limit:.0f} s; see {_short(stage.log)}"
    elif status != 0:
        outcome.result, outcome.why = "failed", f"exit code {status}; see {_short(stage.log)}"
    elif outcome.counts and not outcome.counts["passed"]:
        outcome.result, outcome.why = "failed", "not a single test ran"
    return outcome


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a stage and all that it started; it leads a session of its own."""
    for kind, patience in ((signal.SIGTERM, GRACE), (signal.SIGKILL, None)):
        try:
            os.killpg(process.pid, kind)
        except ProcessLookupError:
            break
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def test_counts(path: Path) -> dict[str, int]:
    """Passed, failed and skipped tests in pytest's XML; nothing where it wrote none."""
    try:
        suites = list(ElementTree.parse(path).getroot().iter("testsuite"))
    except (OSError, ElementTree.ParseError):
        return {}
    total = {k: sum(int(s.get(k, 0)) for s in suites) for k in ("tests", "failures", "errors", "skipped")}
    failed = total["failures"] + total["errors"]
    return {
        "passed": total["tests"] - failed - total["skipped"], "failed": failed, "skipped": total["skipped"],
    }  # fmt: skip


def gathered(done: list[Stage]) -> dict[str, Any]:
    """Figures, fits, code and notes out of what the benchmarks wrote."""
    found: dict[str, Any] = {"figures": [], "fits": [], "notes": [], "code": None}
    for stage in done:
        if not stage.json.is_file():
            continue
        content = json.loads(stage.json.read_text())
        if stage.name == "code":
            found["code"] = {k: content[k] for k in ("instructions", "columns", "rows", "violations")}
        for key in ("figures", "fits", "notes"):
            found[key] += [x for x in content.get(key, []) if x not in found[key]]
        found["notes"] += [f"FAILED: {text}" for text in content.get("failures", [])]
    return found


def result_of(outcomes: list[Outcome], done: list[Stage], here: dict[str, str | None]) -> dict[str, Any]:
    """All that goes into the results' file."""
    facts = gathered(done)
    return {
        "gpu": gpu_record(),
        "machine": machine_record(yardstick=False),
        "parts": here,
        "seconds": round(sum(outcome.seconds for outcome in outcomes), 1),
        "stages": [asdict(outcome) for outcome in outcomes],
        "wanted": judged(facts),
        **facts,
    }


def results_file(name: str) -> Path:
    """benchmarks/results/gpu-<name>.json: "NVIDIA H200" is nvidia-h200."""
    return RESULTS / f"gpu-{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}.json"


def plan(here: dict[str, str | None]) -> str:
    """What would run, for --dry-run."""
    lines = []
    for stage in stages():
        spared = stage.spared_by is not None and here.get(stage.spared_by)
        wants = [f"{part}: {'here' if here.get(part) else 'not here'}" for part in stage.needs]
        wants += [f"{part} (peer): {'here' if here.get(part) else 'not here'}" for part in stage.peers]
        lines += [
            f"{stage.name}: {stage.measures}",
            f"    limit {stage.limit:.0f} s; " + (", ".join(wants) or "needs nothing more")
            + (f"; spared, {stage.spared_by} is there" if spared else ""),
            "    " + " ".join([*(f"{k}={v}" for k, v in stage.settings.items()), shlex.join(stage.command)]),
        ]  # fmt: skip
    lines += ["", f"The whole: at most {MINUTES:.0f} minutes. Wanted:"]
    lines += [f"    {w.claim}: {'more than' if w.strictly else 'at least'} {w.least}" for w in WANTED]
    return "\n".join(lines)


def summary(outcomes: list[Outcome], wanted: list[dict[str, Any]]) -> str:
    """Two tables: stages, and what is wanted."""
    rows = [
        [o.name, o.result, o.seconds, o.limit, ", ".join(f"{n} {k}" for k, n in o.counts.items() if n), o.why]
        for o in outcomes
    ]
    claims = [[w["claim"], w["wanted"], w["reached"], w["verdict"]] for w in wanted]
    return "\n\n".join(
        [
            markdown_table(["stage", "result", "s", "limit s", "tests", "why"], rows),
            markdown_table(["wanted", "at least", "reached", "verdict"], claims),
        ]
    )


def main() -> None:
    """Run the stages, or list them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dry-run", action="store_true", help="list what would run, here and now")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="limit of the whole")
    parser.add_argument("--only", nargs="+", default=[], metavar="STAGE", help="just these stages")
    args = parser.parse_args()
    here = parts()
    if args.dry_run:
        print(plan(here))
        return
    chosen = [stage for stage in stages() if not args.only or stage.name in args.only]
    if len(chosen) < len(args.only):
        raise UserError(f"gpu-check: --only takes {', '.join(stage.name for stage in stages())}")
    name = here["GPU"]
    if name is None:
        raise UserError(
            f"gpu-check: no NVIDIA GPU that the torch of {sys.executable} can use (make gpu-check PYTHON=... "
            "picks another); --dry-run lists what would run"
        )
    ends = time.perf_counter() + 60.0 * args.minutes - SPARE
    outcomes: list[Outcome] = []
    for stage in chosen:
        limit = min(stage.limit, ends - time.perf_counter() - GRACE)
        say(f"== {stage.name}: {stage.measures}")
        outcome = run_stage(stage, here, limit)
        outcomes.append(outcome)
        say(f"== {stage.name}: {outcome.result} in {outcome.seconds:.0f} s {outcome.why}".rstrip())
        if outcome.result in ("failed", "overran") and stage.log.is_file():
            say("\n".join(stage.log.read_text(errors="replace").splitlines()[-TAIL:]))
        write_json(results_file(name), result_of(outcomes, chosen[: len(outcomes)], here))
    content = result_of(outcomes, chosen, here)
    print(summary(outcomes, content["wanted"]))
    say(f"written: {write_json(results_file(name), content)}")
    if any(outcome.result in ("failed", "overran") for outcome in outcomes):
        sys.exit(1)


def _short(path: Path) -> str:
    return str(path.relative_to(CHECKOUT)) if path.is_relative_to(CHECKOUT) else str(path)


if __name__ == "__main__":
    run_script(main)
