"""Parts from outside the package: installed ones (entry points), and modules named with --plugin.

An installed distribution says in its metadata, under the group `neurfield.parts`, which parts it brings:
`losses.curvature = my_lab:curvature`. A module says it in a dict: `PARTS = {"losses.curvature": curvature}`.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from neurfield.errors import UserError
from neurfield.parts.numbers import RESERVED
from neurfield.parts.shelf import SLOTS, Entry, Shelf
from neurfield.wording import suggest

GROUP = "neurfield.parts"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_files: dict[Path, ModuleType] = {}  # plug-ins that are files, run once as any module


def whole_shelf(plugins: Sequence[str] = ()) -> Shelf:
    """Neurfield's parts, installed ones, and those of the plug-ins that are asked for.

    Args:
        plugins: each an importable module, or a path to a .py file. Nothing of an installed part is run
            before the part is used.

    Raises:
        UserError: a plug-in does not import, says nothing of parts, or brings what is no part or a name that
            is taken.
    """
    shelf = Shelf.own()
    for point in _entry_points():
        shelf.add(_entry(point.name, point.value, _module_of(point)))
    files: dict[str, str] = {}
    for word in plugins:
        name, module = _named_module(word)
        if files.setdefault(name, str(module.__file__)) != str(module.__file__):
            raise UserError(f"--plugin {word}: another plug-in is called '{name}' already, rename the file")
        for key, target in _parts_of(word, module).items():
            if not callable(target):
                raise UserError(
                    f"--plugin {word}: '{key}' is a {type(target).__name__}, a part is a function or a class"
                )
            shelf.add(_entry(key, target, name))
    return shelf


def missing(recorded: Sequence[str], plugins: Sequence[str]) -> list[str]:
    """The names of plug-ins that a run used and that are neither asked for nor installed."""
    here = {_is_file(word)[1] for word in plugins} | {_module_of(point) for point in _entry_points()}
    return [name for name in recorded if name not in here]


def _entry_points() -> list[Any]:
    from importlib.metadata import entry_points

    return sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value))


def _module_of(point: Any) -> str:
    """The module of an entry point, which is the plug-in's name."""
    return point.value.partition(":")[0].strip()


def _entry(key: str, target: Any, plugin: str) -> Entry:
    """A part under its key, slot.name, where this is well formed (else UserError)."""
    slot, _, name = key.partition(".") if isinstance(key, str) else (str(key), "", "")
    brings = f"the plug-in '{plugin}' brings '{key}'"
    if not name:
        raise UserError(f"{brings}, which names no slot: write it as slot.name, such as losses.{slot}")
    if slot not in SLOTS:
        hint = suggest(slot, SLOTS) or f"; there are: {', '.join(SLOTS)}"
        raise UserError(f"{brings}, and there is no slot '{slot}'{hint}")
    if not _NAME.fullmatch(name) or name in (*RESERVED, "off"):
        raise UserError(
            f"{brings}, and '{name}' is no name for a part: small letters, digits and _, not 'off'"
        )
    return Entry(slot, name, target, plugin)


def _named_module(word: str) -> tuple[str, ModuleType]:
    """A plug-in's name, which a run records, and its module, imported."""
    path, name = _is_file(word)
    try:
        return name, importlib.import_module(word) if path is None else _run_file(path)
    except (Exception, SystemExit) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        hint = ""
        if path is None and isinstance(error, ModuleNotFoundError) and error.name == word.partition(".")[0]:
            hint = f": install it, or give its file as --plugin path/to/{word.partition('.')[0]}.py"
        raise UserError(f"--plugin {word}: it cannot be imported ({reason}){hint}") from error


def _is_file(word: str) -> tuple[Path | None, str]:
    """The file that a word of --plugin names, or None for a module, and the plug-in's name."""
    path = Path(word)
    return (path, path.stem) if path.suffix == ".py" or len(path.parts) > 1 else (None, word)


def _run_file(path: Path) -> ModuleType:
    """The module that a file is; it is not put where an import of its name would find it."""
    path = path.resolve()
    if path in _files:
        return _files[path]
    name = f"_neurfield_plugin_{len(_files)}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError("a plug-in is a file that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    _files[path] = module
    return module


def _parts_of(word: str, module: ModuleType) -> dict[str, Any]:
    parts = getattr(module, "PARTS", None)
    if not isinstance(parts, dict) or not parts:
        raise UserError(
            f"--plugin {word}: it does not say which parts it brings; "
            'give it a dict such as PARTS = {"losses.curvature": curvature}'
        )
    return parts
