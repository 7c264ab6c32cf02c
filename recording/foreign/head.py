"""Head: the beginning of a file, by which its format is recognised, compressed or not."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from recording.errors import NoDataError, UsageError

LENGTH = 65536
_GZIP = b"\x1f\x8b"
_WIDE = (b"\xff\xfe", b"\xfe\xff")


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The file's bytes, decompressed where it is gzip by content.

    Raises:
        UsageError: it cannot be opened, or its compressed data is damaged (raised while reading too).
    """
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is no file; a pipe can be read only once: save it to a file first")
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == _GZIP
            raw.seek(0)
            yield cast(BinaryIO, gzip.open(raw, "rb")) if packed else raw  # noqa: SIM115
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UsageError(
            f"{path}: the compressed data is damaged or cut short; copy the file again"
        ) from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error


def head_of(path: Path) -> bytes:
    """The first 64 kB without a byte order mark.

    Raises:
        NoDataError: the file is empty.
        UsageError: it cannot be read, or holds UTF-16.
    """
    with opened(path) as stream:
        try:
            head = stream.read(LENGTH)
        except EOFError:
            stream.seek(0)
            head = stream.read1(LENGTH) if hasattr(stream, "read1") else b""
    if not head.strip():
        raise NoDataError(f"{path} is empty")
    if head.startswith(_WIDE):
        raise UsageError(f"{path} is UTF-16 text; expected UTF-8: convert it with 'iconv -f UTF-16 -t UTF-8'")
    return head.removeprefix(b"\xef\xbb\xbf")


def first_line(head: bytes) -> str:
    """The first line as text."""
    return head.split(b"\n", 1)[0].decode("utf-8", "replace").strip("\r")


def columns(head: bytes, delimiter: str = ",") -> list[str]:
    """The first line's fields, without spaces around them."""
    try:
        fields = next(csv.reader([first_line(head)], delimiter=delimiter), [])
    except csv.Error:  # a carriage return or a NUL within it: no line of columns
        return []
    return [field.strip() for field in fields]


def has_columns(head: bytes, *wanted: str, delimiter: str = ",") -> bool:
    """Whether the first line names all of `wanted`."""
    return set(wanted) <= set(columns(head, delimiter))
