"""JMeter's JTL as CSV, and Taurus's kpi.jtl, which looks alike and means something else.

JMeter stamps the START in ms and writes the exception's class where a status would be. Taurus's Locust
wrapper stamps the END and writes 500 for whatever had no answer; only the message tells those apart.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recording.foreign.build import Rows, make_run
from recording.foreign.csv_file import CsvColumns, Layout, read_columns
from recording.foreign.head import columns, first_line, has_columns, head_of
from recording.foreign.outcomes import Judged, from_words, judged
from recording.foreign.times import epoch_s, stamps_s
from recording.run import Run
from recording.sample import Category

DELIMITERS = (",", "\t", ";", "|")
_FIRST_EIGHT = (
    "timeStamp",
    "elapsed",
    "label",
    "responseCode",
    "responseMessage",
    "threadName",
    "dataType",
    "success",
)
_THREADS = ("grpThreads", "allThreads")
_WAITS = ("Latency", "IdleTime", "Connect")
_BEHIND: dict[int, tuple[str, ...]] = {
    10: ("bytes", "Latency"),
    11: ("bytes", *_THREADS),
    12: ("bytes", *_THREADS, "Latency"),
    16: ("failureMessage", "bytes", "sentBytes", *_THREADS, *_WAITS),
    17: ("failureMessage", "bytes", "sentBytes", *_THREADS, "URL", *_WAITS),
}
"""Columns after the first eight in files without header, by the number of columns."""
_CONTROLLER = re.compile(r"Number of samples in transaction", re.IGNORECASE)
_NO_HTTP = "Non HTTP response code: "
_BARE = re.compile(r"\d{10,19}(?:\.\d+)?")


def delimiter_of(head: bytes) -> str:
    """The delimiter under which the first line has most fields."""
    return max(DELIMITERS, key=lambda mark: len(columns(head, mark)))


def is_taurus(head: bytes) -> bool:
    """By its columns: a method and all threads, and no thread names."""
    names = set(columns(head))
    return {
        "allThreads",
        "timeStamp",
        "method",
        "responseCode",
        "elapsed",
    } <= names and "threadName" not in names


def is_jmeter_csv(head: bytes) -> bool:
    """With the columns' names, or without and then by what the first fields look like."""
    if is_taurus(head):
        return False
    mark = delimiter_of(head)
    if has_columns(head, "timeStamp", "elapsed", "success", delimiter=mark):
        return True
    fields = columns(head, mark)
    return (
        len(fields) >= 8
        and bool(_BARE.fullmatch(fields[0]))
        and fields[1].isdigit()
        and fields[7] in ("true", "false")
    )


def is_controller(message: str) -> bool:
    """Whether a row is that of a transaction controller, which repeats the requests below it."""
    return _CONTROLLER.search(message) is not None


def read_jmeter_csv(path: Path) -> Run:
    """Rows of samplers; those of transaction controllers, which repeat them, are left out."""
    head = head_of(path)
    mark = delimiter_of(head)
    fields = columns(head, mark)
    bare = "timeStamp" not in first_line(head)
    numeric = _has_numeric_stamps(head, mark)
    layout = Layout(
        "jmeter_csv",
        numbers=("timeStamp", "elapsed") if numeric else ("elapsed",),
        texts=(
            *(() if numeric else ("timeStamp",)),
            "label",
            "responseCode",
            "responseMessage",
            "success",
            "failureMessage",
        ),
        maybe=("bytes", "allThreads"),
        names=_names(len(fields)) if bare else (),
        delimiter=mark,
        multiline=True,
    )
    found = read_columns(path, layout)
    if "responseMessage" in found:
        controllers = found.text("responseMessage")
        repeated = frozenset(name for name in controllers.names if is_controller(name))
        found = found.keep(~controllers.isin(repeated))
    return make_run(path, "jmeter_csv", _rows(found), _lacks(found), bad_lines=found.bad_lines)


def _has_numeric_stamps(head: bytes, mark: str) -> bool:
    """Whether the first line of data has a number for its time; else it is a date of a format of choice."""
    names = columns(head, mark)
    if "timeStamp" not in names:
        return True
    values = columns(head.partition(b"\n")[2], mark)
    place = names.index("timeStamp")
    return place >= len(values) or bool(_BARE.fullmatch(values[place]))


