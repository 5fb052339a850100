"""What a part looks at, as a mark on its function, and whether all of it is there.

Names are those of `Seen`: gradients, pixels.prior_depth, points.fused_depth, passes.surface. A name may hold
a number of the part: "passes.{at}" is the pass that the number `at` names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+|\.\{[a-z0-9_]+\})*")
T = TypeVar("T", bound=Callable[..., Any])


@dataclass(frozen=True)
class Needs:
    """Names that a part looks at.

    Attributes:
        required: without one of these a fit does not begin.
        optional: without one of these the part idles.
    """

    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()

    def filled(self, numbers: Mapping[str, Any]) -> Needs:
        """The same with the part's numbers in the names."""
        both = (self.required, self.optional)
        return Needs(*(frozenset(name.format(**numbers) for name in names) for names in both))


def needs(*names: str, optional: Iterable[str] = ()) -> Callable[[T], T]:
    """Mark a part's function or class with what it looks at.

    Args:
        names: without one of these a fit does not begin.
        optional: without one of these the part idles, for what it looks at is there in some scenes and
            missing in others.

    Raises:
        ValueError: a name that is not words joined by dots.
    """
    required, idle = frozenset(names), frozenset(optional)
    for name in required | idle:
        if not _NAME.fullmatch(name):
            raise ValueError(f"needs: '{name}' is not words joined by dots, such as pixels.prior_depth")

    def mark(target: T) -> T:
        target.needs, target.optional = required, idle  # type: ignore[attr-defined]
        return target

    return mark


def needs_of(target: Callable[..., Any]) -> Needs:
    """What a part's function or class is marked with; nothing where it has no mark."""
    return Needs(*(getattr(target, name, frozenset()) for name in ("needs", "optional")))
