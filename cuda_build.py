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
import hashlib
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


def archs() -> tuple[str, ...]:
    """The GPUs to compile for: NEURFIELD_CUDA_ARCHS as "80,90", or "native", or all of `ARCHS`."""
    wanted = os.environ.get("NEURFIELD_CUDA_ARCHS", "")
    if wanted == "native":
        return ("native",)
    return tuple(wanted.replace(";", ",").split(",")) if wanted else ARCHS


def wanted_here() -> bool:
    """Whether an installation builds the module, as NEURFIELD_CUDA says.

    Raises:
        ValueError: NEURFIELD_CUDA is none of auto, 0 and 1.
    """
    choice = os.environ.get("NEURFIELD_CUDA", "auto")
    if choice not in ("auto", "0", "1"):
        raise ValueError(f"NEURFIELD_CUDA={choice}: use auto, 0 or 1")
    gpu = any(Path(device).exists() for device in ("/dev/nvidiactl", "/dev/dxg"))
    return choice == "1" or (choice == "auto" and gpu and nvcc() is not None)


def gpu_flags(wanted: tuple[str, ...]) -> list[str]:
    """nvcc's flags for machine code of each, and PTX of the newest for what comes after it."""
    if wanted == ("native",):
        return ["-arch=native"]
    code = [f"-gencode=arch=compute_{a},code=sm_{a}" for a in wanted]
    newest = max(wanted, key=int)
    return [*code, f"-gencode=arch=compute_{newest},code=compute_{newest}"]


def _includes() -> list[str]:
    import pybind11

    return [f"-I{pybind11.get_include()}", f"-I{sysconfig.get_path('include')}", f"-I{ROOT / 'csrc'}"]


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
        compiler, "-std=c++20", "-O3", "-lineinfo", "-Xptxas=-v",
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


def compile_all(command: list[str], folder: Path) -> list[tuple[Path, Path, str]]:
    """Compiles what has changed; (source, object, what the compiler said) of every source.

    Raises:
        RuntimeError: a source does not compile; holds what the compiler said.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = _state(command)

    def one(source: Path) -> tuple[Path, Path, str]:
        key = hashlib.sha256(state.encode() + source.read_bytes()).hexdigest()[:16]
        name = "_".join(source.relative_to(ROOT / "csrc").parts)
        target, said = folder / f"{name}.{key}.o", folder / f"{name}.{key}.log"
        if target.exists() and said.exists():
            return source, target, said.read_text()
        for old in folder.glob(f"{name}.*"):
            old.unlink()
        made = target.with_suffix(".part.o")
        run = subprocess.run([*command, "-c", str(source), "-o", str(made)], capture_output=True, text=True)
        if run.returncode != 0:
            raise RuntimeError(f"{source.relative_to(ROOT)} does not compile:\n{run.stdout}{run.stderr}")
        said.write_text(run.stdout + run.stderr)
        made.replace(target)
        return source, target, run.stdout + run.stderr

    with ThreadPoolExecutor(int(os.environ.get("MAX_JOBS", os.cpu_count() or 1))) as pool:
        return list(pool.map(one, sources()))


def build(target: Path, wanted: tuple[str, ...]) -> Path:
    """The CUDA module for these GPUs, as `target`."""
    command = nvcc_command(wanted)
    objects = [
        str(made) for _, made, _ in compile_all(command, ROOT / "build" / ("cuda-" + "-".join(wanted)))
    ]
    part = target.with_suffix(".part")
    link = [command[0], "-shared", "--cudart=static", *gpu_flags(wanted), "-o", str(part), *objects]
    subprocess.run(link, check=True)
    part.replace(target)
    return target


def build_emulated() -> Path:
    """The module that runs the CUDA source on the CPU."""
    module = "_native_cuda_emulated"
    command = emulated_command(module)
    folder = ROOT / "build" / "cuda-emulated"
    objects = [str(made) for _, made, _ in compile_all(command, folder)]
    target = folder / f"{module}{SUFFIX}"
    if not target.exists() or any(Path(made).stat().st_mtime > target.stat().st_mtime for made in objects):
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
    except (RuntimeError, FileNotFoundError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
