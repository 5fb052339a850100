"""YAML as people mean it: words stay words, and nothing is given twice.

PyYAML follows YAML 1.1, where off, no and y are false, 1:30 is 90, 010 is 8, 1e-3 is a word, and of two equal
keys the last one silently wins. Here true and false are the only truth values, numbers are decimal, and a
key given twice is a mistake.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

import yaml

from neurfield.errors import UserError


class _Reader(yaml.SafeLoader):
    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


class _Writer(yaml.SafeDumper):
    """Quotes words that YAML 1.1 would read as something else, for other programs' sake."""


for _tag, _pattern, _first in (
    ("bool", r"true|false|True|False", "tfTF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf)|\.(?:nan|NaN)",
        "-+.0123456789",
    ),
    ("merge", "<<", "<"),
):
    for _side in (_Reader, _Writer):  # the writer quotes a word that would be read as something else
        _side.add_implicit_resolver(
            f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})$"), list(_first)
        )


def _mapping(reader: _Reader, node: yaml.MappingNode) -> dict[str, Any]:
    wrong = yaml.constructor.ConstructorError
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise wrong(None, None, "a key is a word", key.start_mark)
        if key.value in seen:
            raise wrong(None, None, f"'{key.value}' is given twice", key.start_mark)
        seen.add(key.value)
    reader.flatten_mapping(node)
    return {key.value: reader.construct_object(value, deep=True) for key, value in node.value}


_Reader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Reader.add_constructor("tag:yaml.org,2002:int", lambda reader, node: int(node.value))
_Writer.add_representer(
    list, lambda writer, value: writer.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=True)
)


def read_text(text: str, where: str) -> Any:
    """What a text in YAML says; where: what to call it.

    Raises:
        UserError: it is not YAML, or gives a key twice; with the line.
    """
    try:
        return yaml.load(text, Loader=_Reader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f", line {mark.line + 1}" if mark is not None and "\n" in text.strip() else ""
        raise UserError(f"{where}{line}: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{where}: not readable as YAML ({str(error).splitlines()[0]})") from error


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping in a file.

    Raises:
        UserError: the file is missing or not text, or holds no mapping; and as `read_text`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise UserError(f"{path}: cannot be read ({reason})") from error
    content = read_text(text, str(path))
    if not isinstance(content, dict):
        found = "nothing" if content is None else f"a {type(content).__name__}"
        raise UserError(f"{path}: names with their values are needed, such as 'like: neus'; this is {found}")
    return content


def write_text(content: dict[str, Any]) -> str:
    """YAML that `read_text` reads as the same content; keys keep their order."""
    return _dumped(content, sort_keys=False, width=1000)


def write_value(value: Any) -> str:
    """A value as it stands after key= in an override, on one line."""
    text = _dumped(value, default_flow_style=True, width=1_000_000)
    return text.removesuffix("\n").removesuffix("\n...")


def _dumped(value: Any, **how: Any) -> str:
    """As YAML, letters as they are; characters that only break lines, such as U+0085, are escaped."""
    text = yaml.dump(value, Dumper=_Writer, allow_unicode=True, **how)
    if all(line.isprintable() for line in text.split("\n")):
        return text
    return yaml.dump(value, Dumper=_Writer, allow_unicode=False, **how)
