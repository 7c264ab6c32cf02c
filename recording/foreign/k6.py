"""k6: its CSV and JSON outputs, nine metrics a request, stamped with the END of the request.

http_req_duration leaves out the wait for a connection, DNS, connect and TLS; k6 counts all of them under
http_req_blocked. A user waits for both, so both are added, and the start is the end minus both.
"""

from __future__ import annotations

import math
from array import array
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recording.foreign.build import Rows, make_run
from recording.foreign.csv_file import CsvColumns, Layout, read_columns
from recording.foreign.head import has_columns
from recording.foreign.json_lines import JsonLines, first_object
from recording.foreign.outcomes import Judged, from_k6, judged
from recording.foreign.times import iso_s, stamps_s
from recording.json_values import is_number
from recording.run import Run
from recording.sample import Category

DURATION, BLOCKED = "http_req_duration", "http_req_blocked"
_MARK = " | "

Floats = NDArray[np.float64]


def is_k6_csv(head: bytes) -> bool:
    """By its first three columns."""
    return has_columns(head, "metric_name", "timestamp", "metric_value")


def is_k6_json(head: bytes) -> bool:
    """Lines of type Metric or Point."""
    return first_object(head).get("type") in ("Metric", "Point") and b'"metric"' in head


def read_k6_csv(path: Path) -> Run:
    """The rows of http_req_duration, joined with those of http_req_blocked where every request has one."""
    texts = (
        "metric_name",
        "timestamp",
        "status",
        "error",
        "error_code",
        "name",
        "method",
        "expected_response",
    )
    found = read_columns(path, Layout("k6_csv", numbers=("metric_value",), texts=texts, multiline=True))
    metric = found.text("metric_name")
    blocked = found.keep(metric.equals(BLOCKED))
    durations = found.keep(metric.equals(DURATION))
    ends = _ends(durations)
    own = durations.number("metric_value")
    wait = _joined(ends, _ends(blocked), blocked.number("metric_value"))
    status, message, failed = _answers(durations)
    rows = Rows(
        start_s=ends - (own + wait) / 1000,
        duration_ms=own + wait,
        status=status,
        message=message,
        failed=failed,
        endpoint=durations.text("name") if "name" in durations else None,
        method=durations.text("method") if "method" in durations else None,
    )
    lacks = _lacks(has_status="status" in durations)
    if bool(np.all(ends == np.floor(ends))):
        lacks.add("sub_second_time")
    return make_run(path, "k6_csv", rows, lacks, judge=_judge, bad_lines=found.bad_lines)


def _ends(found: CsvColumns) -> NDArray[np.float64]:
    stamps = found.text("timestamp")
    used = np.unique(stamps.codes)
    seconds = np.full(len(stamps.names), np.nan)
    seconds[used] = stamps_s(tuple(stamps.names[code] for code in used))
    return seconds[stamps.codes]


def _joined(ends: Floats, wait_ends: Floats, waits: Floats) -> Floats:
    """Time before each request proper, 0 where unknown.

    Nothing in the file joins the nine rows of a request but their order, which k6 keeps. It is trusted if all
    stamps agree; only the last request's rows may be torn apart.
    """
    joined = np.zeros(len(ends))
    n = min(len(ends), len(wait_ends))
    if max(len(ends), len(wait_ends)) - n <= 1 and np.array_equal(ends[:n], wait_ends[:n]):
        joined[:n] = waits[:n]
    return joined


