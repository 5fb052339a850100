"""Libraries that only some verbs need are imported where they are used, through this one door."""

from __future__ import annotations

import importlib
from types import ModuleType

from neurfield.errors import UserError


def require(module: str, extra: str) -> ModuleType:
    """Import `module`, or say which extra of neurfield brings it.

    Raises:
        UserError: the module is missing or cannot be loaded, with the reason and the install line.
    """
    try:
        return importlib.import_module(module)
    except (ImportError, OSError) as reason:
        raise UserError(
            f'{module} cannot be imported ({reason}): pip install "neurfield[{extra}]", '
            "then see `neurfield doctor`"
        ) from reason
