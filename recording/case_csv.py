"""Case CSV: the file people make by hand, `request_id,http_code,duration_ms,timestamp[,users]`.

`timestamp` is the time of sending in epoch seconds, whole or with decimals; code 0 or 000 means that there
was no HTTP answer. The file cannot tell endpoints, error texts or what was still in flight at its end.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recording.foreign.csv_file import CsvColumns, Layout, read_columns
from recording.foreign.head import has_columns
from recording.foreign.times import plausible
from recording.run import Run
from recording.sample import Category, Samples

COLUMNS = ("request_id", "http_code", "duration_ms", "timestamp")
OPTIONAL = ("users",)
_LAYOUT = Layout("case_csv", numbers=COLUMNS[1:], maybe=OPTIONAL)


def is_case_csv(head: bytes) -> bool:
    """Whether the first line holds the columns of the case (order does not matter)."""
    return has_columns(head, *COLUMNS)


def read_case_csv(path: Path) -> Run:
    """Read the file whole; lines with a value that is no number are left out and counted.

    Raises:
        UsageError: no line can be read.
        NoDataError: a header and nothing below it.
    """
    found = read_columns(path, _LAYOUT)
    sane = plausible(found.number("timestamp"))
    bad_lines = found.bad_lines + int((~sane).sum())
    found = found.keep(sane)
    start_s = found.number("timestamp")
    lacks = {"endpoint", "message", "unfinished", "readings"}
    lacks |= set() if "users" in found else {"users"}
    lacks |= {"sub_second_time"} if bool(np.all(start_s == np.floor(start_s))) else set()
    samples = _samples(found, start_s)
    return Run(
        id=path.name,
        source="case_csv",
        samples=samples,
        lacks=frozenset(lacks),
        bad_lines=bad_lines,
    )


def _samples(found: CsvColumns, start_s: NDArray[np.float64]) -> Samples:
    rows = len(found)
    status = np.clip(found.number("http_code"), 0, 999).astype(np.int16)
    names = ("ok", "http_error", "unknown")
    codes = np.select([status == 0, status >= 400], [2, 1], 0).astype(np.int32)
    unknown = np.full(rows, -1, np.int32)
    return Samples(
        start_s=start_s,
        duration_ms=found.number("duration_ms"),
        endpoint=Category.constant("all", rows),
        method=Category.constant("", rows),
        status=status,
        outcome=Category(codes, names),
        code=Category.constant("", rows),
        users=found.whole("users", -1).astype(np.int32) if "users" in found else unknown,
        in_flight=unknown,
        account=unknown,
        node=Category.constant("", rows),
        stage=Category.constant("", rows),
        response_bytes=np.full(rows, -1, np.int64),
        weight=np.ones(rows, np.int32),
    )


def write_case_csv(samples: Samples, path: Path) -> None:
    """Write samples as the file of the case, with the columns users and outcome behind its own four."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        stream.write(",".join((*COLUMNS, *OPTIONAL, "outcome")) + "\n")
        for i, outcome in enumerate(samples.outcome.to_list()):
            stream.write(
                f"{i + 1},{samples.status[i]:03d},{samples.duration_ms[i]:.1f},{samples.start_s[i]:.3f},"
                f"{samples.users[i]},{outcome}\n"
            )
