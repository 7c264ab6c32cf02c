"""JSON lines: one object a line, read as a stream; lines that are none are counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from recording.errors import UsageError
from recording.foreign.head import opened
from recording.json_values import read_json

LONGEST = 64 << 20
"""Bytes of one line; a longer one is damage."""


class JsonLines:
    """Objects of a file; after the walk `bad_lines` says how many lines were none."""

    def __init__(self, path: Path, wanted: Callable[[bytes], bool] | None = None) -> None:
        self.path = path
        self.bad_lines = 0
        self.first_bad = 0
        self._wanted = wanted

    def __iter__(self) -> Iterator[dict[str, Any]]:
        with opened(self.path) as stream:
            number = 0
            while line := stream.readline(LONGEST):
                number += 1
                if not line.strip() or (self._wanted is not None and not self._wanted(line)):
                    continue
                value = _object(line)
                if value is None:
                    self.bad(number)
                else:
                    yield value

    def bad(self, number: int = 0) -> None:
        """Count a line that cannot be used."""
        self.bad_lines += 1
        self.first_bad = self.first_bad or number


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = read_json(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def first_object(head: bytes) -> dict[str, Any]:
    """The first line as an object, empty if it is none."""
    return _object(head.split(b"\n", 1)[0]) or {}


def whole_object(path: Path, name: str, longest: int = 256 << 20) -> Any:
    """A whole file as one JSON value.

    Raises:
        UsageError: it is no JSON, nested too deeply, or too large to be a summary.
    """
    with opened(path) as stream:
        data = stream.read(longest + 1)
    if len(data) > longest:
        raise UsageError(f"{path} is larger than a summary of {name} can be ({longest >> 20} MB)")
    try:
        return read_json(data)
    except ValueError as error:
        raise UsageError(f"{path}: expected the JSON of {name}: {error}") from error