def _starts(found: CsvColumns) -> NDArray[np.float64]:
    if pa.types.is_dictionary(found.table.column("timeStamp").type):
        stamps = found.text("timeStamp")
        return stamps_s(stamps.names)[stamps.codes]
    return epoch_s(found.number("timeStamp"))


def _names(count: int) -> tuple[str, ...]:
    behind = _BEHIND.get(count, ())
    names = (*_FIRST_EIGHT, *behind)
    return (*names, *(f"column {i + 1}" for i in range(len(names), count)))


def _rows(found: CsvColumns) -> Rows:
    n = len(found)
    code = found.text("responseCode") if "responseCode" in found else Category.constant("", n)
    return Rows(
        start_s=_starts(found),
        duration_ms=found.number("elapsed"),
        status=np.array([status_of(name) for name in code.names] or [0], np.int64)[code.codes],
        message=_message(found, code),
        failed=~found.text("success").isin({"true", "TRUE", "True"}) if "success" in found else None,
        endpoint=found.text("label") if "label" in found else None,
        users=found.whole("allThreads", -1) if "allThreads" in found else None,
        response_bytes=found.whole("bytes", -1) if "bytes" in found else None,
    )


def status_of(code: str) -> int:
    """The HTTP status that a response code is, 0 if it is none."""
    return int(code) if code.isdigit() and len(code) == 3 else 0


def no_answer(code: str, message: str, failure: str) -> str:
    """Words for one failure: the exception with its text; else the status's; the assertion's come last."""
    message = message.removeprefix("Non HTTP response message: ")
    if not status_of(code):
        return ": ".join(part for part in (code.removeprefix(_NO_HTTP), message) if part)
    return failure if int(code) < 400 and failure else message


def _message(found: CsvColumns, code: Category) -> Category:
    """Code, message and failure message of each row joined, distinct combinations once."""
    n = len(found)
    empty = Category.constant("", n)
    said, failure = (
        found.text(name) if name in found else empty for name in ("responseMessage", "failureMessage")
    )
    packed = (code.codes.astype(np.int64) * len(said.names) + said.codes) * len(failure.names) + failure.codes
    distinct, of = np.unique(packed, return_inverse=True)
    words = []
    for value in distinct.tolist():
        rest, third = divmod(value, len(failure.names))
        first, second = divmod(rest, len(said.names))
        words.append(no_answer(code.names[first], said.names[second], failure.names[third]))
    return Category.of(words).take(of)


def _lacks(found: CsvColumns) -> set[str]:
    return set() if "responseCode" in found else {"status"}


def read_taurus(path: Path) -> Run:
    """Rows of Taurus's Locust wrapper: END stamps become starts, a 500 with an errno's text no status."""
    layout = Layout(
        "taurus",
        numbers=("timeStamp", "elapsed"),
        texts=("label", "method", "responseMessage", "success"),
        maybe=("responseCode", "bytes", "allThreads"),
        multiline=True,
    )
    found = read_columns(path, layout)
    elapsed = found.number("elapsed")
    rows = Rows(
        start_s=epoch_s(found.number("timeStamp")) - elapsed / 1000,
        duration_ms=elapsed,
        status=found.whole("responseCode"),
        message=found.text("responseMessage"),
        failed=~found.text("success").equals("true"),
        endpoint=found.text("label"),
        method=found.text("method"),
        users=found.whole("allThreads", -1),
        response_bytes=found.whole("bytes", -1),
    )
    return make_run(path, "taurus", rows, judge=_taurus, bad_lines=found.bad_lines)


_REASON = re.compile(r" for url: |^(?:Internal Server Error|OK)$")


def _taurus(status: int, message: str, failed: bool) -> Judged:
    """A 500 whose text is no reason phrase but that of a network failure was no answer at all."""
    if failed and status == 500 and not _REASON.search(message):
        outcome = from_words(message)
        if outcome != "unknown":
            return Judged(0, outcome, message)
    return judged(status, message, failed)
