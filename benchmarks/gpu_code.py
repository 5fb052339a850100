"""What the CUDA kernels became: registers, spills, widths of loads; fails where one is not as it should be.

    python -m benchmarks.gpu_code [--arch 90] [--only adam]

Compiles what has changed, prints a row for each kernel, and ends with exit code 1 and a line for each
expectation of `EXPECTATIONS` that does not hold. Needs nvcc, no GPU. Instructions are the GPU's own where
cuobjdump is (Triton brings one), else PTX's. Here are also the kernels that may spill, and why.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cuda_build
from benchmarks import gpu_assembler
from benchmarks.common import markdown_table, run_script, say, write_json
from benchmarks.gpu_assembler import Code, Resources
from benchmarks.script import arguments
from neurfield.errors import UserError

# Pattern of "file: kernel<arguments>" -> why it may have a stack frame or spill. Tests read it too.
MAY_SPILL: dict[str, str] = {}

COLUMNS = ("kernel", "registers", "shared", "stack", "spills", "loads 128", "64", "32", "less", "stores 128",
           "64", "32", "less", "local", "atomics", "tensor", "float64")  # fmt: skip


@dataclass(frozen=True)
class Kernel:
    """A kernel of one source, for one GPU; `resources` is None where the assembler said nothing of it."""

    source: str  # under csrc/
    name: str  # with its template's arguments
    resources: Resources | None
    code: Code

    @property
    def full_name(self) -> str:
        return f"{self.source}: {self.name}"

    def row(self) -> list[Any]:
        """What the table shows of it."""
        known, code = self.resources, self.code
        made = [None] * 4 if known is None else [known.registers, known.shared, known.stack, known.spills]
        atomics = ", ".join(f"{count} {kind}" for kind, count in sorted(code.atomics.items()))
        moved = [
            sum(n for bits, n in counts.items() if low <= bits <= high)
            for counts in (code.loads, code.stores)
            for low, high in ((128, 256), (64, 64), (32, 32), (0, 16))
        ]
        return [self.full_name, *made, *moved, code.local, atomics or "0", code.tensor, code.float64]


@dataclass(frozen=True)
class Expectation:
    """What must hold for kernels whose full name has the pattern, from compute capability `since` on."""

    kernels: str
    text: str
    holds: Callable[[Code], bool]
    since: int = 0


def _loads(bits: int) -> Callable[[Code], bool]:
    return lambda code: code.loads[bits] > 0


def _adds(count: int) -> Callable[[Code], bool]:
    """Additions of so many floats at a time, as a GPU or as PTX spells them."""
    return lambda code: any(f"F32x{count}" in kind or f"V{count}.F32" in kind for kind in code.atomics)


EXPECTATIONS = (
    Expectation(r"", "no local memory: a thread's arrays are registers", lambda code: code.local == 0),
    # A ray's lattice goes on where a float no longer tells k from k + 1 (marching/ray_march.h).
    Expectation(
        r"^(?!marching/occupancy_cuda)",
        "no float64 arithmetic: most GPUs have next to none",
        lambda code: code.float64 == 0,
    ),
    Expectation(r"adam_cuda.cu: update<4>", "four entries a load", lambda code: code.loads[128] >= 4),
    Expectation(r"adam_cuda.cu: update<4>", "four entries a store", lambda code: code.stores[128] >= 4),
    Expectation(r"(encode|hessian)_kernel<[^,]*, 2,", "both features a load", _loads(64)),
    Expectation(r"(encode|hessian)_kernel<[^,]*, 4,", "all four features a load", _loads(128)),
    Expectation(r"scatter_kernel<[^,]*, 2,", "both features an addition", _adds(2), 90),
    Expectation(r"scatter_kernel<[^,]*, 4,", "all four features an addition", _adds(4), 90),
    Expectation(
        r"mlp_(forward|backward)_kernel<", "products on tensor cores", lambda code: code.tensor > 0, 80
    ),
)


def kernels_of(source: Path, arch: str) -> list[Kernel]:
    """The kernels of a source, compiled for `arch`.

    Raises:
        UserError: there is no nvcc.
        RuntimeError: it does not compile, or cuobjdump does not read it.
    """
    try:
        command = cuda_build.nvcc_command((arch,))
    except FileNotFoundError as missing:
        raise UserError(f"gpu_code: {missing}") from missing
    made, said = cuda_build.compile_one(command, folder_for(arch), source)
    known = {found.name: found for found in gpu_assembler.resources(said)}
    program = gpu_assembler.cuobjdump(cuda_build.nvcc())
    if program is not None:
        codes = gpu_assembler.sass(gpu_assembler.run_cuobjdump(program, made))
    else:
        flags = cuda_build.gpu_flags((arch,))
        plain = [part for part in command if part not in flags and not part.startswith("-Xptxas")]
        plain += ["-arch=native" if arch == "native" else f"-arch=compute_{arch}"]
        text, _ = cuda_build.compile_one(plain, folder_for(f"ptx-{arch}"), source, "-ptx")
        codes = gpu_assembler.ptx(text.read_text())
    names = gpu_assembler.demangle(codes)
    place = str(source.relative_to(cuda_build.ROOT / "csrc"))
    found = [Kernel(place, names[mangled], known.get(mangled), code) for mangled, code in codes.items()]
    return sorted(found, key=lambda kernel: kernel.name)


def folder_for(arch: str) -> Path:
    """Where objects of one compute capability are kept: shared with `cuda_build.py`."""
    return cuda_build.ROOT / "build" / ("cuda-check" if arch == "90" else f"cuda-{arch}")


def capability() -> int:
    """This GPU's compute capability, 90 for 9.0.

    Raises:
        UserError: there is no GPU.
    """
    import torch

    if not torch.cuda.is_available():
        raise UserError("gpu_code: --arch native needs a GPU, give a compute capability as 90")
    major, minor = torch.cuda.get_device_capability()
    return 10 * major + minor


def violations(kernel: Kernel, arch: int) -> list[str]:
    """A line for each thing that is not as it should be."""
    lines = []
    known = kernel.resources
    if known is not None and (known.stack or known.spills) and why_it_may_spill(kernel.full_name) is None:
        lines.append(f"{kernel.full_name}: {known.stack} bytes of stack, {known.spills} bytes of spills")
    for expected in EXPECTATIONS:
        wanted = re.search(expected.kernels, kernel.full_name) and arch >= expected.since
        if wanted and not expected.holds(kernel.code):
            lines.append(f"{kernel.full_name}: expected {expected.text}")
    return lines


def why_it_may_spill(full_name: str) -> str | None:
    """The reason in `MAY_SPILL`, or None."""
    return next((reason for pattern, reason in MAY_SPILL.items() if re.search(pattern, full_name)), None)


def main() -> None:
    """A table of kernels; exit code 1 where an expectation does not hold."""
    parser = arguments(__doc__, "gpu_code")
    parser.add_argument("--arch", default="90", help='a compute capability as "80", or "native"')
    parser.add_argument("--only", default="", help="sources whose path holds this")
    args = parser.parse_args()
    chosen = [
        source for source in cuda_build.sources() if args.only in str(source.relative_to(cuda_build.ROOT))
    ]
    if not chosen:
        raise UserError(f"gpu_code: no CUDA source has {args.only!r} in its path")
    kernels: list[Kernel] = []
    for source in chosen:
        say(str(source.relative_to(cuda_build.ROOT)))
        kernels += kernels_of(source, args.arch)
    program = gpu_assembler.cuobjdump(cuda_build.nvcc())
    print(markdown_table(COLUMNS, [kernel.row() for kernel in kernels]))
    whose = "the GPU has them" if program else "PTX has them: no cuobjdump here"
    print(f"\nInstructions as {whose}; memory in bytes.")
    arch = capability() if args.arch == "native" else int(args.arch)
    lines = [line for kernel in kernels for line in violations(kernel, arch)]
    content = {
        "arch": args.arch,
        "instructions": "sass" if program else "ptx",
        "columns": COLUMNS,
        "rows": [k.row() for k in kernels],
        "violations": lines,
    }
    say(f"written: {write_json(args.out, content)}")
    for line in lines:
        say(line)
    if lines:
        sys.exit(1)


if __name__ == "__main__":
    run_script(main)
