"""The numbers of a part: the keyword-only parameters of its function or class, read from the signature.

A parameter's annotation is the type of its number, its default the number's default, and its line under
`Args:` what the number means:

    def loss(seen, *, decay: Annotated[float, Number(least=0.0)] = 0.0, kind: Literal["l1", "l2"] = "l1"): ...

Known types are float, int, bool, str, Literal, and lists of these. A list's Number holds for each member. A
number may have words beside it: Literal["auto"] | Annotated[int, Number(least=0)].
What two numbers must keep to together is said by an attribute of the target, `wrong_numbers(**numbers)`,
which returns what is wrong or None.
"""

from __future__ import annotations

import builtins
import inspect
import math
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, replace
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from neurfield.errors import UserError
from neurfield.wording import suggest

RESERVED = ("part", "weight")  # what a preset says of a part beside its numbers
_WORDS = {"on": True, "yes": True, "true": True, "off": False, "no": False, "false": False}
_ARTICLES = {float: "a number", int: "a whole number", bool: "true or false", str: "a word"}


@dataclass(frozen=True)
class Number:
    """The range of a number: least <= x <= most, above < x < below."""

    above: float | None = None
    below: float | None = None
    least: float | None = None
    most: float | None = None

    def wrong(self, value: float) -> str | None:
        """What is wrong with a value, as the end of a sentence, or None."""
        if self.least is not None and value < self.least:
            return f"{value} is too small, at least {self.least:g} is needed"
        if self.above is not None and value <= self.above:
            return f"{value} is too small, it must be above {self.above:g}"
        if self.most is not None and value > self.most:
            return f"{value} is too large, at most {self.most:g} is possible"
        if self.below is not None and value >= self.below:
            return f"{value} is too large, it must be below {self.below:g}"
        return None

    def words(self) -> str:
        """The range for people, such as ">= 1, < 2"."""
        bounds = ((">", self.above), (">=", self.least), ("<", self.below), ("<=", self.most))
        return ", ".join(f"{sign} {bound:g}" for sign, bound in bounds if bound is not None)


@dataclass(frozen=True)
class Declared:
    """A number as its part declares it.

    Args:
        name: of the parameter.
        kind: float, int, bool or str.
        many: whether it is a list of such.
        choices: all possible values, or none named.
        range: of it, or of each member of a list.
        default: None where the number must be given.
        explanation: its line of the docstring.
        words_too: what may stand in the number's place.
    """

    name: str
    kind: type
    many: bool
    choices: tuple[Any, ...]
    range: Number
    default: Any
    explanation: str
    words_too: tuple[str, ...] = ()

    def check(self, key: str, value: Any) -> Any:
        """A value in the declared type.

        Args:
            key: what to call it in errors.
            value: as it was read of YAML.

        Raises:
            UserError: the wrong type, not finite, out of range, or none of the choices.
        """
        if not self.many:
            return self._check_one(key, value)
        if not isinstance(value, (list, tuple)):
            raise UserError(f"'{key}': {_shown(value)} is no list, write it as [a, b, c]")
        return [self._check_one(key, item) for item in value]

    def words(self) -> str:
        """Type and range for people."""
        if self.choices:
            one = " | ".join(map(str, self.choices))
        else:
            bounds = self.range.words()
            one = " | ".join([*self.words_too, self.kind.__name__ + (f" {bounds}" if bounds else "")])
        return f"list of {one}" if self.many else one

    def _check_one(self, key: str, value: Any) -> Any:
        if self.choices:
            if value is False and "off" in self.choices:
                value = "off"  # other programs read and write a bare off so
            if not any(value == choice and type(value) is type(choice) for choice in self.choices):
                words = [str(choice) for choice in self.choices]
                hint = suggest(str(value), words) or f": there are {', '.join(words)}"
                raise UserError(f"'{key}': {_shown(value)} is not possible{hint}")
            return value
        if self.words_too and isinstance(value, str):
            if value not in self.words_too:
                hint = suggest(value, self.words_too) or f": there are {self.words()}"
                raise UserError(f"'{key}': {_shown(value)} is not possible{hint}")
            return value
        if self.kind is bool and isinstance(value, str) and value.lower() in _WORDS:
            return _WORDS[value.lower()]
        if self.kind is float and type(value) is int and abs(value) <= sys.float_info.max:
            value = float(value)
        fits = type(value) is self.kind  # a bool is no int here
        if not fits:
            raise UserError(f"'{key}': {_shown(value)} is not {_ARTICLES[self.kind]}")
        if self.kind is float and not math.isfinite(value):
            raise UserError(f"'{key}': {value} is not finite, a number is needed")
        wrong = self.range.wrong(value) if self.kind in (float, int) else None
        if wrong:
            raise UserError(f"'{key}': {wrong}")
        return value


