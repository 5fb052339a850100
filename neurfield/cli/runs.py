"""What verbs share that open a run's folder: flags, and how they end where a part was not made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from tyro.conf import UseAppendAction, arg

from neurfield.cli.console import complain
from neurfield.errors import UserError

MovedScene = Annotated[
    str | None, arg(metavar="PATH", help_behavior_hint="(default: where it was when the run was fitted)")
]
Plugin = Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="MODULE|FILE.py", help_behavior_hint="")]


def tell_troubles(troubles: Iterable[Exception]) -> int:
    """Tell, one line each, what could not be made; returns the exit code, the largest of theirs.

    Raises:
        Exception: the first trouble that is a fault of ours.
    """
    code = 0
    for trouble in troubles:
        if not isinstance(trouble, UserError):
            raise trouble
        complain(str(trouble))
        code = max(code, trouble.exit_code)
    return code
