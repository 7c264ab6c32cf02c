"""Own file: what this process appends to, also where somebody else in it has closed the handle.

Whoever closes handles that are not theirs (a behaviour, a library) makes the next connection get the number
of this one: what is appended would be sent to the target, and nobody would know.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path


def append_line(descriptor: int, line: bytes) -> None:
    """Append one line: in one call to the system as a rule, so that lines of several processes never mix.

    What is taken in part is gone on with. Where a full disk has torn the line before, this one begins on a
    line of its own, so that no other is lost with it.

    Args:
        descriptor: of a file that is open for reading and appending.
        line: without its end.

    Raises:
        OSError: not all of it could be written.
    """
    size = os.fstat(descriptor).st_size
    is_torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
    _write(descriptor, b"\n" * is_torn + line + b"\n")


def _write(descriptor: int, data: bytes) -> None:
    """Append all of it, in one call to the system if that takes it whole."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


class OwnFile:
    """A file that is open for appending; its handle is looked at before each use, and opened anew if lost."""

    def __init__(self, path: Path, flags: int = 0) -> None:
        """Open or create it, for its owner's eyes only.

        Raises:
            OSError: it cannot be opened; FileExistsError, with `os.O_EXCL`: it is there already.
        """
        self._path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | flags, 0o600)
        self._is: tuple[int, int] | None = _identity(self._fd)

    def write(self, data: bytes) -> None:
        """Append, in one call to the system as a rule.

        Raises:
            OSError: not all of it could be written; a part may have been.
        """
        _write(self._handle(), data)

    def write_line(self, line: bytes) -> None:
        """Append one line; see `append_line`.

        Raises:
            OSError: not all of it could be written.
        """
        append_line(self._handle(), line)

    def size(self) -> int:
        """Its length in bytes.

        Raises:
            OSError: it is lost.
        """
        return os.fstat(self._handle()).st_size

    def cut(self, size: int) -> None:
        """Take away what was appended beyond a length.

        Raises:
            OSError: it could not be.
        """
        os.ftruncate(self._handle(), size)

    def sync(self) -> None:
        """Force what was appended to the disk.

        Raises:
            OSError: it could not be.
        """
        if self._is is not None:
            os.fdatasync(self._handle())

    def close(self) -> None:
        """Close it; a handle that is another's by now stays open. Calling it twice is harmless."""
        if self._is_ours():
            os.close(self._fd)
        self._is = None

    def _handle(self) -> int:
        if self._is is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        if not self._is_ours():
            fd = os.open(self._path, os.O_RDWR | os.O_APPEND)
            if _identity(fd) != self._is:
                os.close(fd)
                raise OSError(errno.ENOENT, "another file is in its place")
            self._fd = fd
        return self._fd

    def _is_ours(self) -> bool:
        try:
            return _identity(self._fd) == self._is
        except OSError:
            return False


def _identity(fd: int) -> tuple[int, int]:
    found = os.fstat(fd)
    return found.st_dev, found.st_ino
