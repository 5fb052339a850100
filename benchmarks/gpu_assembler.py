"""What the assembler says of each CUDA kernel, and which of its instructions touch memory.

Read from `ptxas -v`, from `cuobjdump -sass` (a GPU's own instructions), or from PTX where there is no
cuobjdump: PTX knows neither registers nor what the assembler spills, but the widths of loads are there.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

_PROPERTIES = re.compile(r"Function properties for (\S+)")
_FRAME = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
_USED = re.compile(r"Used (\d+) registers")
_SHARED = re.compile(r"(\d+) bytes smem")
_WARNING = re.compile(r"\bwarning\b", re.IGNORECASE)
_SASS_LINE = re.compile(r"^\s*/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Za-z0-9_.]*)")
_PTX_LINE = re.compile(r"^\s*(?:@!?%p\d+\s+)?([a-z][a-z0-9_.:]*)\s")


@dataclass(frozen=True)
class Resources:
    """What `ptxas -v` says of a function, by its mangled name; bytes, but for registers."""

    name: str
    registers: int = 0
    shared: int = 0
    stack: int = 0
    spills: int = 0  # stores and loads together


def resources(said: str) -> list[Resources]:
    """The functions in what nvcc printed when it was asked for `-Xptxas=-v`."""
    found: list[Resources] = []
    name, frame = None, (0, 0)
    for line in said.splitlines():
        if match := _PROPERTIES.search(line):
            name = match[1]
        elif (match := _FRAME.search(line)) and name:
            frame = int(match[1]), int(match[2]) + int(match[3])
            found.append(Resources(name, 0, 0, *frame))
        elif (match := _USED.search(line)) and name:
            shared = _SHARED.search(line)
            if found and found[-1].name == name:
                found.pop()
            found.append(Resources(name, int(match[1]), int(shared[1]) if shared else 0, *frame))
            name, frame = None, (0, 0)
    return found


def warnings(said: str) -> list[str]:
    """The lines in which a compiler warns."""
    return [line.strip() for line in said.splitlines() if _WARNING.search(line)]


@dataclass
class Code:
    """Instructions of a kernel that matter here, counted.

    `loads` and `stores` of global memory by their width in bits; `atomics` by their spelling, for example
    "RED.ADD.F32"; `local`, loads and stores of a thread's own memory, which is spilled registers or arrays;
    `tensor`, products on tensor cores; `float64`, arithmetic in it.
    """

    loads: Counter[int] = field(default_factory=Counter)
    stores: Counter[int] = field(default_factory=Counter)
    atomics: Counter[str] = field(default_factory=Counter)
    local: int = 0
    tensor: int = 0
    float64: int = 0
    instructions: int = 0


def sass(text: str) -> dict[str, Code]:
    """Kernels, by their mangled names, of `cuobjdump -sass`."""
    found: dict[str, Code] = {}
    code = Code()
    for line in text.splitlines():
        if "Function :" in line:
            code = found.setdefault(line.split("Function :")[1].strip(), Code())
        elif match := _SASS_LINE.match(line):
            _count_sass(code, match[1])
    return found


def _count_sass(code: Code, instruction: str) -> None:
    name, *flags = instruction.split(".")
    code.instructions += 1
    if name in ("LDG", "LD"):
        code.loads[_sass_width(flags)] += 1
    elif name in ("STG", "ST"):
        code.stores[_sass_width(flags)] += 1
    elif name == "LDGSTS":  # from global to shared memory, without a register in between
        code.loads[_sass_width(flags)] += 1
    elif name in ("RED", "REDG", "ATOM", "ATOMG"):
        code.atomics[".".join([name.removesuffix("G"), *_kind(flags)])] += 1
    elif name in ("LDL", "STL"):
        code.local += 1
    elif name in ("HMMA", "IMMA", "BMMA", "HGMMA", "QGMMA", "WGMMA", "UTCHMMA", "OMMA", "QMMA"):
        code.tensor += 1
    elif name in ("DADD", "DMUL", "DFMA", "DSETP", "DMNMX"):
        code.float64 += 1


def _sass_width(flags: list[str]) -> int:
    for flag in flags:
        if flag in ("128", "64"):
            return int(flag)
        if flag in ("U8", "S8"):
            return 8
        if flag in ("U16", "S16"):
            return 16
    return 32


_ORDER = {"E", "STRONG", "GPU", "SYS", "CTA", "SM", "CLUSTER", "RN", "FTZ", "VEC", "DESC"}


def _kind(flags: Iterable[str]) -> list[str]:
    """Operation and type of an atomic, without what says whom it is ordered with."""
    return [flag for flag in flags if flag not in _ORDER]


def ptx(text: str) -> dict[str, Code]:
    """Kernels, by their mangled names, of PTX."""
    found: dict[str, Code] = {}
    code = Code()
    for line in text.splitlines():
        if match := re.search(r"\.entry (\w+)", line):
            code = found.setdefault(match[1], Code())
        elif re.search(r"^\s*(\.visible\s+|\.weak\s+)?\.func\b", line):
            code = Code()  # a function of its own, not a kernel
        elif match := _PTX_LINE.match(line):
            _count_ptx(code, match[1])
    return found


def _count_ptx(code: Code, instruction: str) -> None:
    name, *flags = instruction.split(".")
    code.instructions += 1
    bits = _ptx_width(flags)
    if name in ("ld", "ldu") and "global" in flags:
        code.loads[bits] += 1
    elif name == "st" and "global" in flags:
        code.stores[bits] += 1
    elif name in ("ld", "st") and "local" in flags:
        code.local += 1
    elif name in ("red", "atom") and "shared" not in flags:
        kept = [f for f in flags if f not in ("global", "relaxed", "gpu", "sys", "cta", "rn", "noftz")]
        code.atomics[".".join([name.upper(), *(f.upper() for f in kept)])] += 1
    elif (
        name in ("mma", "wmma", "wgmma") and "sync" in flags and "load" not in flags and "store" not in flags
    ):
        code.tensor += 1
    elif flags and flags[-1] == "f64" and name in ("add", "sub", "mul", "fma", "div"):
        code.float64 += 1


def _ptx_width(flags: list[str]) -> int:
    many = next((int(flag[1:]) for flag in flags if re.fullmatch(r"v[248]", flag)), 1)
    bits = next((int(flag[1:]) for flag in reversed(flags) if re.fullmatch(r"[usfb]\d+", flag)), 32)
    return many * bits


def cuobjdump(compiler: str | None) -> str | None:
    """The program that shows a GPU's instructions: on PATH, beside nvcc, or the one that Triton brings."""
    if found := shutil.which("cuobjdump"):
        return found
    folders = [Path(os.environ.get("CUDA_HOME", "/usr/local/cuda")) / "bin"]
    if compiler:
        folders.insert(0, Path(compiler).resolve().parent)
    spec = find_spec("triton")
    if spec is not None and spec.origin:
        folders.append(Path(spec.origin).parent / "backends" / "nvidia" / "bin")
    return next((str(f / "cuobjdump") for f in folders if os.access(f / "cuobjdump", os.X_OK)), None)


