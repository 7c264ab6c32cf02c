"""Raised: what an exception of somebody's Python behaviour says, fit to be shown."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from pathlib import Path

from recording.scrub import one_line, scrub

_OWN = Path(__file__).parent

MOST_PLACES = 20
"""The innermost ones; a behaviour that calls itself without end has a thousand."""


def raised(error: BaseException, secrets: Iterable[str] = ()) -> str:
    """An exception's type, the place in the behaviour that it came from where there is one, and its text
    without secrets."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_theirs(frame.filename)]
    place = f" in {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}: {one_line(scrub(_text(error), secrets))}"


def places(error: BaseException) -> str:
    """Where an exception came through, outermost first, as a traceback tells it.

    Only names of files and functions: a line of source or a value may hold a secret, and a whole path tells
    of the machine.
    """
    frames = traceback.extract_tb(error.__traceback__, limit=-MOST_PLACES)
    known = ((Path(frame.filename), frame) for frame in frames)
    return "".join(
        f'  File "{path.name}", line {frame.lineno}, in {frame.name}\n'
        for path, frame in known
        if path.is_file()
    )


def _is_theirs(filename: str) -> bool:
    """Neither ours nor a library's; compiled code and frozen modules name files that are not there."""
    path = Path(filename)
    return path.is_file() and _OWN not in path.parents and "site-packages" not in path.parts


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # an exception of theirs may fail to tell what it is
        return ""
