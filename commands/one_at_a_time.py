"""One at a time: a lock so that two scheduled runs do not load one target, and measure each other."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from commands.file_lock import locked
from recording.errors import RefusedError, UsageError
from recording.folder import make_folder

LOOK_EVERY_S = 0.5


@contextmanager
def one_at_a_time(file: Path, wait_s: float) -> Iterator[None]:
    """Hold the lock as long as the block runs; a holder that is killed lets go of it.

    Args:
        file: the lock; it names who holds it.
        wait_s: how long to wait for another holder.

    Raises:
        RefusedError: somebody else held it for longer.
        UsageError: the file cannot be made.
    """
    try:
        make_folder(file.parent)
        handle = file.open("a+", encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot make the lock {file}: {error.strerror}; choose --history elsewhere"
        ) from error
    with handle:
        _take(handle, file, wait_s)
        handle.truncate(0)
        holder = {"pid": os.getpid(), "since_utc": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
        with suppress(OSError):  # a full disk: the lock holds without a name
            os.write(handle.fileno(), json.dumps(holder).encode())
        try:
            yield
        finally:
            handle.truncate(0)


def _take(handle: IO[str], file: Path, wait_s: float) -> None:
    try:
        is_ours = locked(handle, wait_s, LOOK_EVERY_S)
    except OSError as error:
        raise UsageError(f"cannot lock {file}: {error.strerror}; put the history on a local disk") from error
    if not is_ours:
        raise RefusedError(
            f"another regression run is under way ({_holder(file)}); two at once would measure each "
            "other: try later, or let this one wait with --wait 30m"
        )


def _holder(file: Path) -> str:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        return f"process {told['pid']:d}, since {str(told['since_utc'])[:20]}"
    except (OSError, ValueError, KeyError, TypeError):
        return str(file)
