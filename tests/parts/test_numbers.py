"""Numbers as a signature declares them: types, ranges, explanations, strict checks."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest

from neurfield.errors import UserError
from neurfield.parts.numbers import Number, declared, summary
from tests.parts import stand_ins

if TYPE_CHECKING:
    from nowhere import Missing  # type: ignore[import-not-found]


def part(
    scene: Missing,
    *,
    share: Annotated[float, Number(least=0.0, below=1.0)],
    count: Annotated[int, Number(above=0, most=9)] = 3,
    kind: Literal["l1", "off"] = "l1",
    sizes: list[Annotated[int, Number(least=1)]] = [2, 3],  # noqa: B006
    bands: Annotated[tuple[float, ...], Number(least=0.0)] = (),
    fast: bool = False,
    of: str = "segment",
) -> None:
    """A part that does
    nothing.

    It has two paragraphs.

    Args:
        scene: not a number.
        share: of the steps, 0 to 1 (Someone et al. 2020,
            Eq. 3). count: how many.
        kind, of: what is
            meant: a word
        sizes: pixels.

    Returns:
        fast: nothing.
    """


def wrong(name: str, value: Any) -> str:
    """What is said about a value that is not possible."""
    with pytest.raises(UserError) as caught:
        declared(part, "x.part")[name].check(f"x.part.{name}", value)
    assert "\n" not in str(caught.value) and str(caught.value).startswith(f"'x.part.{name}': ")
    return str(caught.value)


def test_numbers_are_the_keyword_only_parameters() -> None:
    numbers = declared(part, "x.part")
    assert list(numbers) == ["share", "count", "kind", "sizes", "bands", "fast", "of"]
    assert {name: number.default for name, number in numbers.items()} == {
        "share": None, "count": 3, "kind": "l1", "sizes": [2, 3], "bands": [], "fast": False, "of": "segment",
    }  # fmt: skip


def test_types_and_ranges_in_words() -> None:
    assert [number.words() for number in declared(part, "x.part").values()] == [
        "float >= 0, < 1", "int > 0, <= 9", "l1 | off", "list of int >= 1", "list of float >= 0", "bool",
        "str",
    ]  # fmt: skip


def test_explanations_are_the_lines_of_the_docstring() -> None:
    explanations = {name: number.explanation for name, number in declared(part, "x.part").items()}
    assert explanations == {
        "share": "of the steps, 0 to 1 (Someone et al. 2020, Eq. 3)", "count": "how many",
        "kind": "what is meant: a word", "sizes": "pixels", "bands": "", "fast": "",
        "of": "what is meant: a word",
    }  # fmt: skip
    assert summary(part) == "A part that does nothing."
    field_of_today = declared(stand_ins.make_sdf, "field.sdf")
    assert field_of_today["finest_resolution"].explanation == "cells along the longest side of the box"
    assert field_of_today["features"].explanation == "of each level"
    assert field_of_today["radius"].explanation.endswith("0: from the cameras")


@pytest.mark.parametrize(
    ("name", "value", "taken"),
    [
        ("share", 0, 0.0), ("share", 0.999, 0.999), ("count", 9, 9), ("kind", "off", "off"),
        ("kind", False, "off"),
        ("sizes", [], []), ("sizes", (1, 7), [1, 7]), ("bands", [1, 0.5], [1.0, 0.5]), ("fast", "off", False),
        ("fast", "Yes", True), ("fast", True, True), ("of", "off", "off"),
    ],
)  # fmt: skip
def test_values_come_out_in_their_type(name: str, value: Any, taken: Any) -> None:
    found = declared(part, "x.part")[name].check(name, value)
    assert found == taken and type(found) is type(taken)
    if isinstance(found, list):
        assert [type(item) for item in found] == [type(item) for item in taken]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("share", -0.1, "-0.1 is too small, at least 0 is needed"),
        ("share", 1, "1.0 is too large, it must be below 1"),
        ("share", math.nan, "nan is not finite"),
        ("share", math.inf, "inf is not finite"),
        ("share", 10**400, "is not a number"),
        ("share", "0.5", "'0.5' is not a number"),
        ("share", True, "True is not a number"),
        ("share", None, "nothing is not a number"),
        ("share", [0.5], "[0.5] is not a number"),
        ("count", 0, "0 is too small, it must be above 0"),
        ("count", 10, "10 is too large, at most 9 is possible"),
        ("count", 3.0, "3.0 is not a whole number"),
        ("count", True, "True is not a whole number"),
        ("kind", "l2", "'l2' is not possible, did you mean 'l1'?"),
        ("kind", "xyzzy", "there are l1, off"),
        ("kind", True, "True is not possible"),
        ("sizes", 3, "3 is no list, write it as [a, b, c]"),
        ("sizes", "33", "'33' is no list"),
        ("sizes", [1, 0], "0 is too small, at least 1 is needed"),
        ("sizes", [1, "a"], "'a' is not a whole number"),
        ("bands", [math.nan], "nan is not finite"),
        ("fast", "maybe", "'maybe' is not true or false"),
        ("fast", 1, "1 is not true or false"),
        ("of", False, "False is not a word"),
        ("of", 3, "3 is not a word"),
    ],
)
def test_values_that_are_not_possible_are_named(name: str, value: Any, said: str) -> None:
    assert said in wrong(name, value)


def test_classes_and_dataclasses_declare_as_functions_do() -> None:
    @dataclass(kw_only=True)
    class Kept:
        sizes: list[int] = field(default_factory=lambda: [1])

    assert declared(Kept, "x.kept")["sizes"].default == [1]
    found = declared(stand_ins.Uniform, "pixels.uniform")["images_per_step"]
    assert (found.default, found.explanation) == (16, "how many images a step looks at")
    assert declared(stand_ins.NeuS, "passes.neus")["width_start"].range == Number(above=0.0)


def test_a_class_inherits_numbers_and_their_explanations() -> None:
    class Base:
        """A base.

        Args:
            width: of the base. reach: how far.
        """

        def __init__(self, *, width: float = 1.0, reach: float = 2.0) -> None: ...

    class Heir(Base):
        """An heir."""

    class Other(Base):
        """Another heir.

        Args:
            width: of the heir.
        """

    assert [n.explanation for n in declared(Heir, "x.y").values()] == ["of the base", "how far"]
    assert [n.explanation for n in declared(Other, "x.y").values()] == ["of the heir", "how far"]
    assert summary(Heir) == "An heir."


def no_type(*, scale=1.0) -> None:  # type: ignore[no-untyped-def]
    """A number without a type."""


def odd_type(*, scale: dict[str, int]) -> None:
    """A number of a type that no preset can write."""


def list_as_type(*, scale: [float] = 1.0) -> None:  # type: ignore[valid-type]
    """A type that is none."""


def unknown_type(*, scale: Missing) -> None:
    """A number of a type that only a type checker sees."""


def two_types(*, scale: int | None = None) -> None:
    """A number that may be nothing."""


def bad_default(*, scale: Annotated[float, Number(above=0.0)] = 0.0) -> None:
    """A default out of its own range."""


def reserved(*, weight: float = 1.0) -> None:
    """A number with a name that presets need."""


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (no_type, "'x.y.scale' has no type that can be read"),
        (odd_type, "'x.y.scale' has a type that no preset can write"),
        (unknown_type, "'x.y.scale' has no type that can be read"),
        (list_as_type, "'x.y.scale' has a type that no preset can write"),
        (dict, "'x.y' does not say what it takes"),
        (two_types, "'x.y.scale' has a type that no preset can write"),
        (bad_default, "'x.y.scale (its default)': 0.0 is too small"),
        (reserved, "'x.y.weight': a preset says 'weight' of any part"),
    ],
)
def test_a_declaration_that_cannot_hold_is_named(target: Any, said: str) -> None:
    with pytest.raises(UserError) as caught:
        declared(target, "x.y")
    assert said in str(caught.value) and "\n" not in str(caught.value)


def of_frames(*, every: Literal["auto"] | Annotated[int, Number(least=0)] = "auto") -> None:
    """A number that a word may stand for.

    Args:
        every: so many.
    """


def test_a_word_may_stand_for_a_number() -> None:
    number = declared(of_frames, "x.part")["every"]
    assert number.default == "auto" and number.words() == "auto | int >= 0"
    assert number.check("x.part.every", 8) == 8 and number.check("x.part.every", "auto") == "auto"
    for value, said in (
        ("autp", "did you mean 'auto'"),
        ("8", "auto | int >= 0"),
        (-1, "at least 0"),
        (2.5, "whole"),
    ):
        with pytest.raises(UserError, match=re.escape(said)):
            number.check("x.part.every", value)
