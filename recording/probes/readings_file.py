"""Readings file: `readings/target.arrows`, an Arrow stream that grows by a batch at a time.

A stream needs no end: what a killed process has written is read up to its last whole batch.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from recording.probes.told import Reading

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
        self.lost = 0

    def add(self, rows: Sequence[Reading]) -> None:
        """Write rows as one batch."""
        if not rows:
            return
        time_s, names, labels, values = zip(*rows, strict=True)
        columns = [time_s, [SOURCE] * len(rows), names, labels, values]
        batch = pa.record_batch(
            [pa.array(c, f.type) for c, f in zip(columns, READINGS_SCHEMA, strict=True)],
            schema=READINGS_SCHEMA,
        )
        try:
            self._stream.write_batch(batch)
        except OSError:
            self.lost += len(rows)

    def close(self) -> None:
        """End the stream."""
        try:
            self._stream.close()
        except OSError:
            self.lost += 1
        self._file.close()


def read_readings(path: Path) -> pa.Table:
    """Everything in the file up to where it breaks off; empty if there is none."""
    batches = []
    try:
        with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as stream:
            if stream.schema.equals(READINGS_SCHEMA):
                for batch in stream:
                    batches.append(batch)  # noqa: PERF402 - those before a tear count
    except (OSError, pa.ArrowException):
        pass
    return pa.Table.from_batches(batches, READINGS_SCHEMA)
