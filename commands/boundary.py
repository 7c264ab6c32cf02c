"""Boundary: where errors end. Each one that a user can act on becomes one sentence and its exit code."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from recording.errors import IncompleteError, LoadverdictError
from recording.scrub import on_screen, one_line, scrub

_NO_ROOM = ("failed to map segment", "can't start new thread")
"""What dynamic loader and interpreter say where a library or a stack does not fit into what is left."""

UNEXPECTED = 70
"""Exit code of a fault of our own (EX_SOFTWARE of sysexits.h). Never 1: that says "a target was missed"."""


def guarded(work: Callable[[], object]) -> None:
    """Do the work of a command.

    Raises:
        SystemExit: it went wrong; the sentence is on standard error.
    """
    try:
        work()
    except LoadverdictError as error:
        print(f"loadverdict: {on_screen(str(error))}", file=sys.stderr)
        sys.exit(error.exit_code)
    except Exception as error:
        if os.environ.get("LOADVERDICT_DEBUG"):
            raise
        lacks_memory = _lacks_memory(error)
        told = _out_of_memory(error) if lacks_memory else _unexpected(error)
        print(f"loadverdict: {on_screen(told)}", file=sys.stderr)
        sys.exit(IncompleteError.exit_code if lacks_memory else UNEXPECTED)


def _lacks_memory(error: BaseException) -> bool:
    """Whether there was no memory, also where a library was loaded that tells it in its own way."""
    return (
        isinstance(error, MemoryError)
        or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
        or any(sign in str(error) for sign in _NO_ROOM)
    ) or (error.__cause__ is not None and _lacks_memory(error.__cause__))


def _out_of_memory(error: Exception) -> str:
    return (
        f"out of memory in {_place(error)}: raise the limit (ulimit -v) or end other programs; what was "
        "recorded is kept: 'loadverdict diagnose latest' judges it where there is room"
    )


def _unexpected(error: Exception) -> str:
    return (
        f"unexpected {type(error).__name__} in {_place(error)}: {one_line(scrub(str(error)))}; "
        "nothing recorded is lost: 'loadverdict diagnose latest' (LOADVERDICT_DEBUG=1 shows more)"
    )


def _place(error: Exception) -> str:
    at = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(at.filename).name}:{at.lineno}"
