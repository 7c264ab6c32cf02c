"""Small logs: hey's CSV, h2load's log, Locust's CsvRequestLogger. All three stamp the START.

hey and h2load write no row for a request without an answer: such a file holds no error rate.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from recording.foreign.build import Rows, make_run
from recording.foreign.csv_file import Layout, read_columns
from recording.foreign.head import columns, has_columns
from recording.foreign.outcomes import Judged, from_text, judged
from recording.run import Run

_MICROSECONDS = re.compile(r"\d{15,17}")


def is_hey_csv(head: bytes) -> bool:
    """By its columns."""
    return has_columns(head, "response-time", "status-code", "offset")


def read_hey_csv(path: Path) -> Run:
    """Seconds with four decimals from the run's start, which is not in the file: times count from zero."""
    numbers = ("response-time", "status-code", "offset")
    found = read_columns(path, Layout("hey_csv", numbers=numbers))
    rows = Rows(
        start_s=found.number("offset"),
        duration_ms=found.number("response-time") * 1000,
        status=found.whole("status-code"),
    )
    return make_run(path, "hey_csv", rows, {"failed_requests"}, bad_lines=found.bad_lines)


def is_h2load_log(head: bytes) -> bool:
    """Three or more numbers, tabs between them: microseconds, status, microseconds."""
    fields = columns(head, "\t")
    return (
        len(fields) >= 3
        and bool(_MICROSECONDS.fullmatch(fields[0]))
        and all(field.lstrip("-").isdigit() for field in fields[:3])
    )


def read_h2load_log(path: Path) -> Run:
    """Status -1 is a stream that failed; requests of a connection that broke are missing altogether."""
    layout = Layout(
        "h2load_log", ("start", "status", "took"), names=("start", "status", "took"), delimiter="\t"
    )
    found = read_columns(path, layout)
    status = found.whole("status")
    rows = Rows(
        start_s=found.number("start") / 1e6,
        duration_ms=found.number("took") / 1000,
        status=np.maximum(status, 0),
    )
    return make_run(path, "h2load_log", rows, {"failed_requests"}, judge=_stream, bad_lines=found.bad_lines)


def _stream(status: int, message: str, failed: bool) -> Judged:
    return judged(status, message, failed) if status else Judged(0, "closed_early", "stream failed")


def is_locust_requests(head: bytes) -> bool:
    """By its columns."""
    return has_columns(head, "timestamp", "request_type", "response_time_ms", "status_code", "exception")


def read_locust_requests(path: Path) -> Run:
    """Locust's own request log; a 200 with an exception is a wrong body."""
    layout = Layout(
        "locust_requests",
        numbers=("timestamp", "response_time_ms"),
        texts=("request_type", "name", "exception"),
        maybe=("response_length", "status_code"),
        multiline=True,
    )
    found = read_columns(path, layout)
    exception, status = found.text("exception"), found.whole("status_code")
    rows = Rows(
        start_s=found.number("timestamp"),
        duration_ms=found.number("response_time_ms"),
        status=status,
        message=exception,
        # Locust fails a 4xx only if nobody called it a success, and then it writes why.
        failed=~exception.equals("") | (status < 100),
        endpoint=found.text("name"),
        method=found.text("request_type"),
        response_bytes=found.whole("response_length", -1),
    )
    return make_run(path, "locust_requests", rows, judge=_locust, bad_lines=found.bad_lines)


def _locust(status: int, message: str, failed: bool) -> Judged:
    return from_text(message) if failed and not status and message else judged(status, message, failed)
