"""Packages that show the names of their modules, and import a module when one of its names is first used.

What a package shows is written once, in the stub `__init__.pyi` beside its `__init__.py`: type checkers read
it, and so does `export`.
"""

from __future__ import annotations

import ast
import importlib
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any


def export(package: str) -> list[str]:
    """Makes a package show what its stub imports: `__all__ = export(__name__)` in its `__init__.py`.

    The package's own modules are attributes too. Where a function has its module's name (`ops.sdf_query`),
    the attribute is the function, whoever imported the module before.
    """
    module = sys.modules[package]
    assert module.__file__ is not None
    module.__dict__["_home_of"] = _homes(Path(module.__file__).with_suffix(".pyi"))
    module.__class__ = _Package
    return sorted(module.__dict__["_home_of"])


def _homes(stub: Path) -> dict[str, str]:
    """The module of each name that a stub imports."""
    statements = ast.parse(stub.read_text(encoding="utf-8")).body
    imports = [s for s in statements if isinstance(s, ast.ImportFrom) and s.module != "__future__"]
    return {alias.name: str(statement.module) for statement in imports for alias in statement.names}


class _Package(ModuleType):
    _home_of: dict[str, str]

    def __getattr__(self, name: str) -> Any:
        home = self._home_of.get(name)
        if home is not None:
            self.__dict__[name] = shown = getattr(importlib.import_module(home), name)
            return shown
        if not name.startswith("_") and find_spec(f"{self.__name__}.{name}") is not None:
            return importlib.import_module(f"{self.__name__}.{name}")
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __setattr__(self, name: str, value: object) -> None:
        # Python sets a module on its package when it has imported it; a name that is shown stays what it is.
        if not (isinstance(value, ModuleType) and name in self._home_of):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._home_of})
