"""A process in a copy of the checkout that has imported what most tests import and runs tests in forks of it:
importing takes several times as long as the tests of one mutant.

Run as a script, in the copy, with its folder as an argument, then the modules to import. Reads a list of test
paths a line, in JSON, and answers each with {"code": exit status, "output": text, "late": whether it had to
be ended}.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path

LIMIT = 600.0  # seconds for the tests of one mutant; what takes longer hangs


def run_in_fork(folder: Path, paths: list[str]) -> dict[str, object]:
    """Run tests up to the first failure, in a process of their own."""
    text = folder / "output.txt"
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        os.setsid()
        file = os.open(text, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(file, stream)
        code = 70  # of software that failed
        try:
            code = int(_run(folder, paths))
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        late = time.monotonic() - started > LIMIT
        if ended or late:
            break
        time.sleep(0.02)
    if not ended:
        os.killpg(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
    output = text.read_text(errors="replace")
    return {"code": os.waitstatus_to_exitcode(status), "output": output, "late": not ended}


def _run(folder: Path, paths: list[str]) -> int:
    import pytest

    # Hypothesis draws the same examples each time: whether a mutant survives is no matter of luck.
    options = ["-x", "-q", "-rfE", "-p", "no:cacheprovider", f"--basetemp={folder / 'tmp'}"]
    if "hypothesis" in sys.modules:
        options.append("--hypothesis-seed=0")
    return int(pytest.main([*options, *paths]))


def main() -> None:
    """Answer until there is no more to read."""
    folder, modules = Path(sys.argv[1]), sys.argv[2:]
    # This file's own folder, which a script finds in front, is none of the tests' business.
    sys.path[0] = str(folder)
    os.chdir(folder)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what an import says is no answer
    for name in modules:
        importlib.import_module(name)
    for line in sys.stdin:
        print(json.dumps(run_in_fork(folder, json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
