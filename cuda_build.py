"""How the CUDA kernels are compiled: for GPUs, and for the CPU, where tests run the same source.

`setup.py` builds the first where it should be. By hand, from the checkout's root:

    python cuda_build.py                 neurfield/_native_cuda, for the GPUs of NEURFIELD_CUDA_ARCHS
    python cuda_build.py --emulated      the module for tests, into build/; prints its path
    python cuda_build.py --check         compiles every file for one GPU, prints what the assembler says of it

NEURFIELD_CUDA: "auto" (the default) builds where there are both nvcc and an NVIDIA GPU, "1" wherever nvcc
is and fails without it, "0" never. NEURFIELD_CUDA_ARCHS: compute capabilities as "80,90", or "native";
without it one binary for all of `ARCHS`. Objects are kept in build/ until a source or a header changes.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ARCHS = ("75", "80", "86", "89", "90")  # what one binary is for; newer GPUs compile its PTX
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
_WARNINGS = ["-Wall", "-Wno-unknown-pragmas"]


def sources() -> list[Path]:
    """Every CUDA source of the tree."""
    return sorted((ROOT / "csrc").rglob("*.cu"))


def nvcc() -> str | None:
    """The CUDA compiler, if there is one."""
    return shutil.which("nvcc") or next(
        (str(p) for p in [Path(os.environ.get("CUDA_HOME", "/usr/local/cuda")) / "bin/nvcc"] if p.exists()),
        None,
    )


def has_gpu() -> bool:
    """Whether this machine has an NVIDIA GPU: its driver's device, or that of Windows' Linux."""
    return any(Path(device).exists() for device in ("/dev/nvidiactl", "/dev/dxg"))


def archs() -> tuple[str, ...]:
    """The GPUs to compile for: NEURFIELD_CUDA_ARCHS as "80,90", or "native", or all of `ARCHS`.

    Raises:
        ValueError: it holds something else.
    """
    wanted = os.environ.get("NEURFIELD_CUDA_ARCHS", "").strip()
    if wanted == "native":
        return ("native",)
    found = tuple(part.strip() for part in wanted.replace(";", ",").split(",")) if wanted else ARCHS
    for arch in found:
        if not (arch.isdecimal() and int(arch) >= int(ARCHS[0])):
            raise ValueError(
                f"NEURFIELD_CUDA_ARCHS={wanted}: use native, or compute capabilities as 80,90, "
                f"{ARCHS[0]} or newer"
            )
    return found


def wanted_here() -> bool:
    """Whether an installation builds the module, as NEURFIELD_CUDA says.

    Raises:
        ValueError: NEURFIELD_CUDA is none of auto, 0 and 1.
    """
    choice = os.environ.get("NEURFIELD_CUDA", "auto")
    if choice not in ("auto", "0", "1"):
        raise ValueError(f"NEURFIELD_CUDA={choice}: use auto, 0 or 1")
    return choice == "1" or (choice == "auto" and has_gpu() and nvcc() is not None)


def gpu_flags(wanted: tuple[str, ...]) -> list[str]:
    """nvcc's flags for machine code of each, and PTX of the newest for what comes after it."""
    if wanted == ("native",):
        return ["-arch=native"]
    code = [f"-gencode=arch=compute_{a},code=sm_{a}" for a in wanted]
    newest = max(wanted, key=int)
    return [*code, f"-gencode=arch=compute_{newest},code=compute_{newest}"]


def pybind11_include() -> str:
    """The folder of pybind11's headers: its own, or where that is not installed the copy that torch ships."""
    try:
        import pybind11
    except ImportError:
        spec = importlib.util.find_spec("torch")
        folder = Path(spec.origin).parent / "include" if spec and spec.origin else Path()
        if not (folder / "pybind11" / "pybind11.h").exists():
            raise
        return str(folder)
    return str(pybind11.get_include())


def _includes() -> list[str]:
    return [f"-I{pybind11_include()}", f"-I{sysconfig.get_path('include')}", "-Icsrc"]


def _defines(module: str, isa: str, archs: str) -> list[str]:
    names = {"NEURFIELD_ISA": isa, "NEURFIELD_ARCHS": archs}
    strings = [f'-D{name}="{value}"' for name, value in names.items()]
    return ["-DNEURFIELD_CUDA", f"-DNEURFIELD_MODULE={module}", *strings]


def nvcc_command(wanted: tuple[str, ...], module: str = "_native_cuda") -> list[str]:
    """How one source is compiled, without its name and output. The runtime is linked statically by `link`."""
    compiler = nvcc()
    if compiler is None:
        raise FileNotFoundError("nvcc was not found: set CUDA_HOME or put it on PATH")
    host = ["-fPIC", "-fvisibility=hidden", *_WARNINGS]
    built_for = "this GPU" if wanted == ("native",) else " ".join(f"sm_{arch}" for arch in wanted)
    return [
        compiler, "-std=c++20", "-O3", "-Xptxas=-v", "-Xfatbin=-compress-all",
        "--expt-relaxed-constexpr", "--extended-lambda",
        "-diag-suppress=3189",  # "module" is a name of ours here
        *(f"-Xcompiler={flag}" for flag in host), *gpu_flags(wanted), *_includes(),
        *_defines(module, "cuda", built_for),
    ]  # fmt: skip


