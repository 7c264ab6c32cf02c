"""Frames: the append-only log of one load generating process, writer and reader side by side.

A frame is header + payload. The header holds a magic word, the kind, a number that grows by one, the
payload's length and a CRC32 of all that follows the magic word. A frame that was torn or damaged is
skipped and counted; reading goes on at the next magic word. Every payload can be read without the others.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import struct
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

import pyarrow as pa

from recording.errors import UsageError
from recording.json_values import is_number, read_json
from recording.own_file import OwnFile
from recording.rows import unpacked
from recording.sample import whole
from recording.whole_file import whole_file

MAGIC = b"LVf1"
_HEADER = struct.Struct("<4sBIII")
_BODY = struct.Struct("<BII")
MAX_PAYLOAD = 64 * 1024 * 1024
"""A length above this can only be damage."""


class Kind(IntEnum):
    """What a frame's payload holds."""

    SAMPLES = 1
    ANCHOR = 2
    HEARTBEAT = 3
    END = 4
    OPEN = 5
    ROWS = 6


_OTHER_CONTENT = (
    ValueError, TypeError, KeyError, OverflowError, RecursionError, OSError, pa.ArrowException
)  # fmt: skip
"""What reading a payload of some other kind may raise."""

OF_A_BEAT = ("time_s",)
"""Figures without which a heartbeat is none."""

RUN_START = "run_start_s"
"""Of an anchor: epoch seconds of the run's start, as its manifest has it. No two runs share one."""

FINISHED = frozenset({Kind.SAMPLES, Kind.ROWS})
"""Frames that hold finished requests."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One intact frame."""

    kind: Kind
    sequence: int
    payload: bytes

    def json(self) -> dict[str, Any]:
        """The payload of an ANCHOR, HEARTBEAT or END frame.

        Raises:
            ValueError: an intact frame that holds something else.
        """
        value = read_json(self.payload)
        if not isinstance(value, dict):
            raise ValueError("no object")
        return value

    def figures(self, needed: Iterable[str] = ()) -> dict[str, float]:
        """The finite numbers of a HEARTBEAT or END frame.

        Raises:
            ValueError: it holds something else, or one that is needed is missing.
        """
        found = {name: value for name, value in self.json().items() if is_number(value)}
        if missing := set(needed) - found.keys():
            raise ValueError(f"without {', '.join(sorted(missing))}")
        return found

    def table(self) -> pa.Table:
        """The payload of a SAMPLES, ROWS or OPEN frame, as an Arrow table of `recording.sample.SCHEMA`.

        Raises:
            ValueError: an intact frame that holds something else.
        """
        try:
            if self.kind is Kind.ROWS:
                return unpacked(self.payload).to_table()
            with pa.ipc.open_stream(self.payload) as reader:
                table = reader.read_all()
            table.validate(full=True)
            return whole(table)
        except _OTHER_CONTENT as error:
            raise ValueError(f"no requests: {error}") from error


def encode(kind: Kind, sequence: int, payload: bytes) -> bytes:
    """One frame as bytes."""
    crc = zlib.crc32(payload, zlib.crc32(_BODY.pack(kind, sequence, len(payload))))
    return _HEADER.pack(MAGIC, kind, sequence, len(payload), crc) + payload


