"""The exception for mistakes that the user can mend, and the one for what a fit did not reach."""

from __future__ import annotations


class UserError(Exception):
    """What is wrong, where, and what to do, in one line; the command line then ends with `exit_code`."""

    exit_code = 2


class FitWentWrong(UserError):
    """A fit ended without a result: what shows it, and the likely cause, in one line."""

    exit_code = 1
