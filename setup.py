"""Builds the native kernels, once per instruction set and once for GPUs, without any part of torch.

Each variant of the CPU's is the same sources under other compiler flags; `neurfield.ops.native` picks one at
import. A machine without a compiler still gets the package: a variant that does not build is left out, and
the torch reference path runs instead. `cuda_build.py` says when the CUDA kernels are built, and for which
GPUs.
"""

from __future__ import annotations

import os
import platform
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

sys.path.insert(0, str(Path(__file__).resolve().parent))  # an isolated build does not look here by itself
import cuda_build

ISA_FLAGS = {"generic": []}
if platform.machine() in ("x86_64", "AMD64"):
    ISA_FLAGS["avx2"] = ["-mavx2", "-mfma", "-mf16c", "-mtune=haswell"]
    # Spelled out instead of -march=native: the result must not depend on the machine that built it.
    ISA_FLAGS["avx512"] = [
        "-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mfma", "-mtune=icelake-server",
        "-mprefer-vector-width=512",
    ]  # fmt: skip


def sources() -> list[str]:
    return sorted(str(path) for path in Path("csrc").rglob("*.cpp"))


def extension(isa: str) -> Extension:
    name = f"_native_{isa}"
    return Extension(
        f"neurfield.{name}",
        sources=sources(),
        depends=sorted(str(path) for path in Path("csrc").rglob("*.h")),
        include_dirs=[cuda_build.pybind11_include(), "csrc"],
        define_macros=[("NEURFIELD_MODULE", name), ("NEURFIELD_ISA", f'"{isa}"')],
        extra_compile_args=["-std=c++20", "-O3", "-fopenmp", "-fvisibility=hidden", "-ffp-contract=fast",
                            "-fno-math-errno", "-fno-trapping-math", "-Wall", "-g0", *ISA_FLAGS[isa]],
        extra_link_args=["-fopenmp"],
        optional=True,
        language="c++",
    )  # fmt: skip


CUDA = "neurfield._native_cuda"


def cuda_extension() -> list[Extension]:
    try:
        if not cuda_build.wanted_here():
            return []
        cuda_build.archs()
    except ValueError as error:
        sys.exit(str(error))
    required = os.environ.get("NEURFIELD_CUDA") == "1"  # asked for: a failure is the installation's
    return [Extension(CUDA, sources=[str(p) for p in cuda_build.sources()], optional=not required)]


class BuildVariants(build_ext):
    """Compiles files in parallel and keeps each variant's objects apart;
    a failed variant is skipped, said once."""

    def build_extension(self, ext: Extension) -> None:
        if ext.name == CUDA:
            target = Path(self.get_ext_fullpath(ext.name))
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                cuda_build.build(target, cuda_build.archs())
            except (RuntimeError, FileNotFoundError) as error:
                raise CompileError(str(error)) from error  # an optional module's is only told
            return
        root = Path(self.build_temp)
        self.build_temp = str(root / ext.name.rsplit(".", 1)[-1])
        one_file = self.compiler.compile

        def in_parallel(sources: list[str], **options: object) -> list[str]:
            workers = int(os.environ.get("MAX_JOBS", os.cpu_count() or 1))
            with ThreadPoolExecutor(workers) as pool:
                objects = pool.map(lambda source: one_file([source], **options), sources)
                return [name for names in objects for name in names]

        self.compiler.compile = in_parallel
        try:
            super().build_extension(ext)
        finally:
            self.compiler.compile = one_file
            self.build_temp = str(root)


setup(
    ext_modules=[*(extension(isa) for isa in ISA_FLAGS), *cuda_extension()],
    cmdclass={"build_ext": BuildVariants},
    packages=[*find_packages(include=["neurfield", "neurfield.*"]), "neurfield.configs", "neurfield.viewer"],
    package_dir={"neurfield": "neurfield", "neurfield.configs": "configs", "neurfield.viewer": "viewer"},
    package_data={"neurfield.configs": ["**/*.yaml"]},
)
