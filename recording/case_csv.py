"""Case CSV: the file people make by hand, `request_id,http_code,duration_ms,timestamp[,users]`.

`timestamp` is the time of sending in epoch seconds, whole or with decimals, or in ms, µs or ns, as its size
tells; code 0 or 000 means that there was no HTTP answer. The file cannot tell endpoints, error texts or what
was still in flight at its end.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from recording.collect import Collector
from recording.foreign.csv_file import CsvColumns, Layout, read_pieces
from recording.foreign.head import has_columns
from recording.foreign.times import Unit, middle, near, unit_of
from recording.order import in_order
from recording.run import Run
from recording.sample import Category, Samples, constant, is_constant

COLUMNS = ("request_id", "http_code", "duration_ms", "timestamp")
OPTIONAL = ("users",)
_LAYOUT = Layout("case_csv", numbers=COLUMNS[1:], maybe=OPTIONAL)


def is_case_csv(head: bytes) -> bool:
    """Whether the first line holds the columns of the case (order does not matter)."""
    return has_columns(head, *COLUMNS)


def read_case_csv(path: Path) -> Run:
    """Read a file of any length; lines with a value that is no number are left out and counted.

    Raises:
        UsageError: no line can be read.
        NoDataError: a header and nothing below it.
    """
    collector = Collector()
    bad_lines, whole_s, has_users = 0, True, False
    middle_s: float | None = None
    unit = Unit(1.0, True)
    for piece, bad in read_pieces(path, _LAYOUT, _samples):
        if middle_s is None and len(piece):
            unit = unit_of(piece.start_s, piece.duration_ms, int(piece.users.max()))
            middle_s = middle(piece.start_s / unit.per_s)
        told = piece if unit.per_s == 1.0 else replace(piece, start_s=piece.start_s / unit.per_s)
        sane = near(told.start_s, middle_s or 0.0)
        bad_lines += bad + int(np.count_nonzero(~sane))
        kept = told if bool(sane.all()) else told.take(sane)
        whole_s = whole_s and bool(np.all(kept.start_s == np.floor(kept.start_s)))
        has_users = has_users or (len(kept) > 0 and not is_constant(kept.users))
        collector.add(kept)
    lacks = {"endpoint", "message", "unfinished", "readings"}
    lacks |= set() if has_users else {"users"}
    lacks |= {"sub_second_time"} if whole_s else set()
    lacks |= set() if unit.certain else {"request_times", "time_unit"}
    return Run(
        id=path.name,
        source="case_csv",
        samples=in_order(collector.samples()),
        ordered=True,
        lacks=frozenset(lacks),
        bad_lines=bad_lines,
        thinned=collector.thinned,
    )


_OUTCOME_OF = np.zeros(1000, np.int32)
_OUTCOME_OF[0], _OUTCOME_OF[400:] = 2, 1
_OUTCOMES = ("ok", "http_error", "unknown")


def _samples(found: CsvColumns) -> Samples:
    rows = len(found)
    status = np.clip(found.number("http_code"), 0, 999).astype(np.int16)
    unknown = constant(-1, rows)
    return Samples(
        start_s=found.number("timestamp"),
        duration_ms=found.number("duration_ms"),
        endpoint=Category.constant("all", rows),
        method=Category.constant("", rows),
        status=status,
        outcome=Category(_OUTCOME_OF[status], _OUTCOMES),
        code=Category.constant("", rows),
        users=found.whole("users", -1).astype(np.int32) if "users" in found else unknown,
        in_flight=unknown,
        account=unknown,
        node=Category.constant("", rows),
        stage=Category.constant("", rows),
        response_bytes=constant(-1, rows, np.int64),
        weight=constant(1, rows),
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
