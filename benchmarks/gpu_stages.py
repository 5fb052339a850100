"""The stages of `make gpu-check`: commands, time limits, and which parts of a machine they need."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cuda_build
from benchmarks.common import CHECKOUT
from benchmarks.gpu_assembler import cuobjdump

FOLDER = CHECKOUT / "runs" / "gpu-check"
PYTEST = ("-m", "pytest", "tests/cuda", "-p", "no:cacheprovider", "-p", "benchmarks.gpu_only")
NOT_ON_GPUS = ("--ignore=tests/cuda/test_compile.py", "--ignore=tests/cuda/test_gpu_code.py")


@dataclass(frozen=True)
class Stage:
    """One command: what it is for, its limit in seconds, and the parts without which it is left out."""

    name: str
    measures: str
    limit: float
    command: tuple[str, ...]
    needs: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()  # parts that add to it
    spared_by: str | None = None  # a part that, where it is there, makes the stage superfluous
    settings: Mapping[str, str] = field(default_factory=dict)  # of the environment

    @property
    def log(self) -> Path:
        return FOLDER / f"{self.name}.log"

    @property
    def json(self) -> Path:
        """Where benchmarks leave their figures."""
        return FOLDER / f"{self.name}.json"

    @property
    def counts(self) -> Path:
        """Where pytest leaves its counts."""
        return FOLDER / f"{self.name}.xml"


def stages() -> list[Stage]:
    """All of them, in their order: those that say most come first, in case the time runs out."""
    python = sys.executable

    def benchmark(name: str, measures: str, limit: float, *needs: str, peers: tuple[str, ...] = ()) -> Stage:
        command = (python, "-m", f"benchmarks.gpu_{name}", "--out", str(FOLDER / f"{name}.json"))
        return Stage(name, measures, limit, command, ("GPU", *needs), peers)

    def sanitizer(tool: str, finds: str, limit: float) -> Stage:
        command = (
            _sanitizer() or "compute-sanitizer", "--tool", tool, "--error-exitcode", "9",
            python, *PYTEST, *NOT_ON_GPUS, "--few", "2", f"--junitxml={FOLDER / tool}.xml",
        )  # fmt: skip
        settings = {"PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}  # so that every tensor has bounds of its own
        return Stage(tool, finds, limit, command, ("GPU", "compute-sanitizer", "pytest"), settings=settings)

    code = (python, "-m", "benchmarks.gpu_code", "--arch", "native", "--out", str(FOLDER / "code.json"))
    room = (python, "-m", "neurfield", "scene", "make", "room0")
    tests = (python, *PYTEST, *NOT_ON_GPUS, f"--junitxml={FOLDER / 'tests.xml'}")
    return [
        Stage(
            "cpu-build", "builds the CPU's kernels in place", 120,
            (python, "setup.py", "build_ext", "--inplace"), ("compiler", "setuptools"),
            spared_by="CPU kernels", settings={"NEURFIELD_CUDA": "0"},
        ),
        Stage(
            "cuda-build", "builds the CUDA kernels for this GPU, in place; what has not changed is kept", 180,
            (python, "cuda_build.py"), ("GPU", "nvcc"), settings={"NEURFIELD_CUDA_ARCHS": "native"},
        ),
        Stage("tests", "tests/cuda on the GPU: values and derivatives", 90, tests, ("GPU", "pytest")),
        benchmark("encoding", "hash grid and simplex grid, three works", 45, peers=("tinycudann",)),
        benchmark("field", "the fused field's query and step", 30, "scipy"),
        benchmark("adam", "the optimiser", 12),
        benchmark("marching", "marching and compositing", 20, "dependencies", peers=("nerfacc",)),
        benchmark("extraction", "marching cubes", 20, "dependencies"),
        Stage("scene", "makes the room, on the CPU", 110, room, ("dependencies",), spared_by="room0"),
        benchmark("room0", "a fit of the room: seconds, F-scores, normals", 75, "dependencies"),
        Stage("code", "registers, spills, widths of loads of each kernel", 30, code, ("nvcc", "cuobjdump")),
        sanitizer("memcheck", "reads and writes outside of arrays, a few cases of each test", 60),
        sanitizer("racecheck", "races in shared memory, a few cases of each test", 60),
    ]  # fmt: skip


def parts() -> dict[str, str | None]:
    """What this machine has of what stages need: where or which, or None."""
    return {
        "GPU": _gpu(),
        "nvcc": cuda_build.nvcc(),
        "cuobjdump": cuobjdump(cuda_build.nvcc()),
        "compute-sanitizer": _sanitizer(),
        "compiler": shutil.which("g++") or shutil.which("c++"),
        **{name: _module(name) for name in ("setuptools", "pytest", "scipy", "tinycudann", "nerfacc")},
        "dependencies": _dependencies(),
        "CPU kernels": _cpu_kernels(),
        "CUDA kernels": _file(CHECKOUT / "neurfield" / f"_native_cuda{cuda_build.SUFFIX}"),
        "room0": _file(CHECKOUT / "data" / "room0" / "traj.txt"),
    }


def _gpu() -> str | None:
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None


def _sanitizer() -> str | None:
    """On PATH, or beside nvcc."""
    compiler = cuda_build.nvcc()
    beside = str(Path(compiler).resolve().parent) if compiler else ""
    return shutil.which("compute-sanitizer") or shutil.which("compute-sanitizer", path=beside)


def _module(name: str) -> str | None:
    spec = importlib.util.find_spec(name)
    return None if spec is None else str(spec.origin)


def _dependencies() -> str | None:
    """All that neurfield asks for; torch and NumPy alone serve the first stages."""
    names = ("scipy", "trimesh", "embreex", "safetensors", "yaml", "tyro", "rich", "PIL", "pyvips")
    return "all" if all(_module(name) for name in names) else None


def _file(path: Path) -> str | None:
    return str(path) if path.exists() else None


def _cpu_kernels() -> str | None:
    """A built module that is no older than the sources."""
    built = sorted((CHECKOUT / "neurfield").glob(f"_native_[!c]*{cuda_build.SUFFIX}"))
    sources = [p for p in (CHECKOUT / "csrc").rglob("*") if p.suffix in (".h", ".cpp")]
    newest = max((p.stat().st_mtime for p in sources), default=0.0)
    return next((str(path) for path in built if path.stat().st_mtime >= newest), None)
