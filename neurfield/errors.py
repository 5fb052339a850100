"""The one exception for mistakes that the user can mend."""

from __future__ import annotations


class UserError(Exception):
    """What is wrong, where, and what to do, in one line; the command line then ends with exit code 2."""
