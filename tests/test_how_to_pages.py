"""What the pages on adding a part and a kernel say is done here, step by step, with their own code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import cpu_build
import cuda_build
from neurfield.cli.main import main
from neurfield.ops import native
from tests.fitting.conftest import SMALL, write_sphere_scene

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[1]
BINDINGS = '#include "optim/bent_cpu.cpp"\nPYBIND11_MODULE(_bent, module) { neurfield::bind_bent(module); }\n'
AT_HAND = """
import importlib.util, sys

def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

from neurfield.ops import native
load("neurfield.ops.reference.bent", "neurfield/ops/reference/bent.py")
load("neurfield.ops.bent", "neurfield/ops/bent.py")
if native.module is not None:
    made = load("_bent", "_bent.so")
    native.module.bent_forward, native.module.bent_backward = made.bent_forward, made.bent_backward
"""  # as conftest.py: what the two lines in families.h and bindings.cpp, and the build, do


def files_of(page: str) -> dict[str, str]:
    """The files that a page shows: the last one named in the paragraph before a block, and the block."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    found = {}
    for before, language, block in re.findall(r"([^\n]+)\n\n```(\w+)\n(.*?)^```", text, re.S | re.M):
        endings = {"python": "py", "yaml": "yaml", "cpp": "cpp|h"}[language]
        names = re.findall(rf"`([\w/.]+\.(?:{endings}))`", before)
        if names:
            found[names[0]] = block
    return found


def write(files: dict[str, str], folder: Path) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def run_tests(folder: Path, name: str) -> None:
    paths = os.pathsep.join([str(folder), str(ROOT)])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:dash", name]
    environment = {**os.environ, "PYTHONPATH": paths}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0 and " passed" in ran.stdout, ran.stdout + ran.stderr


@pytest.fixture
def part(tmp_path: Path) -> Path:
    files = files_of("add-a-part.md")
    assert set(files) == {"my_loss.py", "test_my_loss.py", "my_method.yaml"}
    write(files, tmp_path)
    return tmp_path


def test_the_tests_of_the_part_pass(part: Path) -> None:
    run_tests(part, "test_my_loss.py")


def test_the_part_is_listed_and_fitted_with(part: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plugin = ["--plugin", str(part / "my_loss.py")]
    assert main(["parts", "losses.level_or_upright", *plugin]) == 0
    told = capsys.readouterr().out
    assert "nothing for walls and floors" in told and "looks at passes.{at}" in told and "up" in told
    scene = write_sphere_scene(part / "sphere")
    few = ("points.fused_depth=off", "sampler.rays=64", "sampler.samples=0", "mesh.voxel=0.1")
    small = [word for item in (*SMALL, *few) for word in ("--set", item)]
    for method in (["--set", "losses.level_or_upright=0.05"], ["--method", str(part / "my_method.yaml")]):
        out = ["--steps", "3", "--out", str(part / "runs"), *small]
        assert main(["fit", "--scene", str(scene), *plugin, *method, *out]) in (0, 1, 2)
        logs = sorted((part / "runs").glob("*/*/log.jsonl"), key=lambda path: path.stat().st_mtime)
        assert json.loads(logs[-1].read_text().splitlines()[0])["losses"]["level_or_upright"] > 0.0
        assert "my_loss.py" not in (logs[-1].parent / "config.yaml").read_text()


def test_the_kernel_builds_and_its_run_tests(tmp_path: Path) -> None:
    files = files_of("add-a-kernel.md")
    assert len(files) == 6
    write(files, tmp_path)
    write({"conftest.py": AT_HAND, "bindings.cpp": BINDINGS}, tmp_path)
    if native.module is not None:
        includes = [cuda_build.pybind11_include(), sysconfig.get_paths()["include"], "csrc", ROOT / "csrc"]
        flags = [*cpu_build.compile_flags("generic"), "-O1", "-Werror", "-fPIC", "-shared"]
        command = [os.environ.get("CXX", "g++"), *flags, *(f"-I{path}" for path in includes)]
        ran = subprocess.run(
            [*command, "bindings.cpp", "-o", "_bent.so"], cwd=tmp_path, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stderr
    run_tests(tmp_path, "tests/ops/test_bent.py")
