"""What parts look at, compared with what there is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol, TypeVar

from neurfield.errors import UserError
from neurfield.parts.part import Part


class Offering(Protocol):
    """What brings something that losses may look at, such as a point source.

    Attributes:
        offers: names of it.
    """

    offers: frozenset[str]


T = TypeVar("T", bound=Offering)


def looked_at(parts: Iterable[Part]) -> frozenset[str]:
    """All names that some parts look at: what a fit reads and draws."""
    every = [part.needs() for part in parts]
    return frozenset(name for need in every for name in (*need.required, *need.optional))


def of_use(sources: Iterable[T], needed: Collection[str]) -> list[T]:
    """The sources of which something is looked at, if only a column; what nobody needs is not drawn."""

    def needs(offer: str) -> bool:
        return any(name == offer or name.startswith(f"{offer}.") for name in needed)

    return [source for source in sources if any(map(needs, source.offers))]


def awake(parts: Mapping[str, Part], offered: Collection[str], fitted: str = "scene") -> dict[str, Part]:
    """The parts that find all they look at among what is offered; those that idle are left out.

    Args:
        parts: by label.
        offered: names.
        fitted: what has the pixels, in words.

    Raises:
        UserError: something that a part cannot do without is missing; with the way out.
    """
    active = {}
    for label, part in parts.items():
        need = part.needs()
        for name in sorted(need.required):
            if name not in offered:
                owner = fitted if name.startswith("pixels.") else "method"
                way_out = f"leave it out with --set {part.key}=off" if part.label else "choose another part"
                raise UserError(f"'{part.key}' looks at {name}, and the {owner} has none: {way_out}")
        if all(name in offered for name in need.optional):
            active[label] = part
    return active
