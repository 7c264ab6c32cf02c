"""Errors a user can act on. The command line prints them as one sentence and exits with `exit_code`."""

from __future__ import annotations


class LoadverdictError(Exception):
    """Base class: the message says what, where, what was expected and what to do."""

    exit_code = 2


class UsageError(LoadverdictError):
    """Wrong argument or configuration (exit code 2)."""

    exit_code = 2


class IncompleteError(LoadverdictError):
    """It did not come to its end (exit code 3)."""

    exit_code = 3


class RefusedError(LoadverdictError):
    """A guard rail refused (exit code 5)."""

    exit_code = 5


class NoDataError(LoadverdictError):
    """Nothing was measured, or nothing to read (exit code 6)."""

    exit_code = 6
