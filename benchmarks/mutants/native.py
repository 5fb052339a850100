"""Native mistakes without building everything: the changed sources become a module of their own, whose
functions stand in front of the others'."""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from benchmarks.mutants.tree import Tree, native_modules

# As setup.py has them for the plainest instruction set, but quicker to compile; and in a namespace of their
# own, since pybind11 knows classes by their names.
FLAGS = (
    "-std=c++20", "-O1", "-fopenmp", "-fPIC", "-shared", "-fvisibility=hidden", "-ffp-contract=fast",
    "-fno-math-errno", "-fno-trapping-math", "-w", "-g0", "-Dneurfield=neurfield_mutant",
)  # fmt: skip
MODULE = "_native_mutant"
_DEFINED = re.compile(r"^void (bind_\w+)\(py(?:bind11)?::module_& module\) \{", re.MULTILINE)

# The first source is taken in, so that pybind11's headers are read once.
BINDINGS = """#include <pybind11/pybind11.h>
#include "{first}"
namespace neurfield {{
{declared}
}}
PYBIND11_MODULE({module}, module) {{
{called}
}}
"""

# In the place of the module that `neurfield.ops.native` imports.
OVERLAY = """import importlib.util

def _load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {{k: v for k, v in vars(module).items() if not k.startswith("__")}}

globals().update(_load("{base}", "{path}"))
globals().update(_load("{module}", "{mutant}"))
"""


class DoesNotBuild(Exception):
    """The compiler's words."""


def binders(sources: dict[str, str]) -> list[str]:
    """The functions that bring these sources' kernels to Python, but those that others of them call."""
    text = "\n".join(sources.values())
    return [name for name in _DEFINED.findall(text) if f"    {name}(module);" not in text]


def overlay(tree: Tree, built: Iterable[str]) -> None:
    """Compile these sources of a tree, and let its tests see them in front of the checkout's modules.

    Raises:
        DoesNotBuild: the compiler refuses, or the module cannot be loaded.
    """
    sources = list(built)
    found = binders({name: (tree.folder / name).read_text() for name in sources})
    bindings = tree.folder / "mutant_bindings.cpp"
    bindings.write_text(
        BINDINGS.format(
            first=sources[0],
            module=MODULE,
            declared="\n".join(f"void {name}(pybind11::module_& module);" for name in found),
            called="\n".join(f"    neurfield::{name}(module);" for name in found),
        )
    )
    mutant = tree.folder / f"{MODULE}.so"
    includes = [f"-I{path}" for path in (_pybind11(), sysconfig.get_paths()["include"], "csrc", ".")]
    command = [
        os.environ.get("CXX", "g++"),
        *FLAGS,
        *includes,
        *sources[1:],
        bindings.name,
        "-o",
        str(mutant),
    ]
    ran = subprocess.run(command, cwd=tree.folder, capture_output=True, text=True)
    if ran.returncode:
        raise DoesNotBuild(ran.stderr.strip().splitlines()[0] if ran.stderr else "the compiler failed")
    remove_overlay(tree)
    for base in native_modules():
        name = base.name.split(".")[0]
        (tree.folder / "neurfield" / base.name).unlink()
        text = OVERLAY.format(base=name, path=base, module=MODULE, mutant=mutant)
        tree.write(f"neurfield/{name}.py", text)
    ran = tree.python("from neurfield.ops import native; assert native.module is not None, native.status()")
    if ran.returncode:
        raise DoesNotBuild(ran.stderr.strip().splitlines()[-1])


def remove_overlay(tree: Tree) -> None:
    """Let a tree's tests see the checkout's modules again."""
    for base in native_modules():
        (tree.folder / "neurfield" / f"{base.name.split('.')[0]}.py").unlink(missing_ok=True)
        link = tree.folder / "neurfield" / base.name
        if not link.exists():
            link.symlink_to(base)


def _pybind11() -> Path:
    import pybind11

    return Path(pybind11.get_include())
