"""One label of several."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from neurfield.errors import UserError
from neurfield.slices.contours import Slices

ALL = "all"


@dataclass(frozen=True)
class ChosenLabel:
    """A file of slices, and what of it is meant.

    Attributes:
        path: of the file.
        label: a name or a number of one of its labels, or "all".
    """

    path: str | Path
    label: str


def select(slices: Slices, label: str) -> Slices:
    """The contours of one label, called NAME-LABEL; planes without any stay, and say that it is not there.

    Args:
        slices: of some labels.
        label: its name, or its number.

    Raises:
        UserError: there is none of that name, with those that there are.
    """
    number = next((k for k in slices.labels if label in (str(k), slices.called(k))), None)
    if number is None:
        if label in slices.names.values():
            raise UserError(f"--label {label}: {slices.path or slices.name} has no contour of it")
        names = ", ".join(slices.called(k) for k in slices.labels)
        raise UserError(f"--label {label}: {slices.path or slices.name} has the labels {names}")
    some = tuple(
        replace(one, contours=tuple(replace(c, label=1) for c in one.contours if c.label == number))
        for one in slices.slices
    )
    name = f"{slices.name}-{slices.called(number)}".replace("/", "-")
    called = {1: slices.names[number]} if number in slices.names else {}
    return replace(slices, name=name, slices=some, names=called, chosen=slices.called(number))
