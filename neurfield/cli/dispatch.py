"""From words typed to the function of a verb; what is misspelt is answered in one line with a suggestion."""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import io
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from neurfield.errors import UserError
from neurfield.wording import suggest


@dataclass(frozen=True)
class Verb:
    """A verb: where its function is ("module:function", imported when asked for), and what it does."""

    target: str
    summary: str

    def load(self) -> Callable[..., int | None]:
        """The function, whose signature and docstring are the verb's flags and help."""
        module, _, name = self.target.partition(":")
        return getattr(importlib.import_module(module), name)


def dispatch(prog: str, about: str, verbs: dict[str, Verb], arguments: Sequence[str]) -> int:
    """Run the verb named by the first argument with the rest; print the list of verbs for none or --help.

    Returns the exit code.

    Raises:
        UserError: unknown verb or flag, or a value that cannot be read.
    """
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(overview(prog, about, verbs))
        return 0
    word, rest, who = arguments[0], list(arguments[1:]), _short(prog)
    if word not in verbs:
        hint = suggest(word, list(verbs))
        raise UserError(f"{who}there is no verb '{word}'{hint}; there are: {', '.join(verbs)}")
    function = verbs[word].load()
    if "arguments" in inspect.signature(function).parameters:  # a verb with verbs of its own
        return function(rest) or 0
    return run_function(function, f"{prog} {word}", rest)


def overview(prog: str, about: str, verbs: dict[str, Verb]) -> str:
    """What `prog --help` prints."""
    width = max(map(len, verbs))
    lines = [f"usage: {prog} VERB ...", "", about, ""]
    lines += [f"  {name:<{width}}  {verb.summary}" for name, verb in verbs.items()]
    return "\n".join([*lines, "", f"Flags of a verb: {prog} VERB --help"])


def run_function(function: Callable[..., int | None], prog: str, arguments: list[str]) -> int:
    """Call a function with flags parsed by tyro from its signature."""
    import tyro

    complaint = io.StringIO()
    values: dict[str, Any] = {}

    # The parser reads the verb's own signature and help but calls this, so that what the verb says is not
    # caught with its complaints.
    @functools.wraps(function)
    def keep(*positional: Any, **named: Any) -> None:
        values.update(inspect.signature(function).bind(*positional, **named).arguments)

    try:
        with contextlib.redirect_stderr(complaint):
            _, unknown = tyro.cli(keep, prog=prog, args=arguments, return_unknown_args=True)
    except SystemExit as stop:
        if not stop.code:
            return 0
        raise UserError(f"{_short(prog)}{_condense(complaint.getvalue())}; see `{prog} --help`") from None
    sys.stderr.write(complaint.getvalue())
    if unknown:
        raise UserError(f"{_short(prog)}{_unknown(unknown[0], function)}; see `{prog} --help`")
    return function(**values) or 0


def _short(prog: str) -> str:
    """How an error begins: the words after the program's own name, which `main` puts before every error."""
    words = prog.split()[1:]
    return f"{' '.join(words)}: " if words else ""


def _unknown(word: str, function: Callable[..., Any]) -> str:
    if not word.startswith("-"):
        return f"'{word}' is one argument too many (a path with spaces wants quotes around it)"
    flag = word.split("=")[0]
    return f"there is no flag {flag}{suggest(flag, flags(function))}"


def flags(function: Callable[..., Any]) -> list[str]:
    """The flags of a verb, as typed."""
    names = []
    for name, parameter in inspect.signature(function, eval_str=True).parameters.items():
        renamed = [
            note.name
            for note in getattr(parameter.annotation, "__metadata__", ())
            if getattr(note, "name", None)
        ]
        names.append("--" + (renamed[0] if renamed else name.replace("_", "-")))
    return names


def _condense(box: str) -> str:
    """The first part of the parser's boxed message as one line."""
    inner = [line.strip("│ ") for line in box.splitlines() if line.startswith("│")]
    if not inner:  # where stdout is not UTF-8 a title and a line of dashes stand for the box
        plain = [line.strip() for line in box.splitlines()]
        inner = plain[1 + next((i for i, line in enumerate(plain) if set(line) == {"-"}), -1) :]
    text = []
    for line in inner:
        if set(line) in ({"─"}, {"-"}) or line.startswith("Got errors"):
            break
        text.append(line)
    message = " ".join(" ".join(text).split())
    value = re.match(
        r"Error parsing (\S+): no type matching (.*) could be instantiated from \[(.*)\]", message
    )
    if value:
        return f"{value[1]}: {value[3]} cannot be read as {_kinds(value[2])}"
    value = re.match(r"Error parsing (\S+): (could not convert|invalid literal).*?: ('.*')", message)
    if value:
        return f"{value[1]}: {value[3]} cannot be read as {'a' if value[2][0] == 'c' else 'a whole'} number"
    choice = re.match(r"invalid choice ('.*') for argument '(\S+)'. Expected one of \((.*)\)", message)
    if choice:
        there_are = sorted(set(re.findall(r"'([^']*)'", choice[3])) - {"None"})  # of a set, in any order
        return f"{choice[2]}: there is no {choice[1]}; there are: {', '.join(there_are)}"
    message = re.sub(r"^Missing from [^:]*: (\S+).*", r"\1 is missing", message)
    return message.rstrip(".")


def _kinds(types: str) -> str:
    """What a value may be, of the parser's words for its types, such as {None}|INT|{all}."""
    words = {"INT": "a whole number", "FLOAT": "a number"}
    kinds = [word for word in types.split("|") if word != "{None}"]
    known = [words.get(kind, kind[1:-1] if re.fullmatch(r"\{[^{},]+\}", kind) else "") for kind in kinds]
    return " or ".join(known) if known and all(known) else "its value"
