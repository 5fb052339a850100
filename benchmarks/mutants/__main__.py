"""`python -m benchmarks.mutants`: break one line at a time and ask whether a test notices."""

from __future__ import annotations

import argparse
import os
import queue
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from benchmarks.mutants.catalogue import MUTANTS
from benchmarks.mutants.mutant import ROOT, Mutant
from benchmarks.mutants.native import DoesNotBuild, overlay, remove_overlay
from benchmarks.mutants.results import MOST_SURVIVORS, Kept, Outcome, publish, table
from benchmarks.mutants.tree import TestRun, Tree


def try_out(tree: Tree, mutant: Mutant) -> Outcome:
    """Break a tree, run the mutant's tests, mend the tree."""
    whole = (ROOT / mutant.file).read_text()
    started = time.perf_counter()
    try:
        tree.write(mutant.file, mutant.broken())
        if mutant.built:
            overlay(tree, mutant.built)
        run = tree.test(mutant.tests)
    except (LookupError, DoesNotBuild) as reason:
        return Outcome("error", f"{type(reason).__name__}: {reason}", time.perf_counter() - started)
    finally:
        tree.write(mutant.file, whole)
        if mutant.built:
            remove_overlay(tree)
    return judged(run, time.perf_counter() - started)


def judged(run: TestRun, seconds: float) -> Outcome:
    """A mutant is killed by a test that failed, crashed or never ended; not by tests that did not run."""
    if run.ended == "passed":
        return Outcome("survived", "", seconds)
    if run.ended == "broken":
        return Outcome("error", f"the tests did not run: {run.output.strip()[-300:]}", seconds)
    return Outcome("killed", run.first or run.ended, seconds)


def try_whole(tree: Tree, built: tuple[str, ...], paths: Sequence[str]) -> TestRun:
    """The same tests where nothing is broken: unless they pass, they show nothing."""
    try:
        if built:
            overlay(tree, built)
        return tree.test(paths)
    finally:
        if built:
            remove_overlay(tree)


def groups_of(mutants: Sequence[Mutant]) -> dict[tuple[str, ...], list[str]]:
    """All tests that are run, by the native sources in front of which they are, and by folder."""
    groups: dict[tuple[str, ...], set[str]] = {}
    for mutant in mutants:
        for path in mutant.tests:
            groups.setdefault(mutant.built or ("", str(Path(path).parent)), set()).add(path)
    return {built: sorted(paths) for built, paths in groups.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Try all mutants; 0 if at most a twentieth survives and each was tried."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants", description=__doc__)
    parser.add_argument(
        "--only", default="", help="those whose file or fault holds this text; publishes nothing"
    )
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="at the same time, one core each"
    )
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier run found")
    options = parser.parse_args(arguments)
    mutants = [mutant for mutant in MUTANTS if options.only in mutant.name]
    kept = Kept(ROOT / "build" / "mutants" / "outcomes.jsonl", options.fresh)
    # Of the files as they are copied below: who edits them meanwhile changes nothing of what is tried.
    keys = {mutant: mutant.key() for mutant in mutants if _applies(mutant)}
    left = [m for m in mutants if keys.get(m) not in kept.found]
    left.sort(key=lambda m: not m.built)  # what takes longest first
    print(f"{len(mutants)} mistakes, {len(mutants) - len(left)} tried before", flush=True)
    outcomes = {m: kept.found[keys[m]] for m in mutants if m not in left}
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        trees = [Tree(Path(folder) / str(k)) for k in range(min(options.jobs, len(left)))]
        free: queue.Queue[Tree] = queue.Queue()
        for tree in trees:
            tree.expect_to_be_imported()
            free.put(tree)

        def with_tree(work: Callable[..., object], *given: object) -> object:
            tree = free.get()
            try:
                return work(tree, *given)
            finally:
                free.put(tree)

        with ThreadPoolExecutor(options.jobs) as pool:
            if not _whole_passes(pool, with_tree, left):
                return 1
            waiting = {pool.submit(with_tree, try_out, mutant): mutant for mutant in left}
            try:
                for count, done in enumerate(as_completed(waiting), start=1):
                    mutant, outcome = waiting[done], done.result()
                    assert isinstance(outcome, Outcome)
                    outcomes[mutant] = outcome
                    if mutant in keys:
                        kept.add(keys[mutant], outcome)
                    print(
                        f"[{count}/{len(left)}] {outcome.state:8} {outcome.seconds:4.0f} s  {mutant.name}"
                        + (f"  ({outcome.by})" if outcome.by else ""), flush=True,
                    )  # fmt: skip
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        for tree in trees:
            tree.close()
    ordered = [outcomes[mutant] for mutant in mutants]
    text = table(mutants, ordered)
    print("\n" + text)
    if not options.only:
        publish(text)
    survivors = sum(outcome.state != "killed" for outcome in ordered)
    errors = sum(outcome.state == "error" for outcome in ordered)
    return 0 if survivors <= MOST_SURVIVORS * len(ordered) and not errors else 1


def _whole_passes(
    pool: ThreadPoolExecutor, with_tree: Callable[..., object], mutants: Sequence[Mutant]
) -> bool:
    """Whether all tests pass where nothing is broken; says which do not."""
    groups = groups_of(mutants)
    waiting = {}
    for key, paths in groups.items():
        built = () if key[0] == "" else key
        waiting[pool.submit(with_tree, try_whole, built, paths)] = (built, paths)
    fine = True
    for done in as_completed(waiting):
        built, paths = waiting[done]
        run = done.result()
        assert isinstance(run, TestRun)
        what = f"{len(paths)} test files" + (f" with {', '.join(built)} compiled apart" if built else "")
        print(f"nothing broken, {what}: {run.ended} {run.seconds:.0f} s", flush=True)
        if run.ended != "passed":
            fine = False
            print(run.output[-3000:])
    if not fine:
        print("Tests fail where nothing is broken: mend them first, for now they would notice anything.")
    return fine


def _applies(mutant: Mutant) -> bool:
    try:
        mutant.broken()
    except LookupError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
