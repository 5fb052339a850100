"""A part as a configuration has chosen it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from neurfield.errors import UserError
from neurfield.parts.needs import Needs, needs_of
from neurfield.parts.shelf import Entry
from neurfield.wording import suggest


@dataclass(frozen=True)
class Part:
    """A part by its name, with all of its numbers.

    Args:
        slot: that it is in.
        label: tells parts of a slot apart; "" where the slot holds one.
        name: on the shelf.
        numbers: every declared one, by name.
        weight: of a loss, else None.
        decay: of a loss, whose weight falls as exp(-decay * progress).
        entry: where on the shelf it stands.
    """

    slot: str
    label: str
    name: str
    numbers: dict[str, Any]
    weight: float | None = None
    decay: float = 0.0
    entry: Entry = field(compare=False, repr=False, kw_only=True)

    @property
    def key(self) -> str:
        """What it is called in --set and in messages: slot.label, or the slot where that holds one part."""
        return f"{self.slot}.{self.label}" if self.label else self.slot

    def load(self) -> Callable[..., Any]:
        """Its function or class; UserError as `Entry.load`."""
        return self.entry.load()

    def make(self, **given: Any) -> Any:
        """What its function or class returns for what is given and its numbers, all by name."""
        return self.load()(**given, **self.numbers)

    def asks_for(self) -> list[str]:
        """Names of what its function or class is to be given by the fit, beside its numbers."""
        parameters = inspect.signature(self.load()).parameters.values()
        return [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]

    def make_of(self, offers: Mapping[str, Callable[[], Any]]) -> Any:
        """As `make`, of what it asks for among what a fit offers, by name; nothing else is worked out.

        Raises:
            UserError: it asks for something that this kind of fit does not have, or its numbers fit neither
                that nor one another.
        """
        names = self.asks_for()
        for name in names:
            if name not in offers:
                way_out = "choose another" if not self.label else f"leave it out with --set {self.key}=off"
                hint = suggest(name, list(offers))
                raise UserError(
                    f"'{self.key}' asks for '{name}', which this kind of fit does not have{hint}: {way_out}"
                )
        given = {name: offers[name]() for name in names}
        try:
            return self.make(**given)
        except ValueError as error:
            raise UserError(f"'{self.key}': {error}") from error

    def needs(self) -> Needs:
        """What it looks at, with its numbers in the names."""
        return needs_of(self.load()).filled(self.numbers)