def declared(target: Callable[..., Any], key: str) -> dict[str, Declared]:
    """The numbers of a part's target, by name, in the order of its signature.

    Args:
        target: the part's function or class.
        key: what to call the part in errors.

    Raises:
        UserError: the target has no signature; a number has no type, one that is not known, a reserved name,
            or a default that breaks its own rules.
    """
    try:
        parameters = inspect.signature(target).parameters
    except (TypeError, ValueError) as error:
        raise UserError(
            f"'{key}' does not say what it takes: a part is a function or class in Python"
        ) from error
    explanations = explained(target, list(parameters))
    numbers = {}
    for name, parameter in parameters.items():
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            continue
        where = f"{key}.{name}"
        if name in RESERVED:
            raise UserError(f"'{where}': a preset says '{name}' of any part, the number needs another name")
        words_too, note = _words_too(_annotation(target, parameter))
        kind, many, choices, bounds = _read_type(where, note)
        number = Declared(name, kind, many, choices, bounds, None, explanations.get(name, ""), words_too)
        default = _default(target, parameter)
        if default is not inspect.Parameter.empty:
            default = number.check(f"{where} (its default)", default)
            number = replace(number, default=default)
        numbers[name] = number
    return numbers


def summary(target: Callable[..., Any]) -> str:
    """The first paragraph of a target's docstring, on one line."""
    return " ".join(_own_docstring(target).split("\n\n")[0].split())


def explained(target: Callable[..., Any], names: Sequence[str]) -> dict[str, str]:
    """What the `Args:` of a target's docstring say of its parameters; several may share a line.

    A class's own docstring comes before that of its __init__, and what neither says, its bases may.
    """
    family = target.__mro__[::-1] if inspect.isclass(target) else ()
    holders = [holder for member in family for holder in (vars(member).get("__init__"), member)] or [target]
    explanations: dict[str, str] = {}
    for holder in holders:
        explanations.update(_explained(_own_docstring(holder), names))
    return explanations


def _explained(docstring: str, names: Sequence[str]) -> dict[str, str]:
    section = re.search(r"^Args:\n((?:[ \t]+.*\n?|\n)*)", docstring, re.MULTILINE)
    if not section:
        return {}
    alternatives = "|".join(map(re.escape, names)) or "(?!)"
    head = re.compile(rf"(?:^|(?<=[.;]))\s*((?:{alternatives})(?:,\s+(?:{alternatives}))*):\s", re.MULTILINE)
    pieces = head.split(section[1])
    explanations = {}
    for heads, text in zip(pieces[1::2], pieces[2::2]):
        words = " ".join(text.split()).rstrip(".;")
        explanations.update({name.strip(): words for name in heads.split(",")})
    return explanations


def _own_docstring(target: object) -> str:
    return inspect.cleandoc(getattr(target, "__doc__", None) or "")


def _default(target: Callable[..., Any], parameter: inspect.Parameter) -> Any:
    spec = getattr(target, "__dataclass_fields__", {}).get(parameter.name)
    return spec.default_factory() if spec and spec.default_factory is not MISSING else parameter.default


def _annotation(target: Callable[..., Any], parameter: inspect.Parameter) -> Any:
    """Of one parameter alone: others may name what is imported for a type checker only."""
    note = parameter.annotation
    if not isinstance(note, str):
        return note
    function = inspect.unwrap(target.__init__ if inspect.isclass(target) else target)
    scope = getattr(function, "__globals__", {})
    if inspect.isclass(target):
        scope = {**vars(sys.modules.get(target.__module__, builtins)), **scope}
    try:
        return eval(note, dict(scope))  # the part's own source, which has been imported
    except Exception:
        return inspect.Parameter.empty


def _words_too(note: Any) -> tuple[tuple[str, ...], Any]:
    """The words that may stand in a number's place, and the annotation of the number."""
    if get_origin(note) in (Union, UnionType) and len(get_args(note)) == 2:
        words, number = get_args(note)
        if get_origin(words) is Literal and all(isinstance(word, str) for word in get_args(words)):
            return get_args(words), number
    return (), note


def _read_type(where: str, note: Any) -> tuple[type, bool, tuple[Any, ...], Number]:
    """kind, many, choices and range that an annotation says."""
    bounds, many = Number(), False
    while True:
        origin, arguments = get_origin(note), get_args(note)
        if origin is Annotated:
            bounds = next((item for item in arguments[1:] if isinstance(item, Number)), bounds)
            note = arguments[0]
        elif not many and arguments and isinstance(origin, type) and _is_sequence(origin, arguments):
            note, many = arguments[0], True
        else:
            break
    if origin is Literal and len({type(choice) for choice in arguments}) == 1:
        return type(arguments[0]), many, arguments, bounds
    if isinstance(note, type) and note in _ARTICLES:
        return note, many, (), bounds
    problem = f"has a type that no preset can write ({note})"
    if note is inspect.Parameter.empty:
        problem = "has no type that can be read"
    kinds = ", ".join(kind.__name__ for kind in _ARTICLES)
    raise UserError(f"'{where}' {problem}: annotate it as {kinds}, Literal, or a list of one of these")


def _is_sequence(origin: type, arguments: tuple[Any, ...]) -> bool:
    if origin is tuple:
        return len(arguments) == 2 and arguments[1] is Ellipsis
    return issubclass(origin, Sequence)


def _shown(value: Any) -> str:
    return "nothing" if value is None else repr(value)
