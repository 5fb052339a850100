"""Copies of the checkout to break things in, and tests run there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.mutants.mutant import ROOT

COPIED = ("neurfield", "configs", "viewer", "csrc", "tests", "benchmarks", "data", "docs", "examples")
RUNNER = Path(__file__).resolve().parent / "runner.py"
# What most tests import; they run in forks of a process that has.
WARM = (
    "torch", "numpy", "scipy.ndimage", "scipy.spatial", "scipy.sparse.csgraph", "trimesh", "PIL.Image",
    "yaml", "safetensors.torch", "rich.console", "hypothesis", "pytest",
)  # fmt: skip
_SKIP = shutil.ignore_patterns("__pycache__", "*.so", ".hypothesis", "room*")
# Test runners say 1 for failed tests; anything else (2: cannot be collected, 5: none there) shows nothing.
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class TestRun:
    """How tests ended: "passed", "failed", "crashed", "too long", or "broken" if they did not even run."""

    __test__ = False  # a name that a test runner would look into

    ended: str
    first: str  # the test that failed first
    seconds: float
    output: str


class Tree:
    """A copy of the checkout without its history, with links to the native modules."""

    def __init__(self, folder: Path, root: Path = ROOT, warm: Sequence[str] = WARM) -> None:
        """`warm`: modules to have imported before any test, none of them the checkout's."""
        self.folder, self.warm = folder, warm
        self._runner: subprocess.Popen[str] | None = None
        for name in COPIED:
            if (root / name).is_dir():
                shutil.copytree(root / name, folder / name, ignore=_SKIP, symlinks=True)
        for name in ("pyproject.toml", "setup.py", "cuda_build.py", "Makefile", "README.md"):
            if (root / name).is_file():
                shutil.copy(root / name, folder / name)
        for name in ("configs", "viewer"):  # parts of the package that lie beside it in a checkout
            if not (folder / "neurfield" / name).exists():
                (folder / "neurfield" / name).symlink_to(Path("..") / name)
        for module in native_modules(root):
            (folder / "neurfield" / module.name).symlink_to(module)

    def write(self, name: str, text: str) -> None:
        """Replace a file's text."""
        (self.folder / name).write_text(text)

    def python(self, code: str) -> subprocess.CompletedProcess[str]:
        """Run a line of Python here."""
        return subprocess.run(
            [sys.executable, "-c", code], cwd=self.folder, env=environment(self.folder), text=True,
            capture_output=True,
        )  # fmt: skip

    def expect_to_be_imported(self) -> None:
        """RuntimeError if another neurfield than this copy's would be tested."""
        ran = self.python("import neurfield; print(neurfield.__file__)")
        if not ran.stdout.startswith(str(self.folder)):
            raise RuntimeError(f"tests would not see the copy in {self.folder}: {ran.stdout}{ran.stderr}")

    def test(self, paths: Iterable[str]) -> TestRun:
        """Run tests up to the first failure."""
        started = time.perf_counter()
        if self._runner is None:
            command = [sys.executable, str(RUNNER), str(self.folder), *self.warm]
            self._runner = subprocess.Popen(
                command, cwd=self.folder, env=environment(self.folder), text=True, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, start_new_session=True,
            )  # fmt: skip
        asked, answers = self._runner.stdin, self._runner.stdout
        assert asked is not None and answers is not None
        asked.write(json.dumps(list(paths)) + "\n")
        asked.flush()
        answer = json.loads(answers.readline() or '{"code": 70, "output": "the runner ended", "late": false}')
        seconds, code, output = time.perf_counter() - started, answer["code"], answer["output"]
        failed = _FAILED.search(output)
        if answer["late"]:
            ended = "too long"
        elif code < 0:
            ended = "crashed"
        else:
            ended = {0: "passed", 1: "failed" if failed else "broken"}.get(code, "broken")
        return TestRun(ended, failed[1] if failed and ended == "failed" else "", seconds, output)

    def close(self) -> None:
        """End the process that runs the tests."""
        if self._runner is not None:
            assert self._runner.stdin is not None and self._runner.stdout is not None
            self._runner.stdin.close()
            self._runner.wait()
            self._runner.stdout.close()


def native_modules(root: Path = ROOT) -> list[Path]:
    """The compiled kernels of a checkout, the CPU's."""
    found = sorted((root / "neurfield").glob("_native_*.so"))
    return [path.resolve() for path in found if "_native_cuda" not in path.name]


def environment(folder: Path) -> dict[str, str]:
    """One thread, this copy, and no compiled Python: a file changed twice in a second would be taken for the
    same."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return {
        **os.environ, **one, "OMP_WAIT_POLICY": "PASSIVE", "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
