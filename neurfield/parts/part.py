"""A part as a configuration has chosen it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from neurfield.parts.needs import Needs, needs_of
from neurfield.parts.shelf import Entry


@dataclass(frozen=True)
class Part:
    """A part by its name, with all of its numbers.

    Args:
        label: tells parts of a slot apart; "" where the slot holds one. weight: of a loss, else None.
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

    def needs(self) -> Needs:
        """What it looks at, with its numbers in the names."""
        return needs_of(self.load()).filled(self.numbers)
