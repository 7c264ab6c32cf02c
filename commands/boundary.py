"""Boundary: where errors end. Each one that a user can act on becomes one sentence and its exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from recording.errors import LoadverdictError
from recording.scrub import on_screen, scrub

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
        print(f"loadverdict: {on_screen(_unexpected(error))}", file=sys.stderr)
        sys.exit(UNEXPECTED)


def _unexpected(error: Exception) -> str:
    at = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(at.filename).name}:{at.lineno}"
    return (
        f"unexpected {type(error).__name__} in {where}: {scrub(str(error))}; "
        "nothing recorded is lost: 'loadverdict diagnose latest' (LOADVERDICT_DEBUG=1 shows more)"
    )
