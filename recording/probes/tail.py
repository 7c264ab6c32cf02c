"""Tail: the lines that a file or a command's output has grown by; a file that is rotated is followed."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
from pathlib import Path
from typing import BinaryIO

from recording.probes.told import ProbeError

MOST_AT_ONCE = 4 * 1024 * 1024
MOST_BEHIND = 64 * 1024 * 1024
"""Further behind than this is not caught up with; what is passed over is counted."""
LEFT_BEHIND = 1024 * 1024
"""More than this left unread at the end is counted too."""
LONGEST_LINE = 32 * 1024


class Lines:
    """Whole lines out of pieces; what is too long to be a line is dropped up to its end."""

    def __init__(self) -> None:
        self._rest = b""
        self._too_long = False
        self.dropped = 0

    def add(self, piece: bytes) -> list[bytes]:
        """The lines that are complete now."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if lines and self._too_long:
            lines, self._too_long = lines[1:], False
        if len(self._rest) > LONGEST_LINE:
            self.dropped += not self._too_long
            self._rest, self._too_long = b"", True
        kept = [line for line in lines if len(line) <= LONGEST_LINE]
        self.dropped += len(lines) - len(kept)
        return kept

    def forget(self) -> None:
        """What comes next begins a line."""
        self._rest, self._too_long = b"", False


class FileTail:
    """A file from its end on; from its beginning if it appears or is replaced later."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = Lines()
        self._file: BinaryIO | None = None
        self.skipped_bytes = 0
        with contextlib.suppress(OSError):
            self._file = path.open("rb")
            self._file.seek(0, os.SEEK_END)

    @property
    def too_long(self) -> int:
        return self._lines.dropped

    def lines(self) -> list[bytes]:
        """What is new; raises ProbeError while there is no such file."""
        found: list[bytes] = []
        if self._file is not None:
            found += self._grown(self._file)
        try:
            now = self._path.stat()
        except OSError as error:
            if found or self._file is not None:
                return found  # Between two files of a rotation.
            raise ProbeError(f"cannot read the log ({(error.strerror or 'error').lower()})") from None
        if self._file is None or now.st_ino != os.fstat(self._file.fileno()).st_ino:
            found += self._reopen()
        elif now.st_size < self._file.tell():
            self._file.seek(0)
            self._lines.forget()
            found += self._grown(self._file)
        return found

    def _reopen(self) -> list[bytes]:
        if self._file is not None:
            self._file.close()
        self._lines.forget()
        try:
            self._file = self._path.open("rb")
        except OSError as error:
            self._file = None
            raise ProbeError(f"cannot read the log ({(error.strerror or 'error').lower()})") from None
        return self._grown(self._file)

    def _grown(self, file: BinaryIO) -> list[bytes]:
        behind = os.fstat(file.fileno()).st_size - file.tell()
        if behind > MOST_BEHIND:
            self.skipped_bytes += behind - MOST_AT_ONCE
            file.seek(-MOST_AT_ONCE, os.SEEK_END)
            self._lines.forget()
            file.readline()  # The end of a line whose beginning was passed over.
        return self._lines.add(file.read(MOST_AT_ONCE))

    def close(self) -> None:
        if self._file is None:
            return
        left = os.fstat(self._file.fileno()).st_size - self._file.tell()
        self.skipped_bytes += left if left > LEFT_BEHIND else 0
        self._file.close()
        self._file = None


class CommandTail:
    """The output of a command that runs as long as the probe does; no shell reads it."""

    def __init__(self, command: str | list[str]) -> None:
        words = shlex.split(command) if isinstance(command, str) else command
        self._lines = Lines()
        self.skipped_bytes = 0
        try:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                # An interrupt at the terminal is not meant for it; and so it ends with all that it started.
                start_new_session=True,
            )
        except (OSError, ValueError, IndexError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise ProbeError(f"cannot run the command ({reason.lower()})") from None
        assert self._process.stdout is not None
        self._output = self._process.stdout.fileno()
        os.set_blocking(self._output, False)

    @property
    def too_long(self) -> int:
        return self._lines.dropped

    def lines(self) -> list[bytes]:
        """What is new; raises ProbeError once the command has ended and all of it is read."""
        found: list[bytes] = []
        size = 0
        while size < MOST_AT_ONCE:
            try:
                piece = os.read(self._output, 1 << 16)
            except BlockingIOError:
                return found
            if not piece:
                if found:
                    return found
                raise ProbeError(f"the command ended (exit status {self._process.poll()})")
            size += len(piece)
            found += self._lines.add(piece)
        return found

    def close(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.5)
        if self._process.stdout is not None:
            self._process.stdout.close()
