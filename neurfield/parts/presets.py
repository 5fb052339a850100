"""Preset files: where a method's file is, what it is like, and what it says, layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neurfield.errors import UserError
from neurfield.parts.fitted import FITTED
from neurfield.parts.groups import PRESETS
from neurfield.parts.yaml_text import read_mapping
from neurfield.wording import suggest

FOLDER = "methods"  # of neurfield.configs
_SECTIONS = [preset for preset in PRESETS if preset != "default"]


def methods(fits: str | None = None) -> list[str]:
    """The names that `--method` takes beside paths: one per file of the folder.

    Args:
        fits: those alone that fit this, "surface", "shape" or "picture"; None: all.
    """
    names = sorted(path.stem for path in _folder().glob("*.yaml"))
    return names if fits is None else [name for name in names if what_it_fits(name) == fits]


def what_it_fits(method: str) -> str:
    """What a method fits, "surface", "shape" or "picture": as its file says (`fits`), or what that is like.

    Raises:
        UserError: as `layers`; or it says something else.
    """
    fits = "surface"
    for path, content in _chain(_find(method)):
        fits = content.get("fits", fits)
        if fits not in FITTED:
            hint = suggest(str(fits), FITTED) or f": there are {', '.join(FITTED)}"
            raise UserError(f"{path}: 'fits': {fits!r} is not possible{hint}")
    return fits


def is_file(method: str) -> bool:
    """Whether a word of --method is a file's path, not a name."""
    return Path(method).suffix in (".yaml", ".yml") or len(Path(method).parts) > 1


def about(method: str) -> str:
    """What a method's file says of itself: its first line, where that is a comment; UserError as `layers`."""
    path = _find(method)
    read_mapping(path)  # what is no preset has no description
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    return first.lstrip("# ").rstrip() if first.startswith("#") else ""


def layers(method: str, preset: str) -> list[tuple[dict[str, Any], str]]:
    """What a method says under a preset: pairs of a layer and the file it stands in, the basis first.

    The file is "" for those of this package. What a method is like comes before its own words, and everyone's
    words for all presets come before those for this one.

    Raises:
        UserError: unknown method or preset; a file that cannot be read, is like itself in a circle, or has a
            section that is no mapping.
    """
    if preset not in PRESETS:
        raise UserError(
            f"no preset is called '{preset}'{suggest(preset, PRESETS)}; there are: {', '.join(PRESETS)}"
        )
    chain = _chain(_find(method))
    common, specific = [], []
    for path, content in chain:
        where = "" if path.parent == _folder() else str(path)
        content.pop("fits", None)  # `what_it_fits` says it
        for section in _SECTIONS:
            more = content.pop(section, {})
            if not isinstance(more, dict):
                raise UserError(f"{path}: '{section}' is no mapping: give it keys, or leave it out")
            if section == preset:
                specific.append((more, where))
        common.append((content, where))
    return [*common, *specific]


def _chain(path: Path) -> list[tuple[Path, dict[str, Any]]]:
    """A file and what it is like, the basis first."""
    files: list[tuple[Path, dict[str, Any]]] = []
    while True:
        content = read_mapping(path)
        files.insert(0, (path, content))
        if "like" not in content:
            return files
        like = content.pop("like")
        if not isinstance(like, str):
            raise UserError(
                f"{path}: 'like': {like!r} is not the name of a method or of a file beside this one"
            )
        basis = _find(like, beside=path)
        if basis.resolve() in [other.resolve() for other, _ in files]:
            way = " -> ".join([*(other.stem for other, _ in reversed(files)), basis.stem])
            raise UserError(f"{path}: 'like' goes in a circle: {way}")
        path = basis


def _find(word: str, beside: Path | None = None) -> Path:
    """The file of a method, by its name or path.

    Args:
        word: the name or path.
        beside: the file that names it, whose neighbours may be meant.

    Raises:
        UserError: there is none.
    """
    if is_file(word):
        path = Path(word) if beside is None else beside.parent / word
        if not path.is_file():
            raise UserError(f"{f'{beside}: ' if beside else ''}there is no preset file {path}")
        return path
    if word in methods():
        return _folder() / f"{word}.yaml"
    neighbour = beside.parent / f"{word}.yaml" if beside else None
    if neighbour is not None and neighbour.is_file():
        return neighbour
    names = methods() + ([other.stem for other in beside.parent.glob("*.yaml")] if beside else [])
    where = f"{beside}: 'like': " if beside else ""
    raise UserError(
        f"{where}no method is called '{word}'{suggest(word, names)}; there are: {', '.join(methods())}"
    )


def _folder() -> Path:
    import neurfield.configs

    return Path(str(neurfield.configs.__file__)).parent / FOLDER