def run_cuobjdump(program: str, made: Path) -> str:
    """The instructions in an object."""
    path = f"{Path(program).parent}{os.pathsep}{os.environ.get('PATH', '')}"  # it runs nvdisasm
    ran = subprocess.run(
        [program, "-sass", str(made)], env=os.environ | {"PATH": path}, capture_output=True, text=True
    )
    if ran.returncode != 0:
        raise RuntimeError(f"cuobjdump does not read {made.name}: {ran.stderr.strip()}")
    return ran.stdout


def demangle(names: Iterable[str]) -> dict[str, str]:
    """Names as they are written in the source; the mangled ones where c++filt is not there."""
    listed = list(names)
    program = shutil.which("c++filt") or shutil.which("cu++filt")
    if program is None or not listed:
        return {name: name for name in listed}
    ran = subprocess.run([program], input="\n".join(listed), capture_output=True, text=True)
    lines = ran.stdout.splitlines()
    if ran.returncode != 0 or len(lines) != len(listed):
        return {name: name for name in listed}
    return {name: _short(line) for name, line in zip(listed, lines)}


def _short(name: str) -> str:
    """A kernel's name with its template's arguments, without its namespaces and parameters."""
    name = name.removeprefix("void ").replace("(anonymous namespace)::", "").replace("neurfield::", "")
    depth = 0
    for i, letter in enumerate(name):
        depth += {"<": 1, ">": -1}.get(letter, 0)
        if letter == "(" and depth == 0:
            return name[:i]
    return name
