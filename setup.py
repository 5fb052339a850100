"""Builds the native kernels, once per instruction set and once for GPUs, without any part of torch.

Each variant of the CPU's is the same sources under other compiler flags (`cpu_build.py` says which are
built); `neurfield.ops.native` picks one at import. A machine without a compiler still gets the package: a
variant that does not build is left out unless it was asked for by name, and the torch reference path runs
instead. `cuda_build.py` says when the CUDA kernels are built, and for which GPUs.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

sys.path.insert(0, str(Path(__file__).resolve().parent))  # an isolated build does not look here by itself
import cpu_build
import cuda_build

PREFIX = "neurfield._native_"
CUDA = PREFIX + "cuda"


def extension(isa: str) -> Extension:
    name = f"_native_{isa}"
    return Extension(
        f"neurfield.{name}",
        sources=cpu_build.sources(),
        depends=sorted(str(path) for path in Path("csrc").rglob("*.h")),
        include_dirs=[cuda_build.pybind11_include(), "csrc"],
        define_macros=[("NEURFIELD_MODULE", name), ("NEURFIELD_ISA", f'"{isa}"')],
        extra_compile_args=cpu_build.compile_flags(isa),
        extra_link_args=cpu_build.openmp()[1],
        optional=not os.environ.get("NEURFIELD_ISAS"),  # asked for: a failure is the installation's
        language="c++",
    )


def cuda_extension() -> list[Extension]:
    if not cuda_build.wanted_here():
        return []
    cuda_build.archs()
    required = os.environ.get("NEURFIELD_CUDA") == "1"  # asked for: a failure is the installation's
    return [Extension(CUDA, sources=[str(p) for p in cuda_build.sources()], optional=not required)]


class BuildVariants(build_ext):
    """Builds the variants that this installation wants, from pieces that are compiled in parallel and kept;
    a failed variant is skipped, said once."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.leave_out()

    def run(self) -> None:
        self.leave_out()  # again: that this is an editable installation is told late
        if not self.inplace:  # an earlier build's modules would go into the wheel
            for old in Path(self.build_lib, "neurfield").glob("_native_*"):
                old.unlink()
        super().run()

    def leave_out(self) -> None:
        """Leaves out the variants of the CPU's kernels that are not wanted here."""
        wanted = cpu_build.variants(bool(self.inplace or self.editable_mode))
        self.extensions = [
            e for e in self.extensions if e.name == CUDA or e.name.removeprefix(PREFIX) in wanted
        ]

    def build_extension(self, ext: Extension) -> None:
        if ext.name == CUDA:
            target = Path(self.get_ext_fullpath(ext.name))
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                cuda_build.build(target, cuda_build.archs())
            except (RuntimeError, FileNotFoundError) as error:
                raise CompileError(str(error)) from error  # an optional module's is only told
            return
        one_file = self.compiler.compile
        isa = ext.name.removeprefix(PREFIX)

        def in_pieces(sources: list[str], **options: object) -> list[str]:
            compiler = getattr(self.compiler, "compiler_so_cxx", self.compiler.compiler_so)
            told = [compiler, options["macros"], options["extra_postargs"], cpu_build.versions(compiler)]
            return cpu_build.compile_pieces(
                lambda source, folder: one_file([source], **{**options, "output_dir": folder}), isa, str(told)
            )

        self.compiler.compile = in_pieces
        try:
            super().build_extension(ext)
        finally:
            self.compiler.compile = one_file


try:
    cpu_build.asked_for()
    extensions = [*(extension(isa) for isa in cpu_build.ISA_FLAGS), *cuda_extension()]
except ValueError as error:
    sys.exit(str(error))

setup(
    ext_modules=extensions,
    cmdclass={"build_ext": BuildVariants},
    packages=[
        *find_packages(include=["neurfield", "neurfield.*"]),
        "neurfield.configs",
        "neurfield.viewer",
        "neurfield.viewer.web",
    ],
    package_dir={
        "neurfield": "neurfield",
        "neurfield.configs": "configs",
        "neurfield.viewer": "viewer",
        "neurfield.viewer.web": "viewer/web",
    },
    package_data={
        "neurfield": ["py.typed", "**/*.pyi", "report/*.js", "report/*.css"],
        "neurfield.configs": ["**/*.yaml"],
    },
)
