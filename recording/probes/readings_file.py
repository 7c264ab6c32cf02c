"""Readings file: `readings/target.arrows`, an Arrow stream that grows by a batch at a time.

A stream needs no end: what a killed process has written is read up to its last whole batch.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

from recording.probes.told import Reading
from recording.whole_file import whole_file

SOURCE = "target"
READINGS_SCHEMA = pa.schema(
    [
        ("time_s", pa.float64()),
        ("source", pa.string()),
        ("name", pa.string()),
        ("labels", pa.string()),
        ("value", pa.float64()),
    ]
)
"""Of all readings, whoever made them; see docs/run-folder.md."""


class ReadingsWriter:
    """Appends batches; a full disk costs readings, never the run."""

    def __init__(self, path: Path) -> None:
        """Create the file, for its owner only.

        Raises:
            OSError: it cannot be made.
        """
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(handle, "wb", buffering=0)
        self._stream = pa.ipc.new_stream(pa.PythonFile(self._file, mode="w"), READINGS_SCHEMA)
        self._broke_s: float | None = None
        self._reason = ""

    def add(self, rows: Sequence[Reading]) -> None:
        """Write rows as one batch. After one that failed there are no more: nobody reads past a torn one."""
        if not rows or self._broke_s is not None:
            return
        time_s, names, labels, values = zip(*rows, strict=True)
        columns = [time_s, [SOURCE] * len(rows), names, labels, values]
        batch = pa.record_batch(
            [pa.array(c, f.type) for c, f in zip(columns, READINGS_SCHEMA, strict=True)],
            schema=READINGS_SCHEMA,
        )
        try:
            self._stream.write_batch(batch)
        except OSError as error:
            self._broke_s, self._reason = rows[0].time_s, (error.strerror or type(error).__name__).lower()

    def problems(self) -> list[dict[str, Any]]:
        """What was not written, in the form of `Watch.problems`."""
        if self._broke_s is None:
            return []
        text = f"readings could not be written from this moment on ({self._reason})"
        return [{"text": text, "grave": True, "at_s": self._broke_s}]

    def close(self) -> None:
        """End the stream."""
        # The mark of the end may be missing: what is before it is read all the same.
        with suppress(OSError):
            self._stream.close()
        self._file.close()


def read_readings(path: Path) -> pa.Table:
    """Everything in the file up to where it breaks off; empty if there is none."""
    batches = []
    try:
        with pa.ipc.open_stream(whole_file(path)) as stream:
            if stream.schema.equals(READINGS_SCHEMA):
                for batch in stream:
                    # A stream has no checksums: a damaged one may point anywhere in memory.
                    batch.validate(full=True)
                    batches.append(batch)  # those before a tear count
    except (OSError, pa.ArrowException):
        pass
    return pa.Table.from_batches(batches, READINGS_SCHEMA)
