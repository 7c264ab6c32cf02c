"""Examples: a few failed requests per kind, as lines of errors.jsonl, and the short code of a failure."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter

from recording.json_values import read_json
from recording.names import Names
from recording.own_file import OwnFile
from recording.run import ErrorExample
from recording.whole_file import whole_file

PER_KIND = 3
"""Examples kept per status, outcome and code, and per process."""

MAX_CODES = 200
"""Distinct codes per process."""

MOST_BYTES = 256 << 20
"""Of one errors.jsonl: as many codes as there can be, from every process of a large run."""

_VARIABLE = re.compile(
    r"\b(?:[0-9a-f]{8}-[0-9a-f-]{27}|0x[0-9a-f]+|[0-9a-f]{12,}|\d[\d.,:]*)\w*", re.IGNORECASE
)
_EXAMPLE = TypeAdapter(ErrorExample)
_SEPARATORS = re.compile(r"[^a-z]+")


class FailureCodes:
    """Short codes for failure messages, from a set that cannot grow without bound."""

    def __init__(self, limit: int = MAX_CODES) -> None:
        self._known = Names(limit)

    def code(self, message: str) -> str:
        """`"Service temporarily busy, please retry"` becomes `service_temporarily_busy_please_retry`.

        Numbers, ids and punctuation are left out, so that a request id makes no code of its own.
        """
        words = _SEPARATORS.sub("_", _VARIABLE.sub(" ", message.lower())).strip("_")[:60].rstrip("_")
        return self._known[words] if words else ""


class ExampleWriter:
    """Appends examples to errors.jsonl, which all processes of a run share."""

    def __init__(self, path: Path) -> None:
        self._file = OwnFile(path)
        self._kept: Counter[tuple[int, str, str]] = Counter()

    def wants(self, status: int, outcome: str, code: str) -> bool:
        """Whether another example of this kind is still welcome."""
        return self._kept[status, outcome, code] < PER_KIND

    def keep(self, example: ErrorExample) -> None:
        """Append one example. A full disk costs the example, not the run."""
        self._kept[example.status, example.outcome, example.code] += 1
        try:
            self._file.write_line(json.dumps(asdict(example), ensure_ascii=True).encode())
        except OSError:
            return

    def close(self) -> None:
        """Close the file; calling it twice is harmless."""
        self._file.close()


def read_examples(path: Path) -> tuple[ErrorExample, ...]:
    """Examples of a run; lines that cannot be read are passed over."""
    try:
        lines = whole_file(path, MOST_BYTES).splitlines()
    except OSError:
        return ()
    return tuple(example for line in lines if (example := _example(line)) is not None)


def _example(line: bytes) -> ErrorExample | None:
    try:
        # Earlier versions kept halves of characters, which no report can hold.
        return _EXAMPLE.validate_json(json.dumps(read_json(line)), strict=True)
    except ValueError:
        return None
