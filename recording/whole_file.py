"""Whole file: its content, where it is a file at all and no longer than a file of its kind can be."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def whole_file(path: str | Path, most_bytes: int | None = None, begin: int = 0) -> bytes:
    """The content of a file, from the byte `begin` on.

    Args:
        path: of the file.
        most_bytes: a longer file is not read; None reads any.
        begin: what comes before has been read already.

    Raises:
        OSError: it is not there, cannot be read, is no file (a pipe would wait for ever), or is too long.
    """
    try:
        # Without O_NONBLOCK a named pipe would wait for somebody to write into it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except ValueError as error:
        raise OSError(0, "a file's name cannot hold a NUL") from error
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(0, "not a file")
        if most_bytes is not None and found.st_size > most_bytes:
            raise OSError(0, f"longer than {most_bytes:,} bytes")
        file.seek(begin)
        # Not `read(most_bytes)`: Python makes room for as many bytes as it is asked for.
        return file.read() if most_bytes is None else file.read(max(0, found.st_size - begin))