def emulated_command(module: str) -> list[str]:
    """How one source is compiled for the CPU."""
    compiler = os.environ.get("CXX", "g++")
    return [
        compiler, "-x", "c++", "-std=c++20", "-O1", "-g0", "-fPIC", "-fvisibility=hidden",
        "-U_FORTIFY_SOURCE", "-ffp-contract=off", *_WARNINGS, "-Wno-attributes", *_includes(),
        *_defines(module, "emulated", "the CPU"), "-DNEURFIELD_EMULATED",
    ]  # fmt: skip


def _state(command: list[str]) -> str:
    """What an object depends on: the command and every header, by their contents."""
    digest = hashlib.sha256("\0".join(command).encode())
    for header in sorted((ROOT / "csrc").rglob("*.h")):
        digest.update(header.read_bytes())
    return digest.hexdigest()


def compile_one(command: list[str], folder: Path, source: Path, phase: str = "-c") -> tuple[Path, str]:
    """Compiles a source unless that was done; the object, and what the compiler said when it made it.

    `phase` is how far the compiler goes: "-c" to an object, "-ptx" to nvcc's portable assembly.

    Raises:
        RuntimeError: it does not compile; holds what the compiler said.
    """
    folder.mkdir(parents=True, exist_ok=True)
    key = hashlib.sha256(_state(command).encode() + source.read_bytes()).hexdigest()[:16]
    name = "_".join(source.relative_to(ROOT / "csrc").parts)
    suffix = {"-c": ".o", "-ptx": ".ptx"}[phase]
    target, said = folder / f"{name}.{key}{suffix}", folder / f"{name}.{key}.log"
    if target.exists() and said.exists():
        return target, said.read_text()
    for old in folder.glob(f"{name}.*"):
        old.unlink()
    made = target.with_suffix(".part" + suffix)
    whole = [*command, phase, str(source.relative_to(ROOT)), "-o", str(made)]
    run = subprocess.run(whole, cwd=ROOT, capture_output=True, text=True)
    if run.returncode != 0:
        raise RuntimeError(f"{source.relative_to(ROOT)} does not compile:\n{run.stdout}{run.stderr}")
    said.write_text(run.stdout + run.stderr)
    made.replace(target)
    return target, run.stdout + run.stderr


def compile_all(command: list[str], folder: Path, phase: str = "-c") -> list[tuple[Path, Path, str]]:
    """Compiles what has changed; (source, object, what the compiler said) of every source.

    Raises:
        RuntimeError: a source does not compile; holds what the compiler said.
    """
    found = sources()
    with ThreadPoolExecutor(jobs()) as pool:
        compiled = pool.map(lambda source: compile_one(command, folder, source, phase), found)
        return [(source, *made) for source, made in zip(found, compiled)]


def jobs() -> int:
    """How many compilers run at a time: MAX_JOBS, or one for each processor."""
    return int(os.environ.get("MAX_JOBS", os.cpu_count() or 1))


def link_command(command: list[str], wanted: tuple[str, ...], objects: list[str], target: Path) -> list[str]:
    """How the objects become the module: with CUDA's runtime inside, so that it needs the driver alone."""
    return [command[0], "-shared", "--cudart=static", *gpu_flags(wanted), "-o", str(target), *objects]


def build(target: Path, wanted: tuple[str, ...]) -> Path:
    """The CUDA module for these GPUs, as `target`."""
    command = nvcc_command(wanted)
    objects = [
        str(made) for _, made, _ in compile_all(command, ROOT / "build" / ("cuda-" + "-".join(wanted)))
    ]
    part = target.with_suffix(".part")
    run = subprocess.run(link_command(command, wanted, objects, part), capture_output=True, text=True)
    if run.returncode != 0:
        raise RuntimeError(f"{target.name} does not link:\n{run.stdout}{run.stderr}")
    part.replace(target)
    return target


def build_emulated() -> Path:
    """The module that runs the CUDA source on the CPU."""
    module = "_native_cuda_emulated"
    command = emulated_command(module)
    folder = ROOT / "build" / "cuda-emulated"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests in several processes ask for it at once
        objects = [str(made) for _, made, _ in compile_all(command, folder)]
        target = folder / f"{module}{SUFFIX}"
        newest = max(Path(made).stat().st_mtime for made in objects)
        if not target.exists() or newest > target.stat().st_mtime:
            part = target.with_suffix(".part")
            subprocess.run([command[0], "-shared", "-o", str(part), *objects], check=True)
            part.replace(target)
    return target


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--emulated", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    try:
        if options.emulated:
            print(build_emulated())
        elif options.check:
            for source, _, said in compile_all(nvcc_command(("90",)), ROOT / "build" / "cuda-check"):
                print(f"== {source.relative_to(ROOT)}\n{said}")
        else:
            print(build(ROOT / "neurfield" / f"_native_cuda{SUFFIX}", archs()))
    except (RuntimeError, FileNotFoundError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
