"""What a loss looks at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def needs(*names: str, optional: tuple[str, ...] = ()) -> Callable[[F], F]:
    """Mark a loss with the names of what it looks at."""

    def mark(function: F) -> F:
        function.needs, function.optional = frozenset(names), frozenset(optional)  # type: ignore[attr-defined]
        return function

    return mark
