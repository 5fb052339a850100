"""How the CPU's kernels are compiled: which variants, in which pieces, with which flags. For `setup.py`.

NEURFIELD_ISAS: "native" is the best variant for the processor that compiles, "all" every one of this kind
of machine, or names as "avx2,generic". Without it an editable installation (which `make` makes) has the
native one, since it serves this machine; a wheel, and `pip install .` makes one, has all, since it may move
to another. Objects are kept in build/ until what they are made from changes.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cuda_build

ROOT = Path(__file__).resolve().parent

# Best first. Spelled out instead of -march=native: the result must not depend on the machine that built it.
ISA_FLAGS: dict[str, list[str]] = {}
if platform.machine() in ("x86_64", "AMD64"):
    ISA_FLAGS["avx512"] = [
        "-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mfma", "-mtune=icelake-server",
        "-mprefer-vector-width=512",
    ]  # fmt: skip
    ISA_FLAGS["avx2"] = ["-mavx2", "-mfma", "-mf16c", "-mtune=haswell"]
ISA_FLAGS["generic"] = []

# What /proc/cpuinfo must say; neurfield/ops/native.py asks the same when it picks one.
NEEDED = {
    "avx512": {"avx512f", "avx512dq", "avx512bw", "avx512vl", "fma"},
    "avx2": {"avx2", "fma", "f16c"},
    "generic": set(),
}

# Sources that one compiler takes together, dearest first: pybind11's headers cost 4 s each time, more than
# most kernels. Names in the anonymous namespaces of a piece must differ. What is not listed is a piece alone.
PIECES = (
    ("encoding/grid_cpu.cpp",),
    ("encoding/grid_scatter_cpu.cpp",),
    ("encoding/kernel_*.cpp", "encoding/radial_basis*.cpp"),
    ("encoding/closed_forms*.cpp", "encoding/grid_jacobian*.cpp", "encoding/triplane*.cpp"),
    ("encoding/grid_hessian_cpu.cpp",),
    ("encoding/grid_rows_cpu.cpp",),
    ("field/*.cpp", "network/fused_mlp*.cpp"),
    ("shape/*.cpp", "surface/*.cpp"),
    ("marching/*.cpp",),
    ("kilo/*.cpp",),
    ("bindings.cpp", "common/*.cpp", "fusion/*.cpp", "optim/*.cpp"),
)


def sources() -> list[str]:
    """Every source of the CPU's kernels, from the root."""
    return sorted(str(path.relative_to(ROOT)) for path in (ROOT / "csrc").rglob("*.cpp"))


def pieces() -> list[list[str]]:
    """The sources in the pieces in which they are compiled, each in one of them."""
    left = dict.fromkeys(sources())
    found = []
    for patterns in PIECES:
        piece = [path for path in left if any(Path(path).match(f"csrc/{pattern}") for pattern in patterns)]
        for path in piece:
            del left[path]
        found.append(piece)
    return [*(piece for piece in found if piece), *([path] for path in left)]


def native() -> str:
    """The best variant for this processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    flags = next((set(line.split(":", 1)[1].split()) for line in lines if line.startswith("flags")), set())
    return next(isa for isa in ISA_FLAGS if flags >= NEEDED[isa])


def asked_for() -> tuple[str, ...] | None:
    """The variants that NEURFIELD_ISAS names, None where it is not set.

    Raises:
        ValueError: it names one that this kind of machine does not have.
    """
    wanted = os.environ.get("NEURFIELD_ISAS", "").strip()
    if not wanted:
        return None
    if wanted in ("all", "native"):
        return tuple(ISA_FLAGS) if wanted == "all" else (native(),)
    names = tuple(name.strip() for name in wanted.split(","))
    if not set(names) <= set(ISA_FLAGS):
        raise ValueError(f"NEURFIELD_ISAS={wanted}: use native, all, or some of {','.join(ISA_FLAGS)}")
    return names


def variants(editable: bool) -> tuple[str, ...]:
    """The variants that an installation builds.

    Raises:
        ValueError: as `asked_for`.
    """
    return asked_for() or ((native(),) if editable else tuple(ISA_FLAGS))


def openmp() -> tuple[list[str], list[str]]:
    """Flags of OpenMP for the compiler and the linker.

    Apple's compiler wants a header from elsewhere (Homebrew's libomp, or OPENMP_PREFIX), and there the module
    is linked with no runtime at all: it takes the one that torch has loaded, because two would fight.
    """
    if sys.platform != "darwin":
        return ["-fopenmp"], ["-fopenmp"]
    prefix = os.environ.get("OPENMP_PREFIX", "/opt/homebrew/opt/libomp")
    return ["-Xpreprocessor", "-fopenmp", f"-I{prefix}/include"], ["-undefined", "dynamic_lookup"]


def compile_flags(isa: str) -> list[str]:
    """What the compiler is told of a variant, beside macros and folders."""
    return [
        "-std=c++20", "-O3", *openmp()[0], "-fvisibility=hidden", "-ffp-contract=fast", "-fno-math-errno",
        "-fno-trapping-math", "-Wall", "-g0", *ISA_FLAGS[isa],
    ]  # fmt: skip


def read_by(piece: list[str]) -> list[Path]:
    """Every file of ours that a compiler reads for these sources."""
    found: dict[Path, None] = {}
    left = [ROOT / path for path in piece]
    while left:
        path = left.pop()
        if path not in found and path.exists():
            found[path] = None
            included = re.findall(r'^\s*#\s*include "(.+)"', path.read_text(), re.MULTILINE)
            left += [ROOT / "csrc" / name for name in included]
    return sorted(found)


def compile_pieces(compile_one: Callable[[str, str], list[str]], isa: str, command: str) -> list[str]:
    """Compiles what has changed of a variant, in parallel; the objects.

    Args:
        compile_one: compiles a source into a folder, tells the object.
        command: everything else that an object depends on.
    """
    folder = ROOT / "build" / "native" / isa

    def one(piece: list[str]) -> str:
        name = "_and_".join(Path(path).stem.removesuffix("_cpu") for path in piece[:2])
        key = hashlib.sha256(command.encode())
        for path in read_by(piece):
            key.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
        target = folder / f"{name}.{key.hexdigest()[:16]}.o"
        if target.exists():
            return str(target)
        work = folder / name
        work.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(f"{name}.*.o"):
            old.unlink()
        source = work / "piece.cpp"
        source.write_text("".join(f'#include "{Path(path).relative_to("csrc")}"\n' for path in piece))
        (made,) = compile_one(os.path.relpath(source), str(work))
        Path(made).replace(target)
        return str(target)

    with ThreadPoolExecutor(cuda_build.jobs()) as pool:
        return list(pool.map(one, pieces()))


def versions(compiler: list[str]) -> str:
    """What objects depend on beside sources and flags: the compiler, Python, pybind11."""
    try:
        told = subprocess.run([compiler[0], "--version"], capture_output=True, text=True).stdout
    except OSError:
        told = ""
    header = Path(cuda_build.pybind11_include(), "pybind11/detail/common.h").read_text()
    numbers = re.findall(r"#\s*define PYBIND11_VERSION_\w+ +(\w+)", header)
    return f"{told} {sysconfig.get_config_var('EXT_SUFFIX')} pybind11 {'.'.join(numbers)}"
