"""A part is given what its signature names, and nothing else is worked out for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from neurfield.errors import UserError
from neurfield.parts import Entry, Part


def source(unit_box: list[float], device: str, beside: str = "none", *, count: int = 3) -> tuple[Any, ...]:
    """A part that asks for three things and has a number."""
    return unit_box, device, beside, count


def part_of(target: Callable[..., Any], **numbers: Any) -> Part:
    return Part("points", "mine", "source", numbers, entry=Entry("points", "source", target, "my_lab"))


def offers(**given: Any) -> dict[str, Callable[[], Any]]:
    """What a fit has; asking for the scene fails."""

    def never() -> Any:
        raise AssertionError("worked out")

    return {"scene": never, **{name: (lambda value=value: value) for name, value in given.items()}}


def test_what_is_named_is_given_beside_the_numbers() -> None:
    part = part_of(source, count=7)
    assert part.asks_for() == ["unit_box", "device", "beside"]
    given = offers(unit_box=[0.0], device="cpu", beside="two", seed=3)
    assert part.make_of(given) == ([0.0], "cpu", "two", 7)


def test_a_class_is_given_what_its_init_names() -> None:
    class Chooser:
        def __init__(self, seed: int, *, images: int = 16) -> None:
            self.seed, self.images = seed, images

    made = part_of(Chooser, images=2).make_of(offers(seed=5))
    assert (made.seed, made.images) == (5, 2)


def test_what_the_fit_has_not_is_named_with_the_nearest_and_the_way_out() -> None:
    with pytest.raises(UserError) as caught:
        part_of(source, count=7).make_of(offers(unit_bix=1, device="cpu"))
    assert str(caught.value) == (
        "'points.mine' asks for 'unit_box', which this kind of fit does not have, "
        "did you mean 'unit_bix'?: leave it out with --set points.mine=off"
    )


def test_numbers_that_do_not_fit_are_one_line() -> None:
    def picky(*, count: int = 3) -> None:
        raise ValueError(f"Grid: count must be 1 or 2, got {count}")

    with pytest.raises(UserError, match=r"^'points\.mine': Grid: count must be 1 or 2, got 3$"):
        part_of(picky, count=3).make_of(offers())