def encode_table(table: pa.Table) -> bytes:
    """A table as the payload of a SAMPLES or OPEN frame: an Arrow IPC stream of its own."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    payload: bytes = sink.getvalue().to_pybytes()
    return payload


@dataclass(slots=True)
class Scan:
    """Result of reading one log: intact frames in order, and what was wrong.

    Attributes:
        frames: intact frames.
        bad_frames: damaged stretches that were skipped (a torn tail counts as one).
        missing_frames: numbers that never came.
        consumed: bytes up to the end of the last intact frame.
        torn: whether something follows that is no frame, or none yet; one of `bad_frames`.
    """

    frames: list[Frame] = field(default_factory=list)
    bad_frames: int = 0
    missing_frames: int = 0
    consumed: int = 0
    torn: bool = False

    def of(self, *kinds: Kind) -> list[Frame]:
        """The frames of some kinds."""
        return [frame for frame in self.frames if frame.kind in kinds]


def log_bytes(path: Path, offset: int = 0) -> bytes:
    """What a log holds from an offset on.

    Raises:
        UsageError: it is there and cannot be read, or is no file.
    """
    try:
        return whole_file(path, begin=offset)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}; a part of the run is in it: make it readable, or move "
            "it out of the folder to judge the rest"
        ) from error


def scan(data: bytes) -> Scan:
    """Read all frames of a log. Never raises on damage; see `Scan`."""
    result = Scan()
    expected = 0
    for frame, end, skipped in _walk(data):
        result.bad_frames += skipped
        if frame is None:
            continue
        result.missing_frames += max(0, frame.sequence - expected)
        expected = frame.sequence + 1
        result.frames.append(frame)
        result.consumed = end
    result.torn = result.consumed < len(data)
    return result


def _walk(data: bytes) -> Iterator[tuple[Frame | None, int, int]]:
    """Yield (frame, end offset, damaged stretches skipped before it)."""
    position = 0
    while position < len(data):
        frame = _frame_at(data, position)
        if frame is not None:
            position += _HEADER.size + len(frame.payload)
            yield frame, position, 0
            continue
        following = data.find(MAGIC, position + 1)
        while following != -1 and _frame_at(data, following) is None:
            following = data.find(MAGIC, following + 1)
        yield None, position, 1
        if following == -1:
            return
        position = following


def _frame_at(data: bytes, position: int) -> Frame | None:
    if len(data) - position < _HEADER.size:
        return None
    magic, kind, sequence, length, crc = _HEADER.unpack_from(data, position)
    start = position + _HEADER.size
    if magic != MAGIC or length > MAX_PAYLOAD or start + length > len(data) or kind not in _KINDS:
        return None
    payload = data[start : start + length]
    if zlib.crc32(payload, zlib.crc32(_BODY.pack(kind, sequence, length))) != crc:
        return None
    return Frame(Kind(kind), sequence, payload)


_KINDS = frozenset(int(kind) for kind in Kind)

RESERVE_BYTES = 65_536
"""Kept free on the disk for the last frames: without an end mark nobody would know how much is missing."""

LAST_BYTES = 4_096
"""Of these, for what comes after the requests that were never answered, however many they are."""


def most_bytes() -> int:
    """How long the system lets a file of this process become (`ulimit -f`)."""
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit


class LogWriter:
    """Appends frames to a log that no other process writes.

    A frame goes out in one `write`, without a buffer of ours, so a killed process loses nothing that was
    appended; `sync` is for power loss. A write that fails (disk full) is remembered, never raised: the load
    and the record of the rest go on, and room that was kept for it takes the end mark: on the disk, and
    below the length that a file may have.

    Attributes:
        failed_frames: frames that could not be written, and syncs.
        failure: number of the last error with which a frame could not be written; 0 without one.
    """

    def __init__(self, path: Path) -> None:
        """Create the log.

        Raises:
            FileExistsError: another process writes a log of this name.
        """
        self.path = path
        self.failed_frames = 0
        self.failure = 0
        self._most_bytes = most_bytes()
        self._kept_bytes = min(RESERVE_BYTES, self._most_bytes // 4)
        self._sequence = 0
        self._file = OwnFile(path, os.O_EXCL)
        self._reserve = path.with_suffix(".reserve")
        with suppress(OSError):
            fd = os.open(self._reserve, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.posix_fallocate(fd, 0, RESERVE_BYTES)
            finally:
                os.close(fd)

    def shrink_reserve(self) -> None:
        """What is appended next is the last but for `LAST_BYTES`: it may take the rest of the room kept."""
        self._kept_bytes = min(LAST_BYTES, self._kept_bytes // 2)
        with suppress(OSError):
            if self._reserve.stat().st_size > LAST_BYTES:
                os.truncate(self._reserve, LAST_BYTES)

    def give_up_reserve(self) -> None:
        """What is appended from now on is the last: it gets all of the room that was kept for it."""
        self._kept_bytes = 0
        with suppress(OSError):
            self._reserve.unlink(missing_ok=True)

    def append(self, kind: Kind, payload: bytes) -> bool:
        """Append one frame; False if it could not be written whole, and nothing of it stays then."""
        frame = encode(kind, self._sequence, payload)
        self._sequence += 1
        try:
            self._append_whole(frame)
        except OSError as error:
            self.failed_frames += 1
            self.failure = error.errno or 0
            return False
        return True

    def _append_whole(self, frame: bytes) -> None:
        """Append it; of one that cannot be written no part is left to take the room of those that follow."""
        begin = self._file.size()
        if begin + len(frame) > self._most_bytes - self._kept_bytes:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        try:
            self._file.write(frame)
        except OSError:
            with suppress(OSError):
                self._file.cut(begin)
            raise

    def append_json(self, kind: Kind, value: dict[str, Any]) -> bool:
        """Append one frame with a JSON payload."""
        return self.append(kind, json.dumps(value, separators=(",", ":")).encode())

    def sync(self) -> None:
        """Force what was appended to the disk. Blocks: call it in a real thread."""
        try:
            self._file.sync()
        except OSError:
            self.failed_frames += 1

    def close(self) -> None:
        """Sync and close; calling it twice is harmless."""
        self.give_up_reserve()
        self.sync()
        self._file.close()