def _answers(found: CsvColumns) -> tuple[NDArray[np.int64], Category, NDArray[np.bool_]]:
    n = len(found)
    empty = Category.constant("", n)
    status_text, error, code, expected = (
        found.text(name) if name in found else empty
        for name in ("status", "error", "error_code", "expected_response")
    )
    status = np.array([int(name) if name.isdigit() else 0 for name in status_text.names], np.int64)[
        status_text.codes
    ]
    packed = code.codes.astype(np.int64) * max(len(error.names), 1) + error.codes
    distinct, of = np.unique(packed, return_inverse=True)
    width = max(len(error.names), 1)
    words = [_words(code.names[value // width], error.names[value % width]) for value in distinct.tolist()]
    failed = np.asarray((status < 100) | (status >= 400) | ~code.equals("") | expected.equals("false"))
    return status, Category.of(words).take(of), failed


def _words(code: str, error: str) -> str:
    """Code and text in one field, so that both reach the judge."""
    return f"{code}{_MARK}{error}" if code or error else ""


def _judge(status: int, message: str, failed: bool) -> Judged:
    code, _, text = message.partition(_MARK)
    if failed and status == 0:
        number = int(code) if code.isdigit() else 0
        return Judged(0, from_k6(number, text), text or (f"k6 error {code}" if code else ""))
    return judged(status, text, failed)


def _lacks(*, has_status: bool) -> set[str]:
    return set() if has_status else {"status"}


class _Points:
    """What is kept of each point of one metric."""

    def __init__(self) -> None:
        self.value, self.end = array("d"), array("d")
        self.status = array("i")
        self.failed = array("b")
        self.message, self.name, self.method = array("i"), array("i"), array("i")
        self.words: dict[str, int] = {}
        self.names: dict[str, int] = {}
        self.methods: dict[str, int] = {}

    def add(self, value: float, end: float, tags: dict[str, Any]) -> None:
        """One point of http_req_duration."""
        status, code = str(tags.get("status", "0")), str(tags.get("error_code", ""))
        number = int(status) if status.isdigit() else 0
        words = _words(code, str(tags.get("error", "")))
        self.value.append(value)
        self.end.append(end)
        self.status.append(number)
        expected = tags.get("expected_response") == "false"
        self.failed.append(number < 100 or number >= 400 or bool(code) or expected)
        self.message.append(self.words.setdefault(words, len(self.words)))
        self.name.append(self.names.setdefault(str(tags.get("name", "all")), len(self.names)))
        self.method.append(self.methods.setdefault(str(tags.get("method", "")), len(self.methods)))


def _wanted(line: bytes) -> bool:
    """Points of the two metrics, and lines that are torn."""
    if b'"Point"' in line or b'"Metric"' in line:
        return b'"Point"' in line and (b'"http_req_duration"' in line or b'"http_req_blocked"' in line)
    return True


def read_k6_json(path: Path) -> Run:
    """The points of http_req_duration and http_req_blocked; stamps have nanoseconds."""
    lines = JsonLines(path, _wanted)
    points, waits, wait_ends = _Points(), array("d"), array("d")
    stamp: object = None
    seconds = float("nan")
    for line in lines:
        data = line.get("data")
        value, end = (data.get("value"), data.get("time")) if isinstance(data, dict) else (None, None)
        # The nine points of a request share their stamp: reading it once saves a third of the time.
        if end != stamp:
            stamp, seconds = end, iso_s(end) if isinstance(end, str) else float("nan")
        if line.get("type") != "Point" or not is_number(value) or math.isnan(seconds):
            lines.bad()
        elif line.get("metric") == DURATION:
            tags = data.get("tags") if isinstance(data, dict) else {}
            points.add(float(value), seconds, tags if isinstance(tags, dict) else {})
        elif line.get("metric") == BLOCKED:
            waits.append(float(value))
            wait_ends.append(seconds)
    own, ends = np.asarray(points.value), np.asarray(points.end)
    whole = own + _joined(ends, np.asarray(wait_ends), np.asarray(waits))
    rows = Rows(
        start_s=ends - whole / 1000,
        duration_ms=whole,
        status=np.asarray(points.status, np.int64),
        message=Category(np.asarray(points.message, np.int32), tuple(points.words)),
        failed=np.asarray(points.failed).astype(bool),
        endpoint=Category(np.asarray(points.name, np.int32), tuple(points.names)),
        method=Category(np.asarray(points.method, np.int32), tuple(points.methods)),
    )
    return make_run(path, "k6_json", rows, judge=_judge, bad_lines=lines.bad_lines)
