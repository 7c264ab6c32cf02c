"""Vegeta: CSV without header (`vegeta encode -to csv`) and JSON lines; both stamp the START, in ns."""

from __future__ import annotations

import math
import re
from array import array
from pathlib import Path
from typing import Any

import numpy as np

from recording.foreign.build import Rows, make_run
from recording.foreign.csv_file import Layout, read_columns
from recording.foreign.head import columns
from recording.foreign.json_lines import JsonLines, first_object
from recording.foreign.times import iso_s
from recording.json_values import is_number
from recording.run import Run
from recording.sample import Category

_NAMES = (
    "timestamp", "code", "latency", "bytes_out", "bytes_in", "error", "body", "attack", "seq", "method",
    "url", "headers",
)  # fmt: skip
_START = re.compile(r"\d{18,19}")


def is_vegeta_csv(head: bytes) -> bool:
    """Twelve fields that begin with nanoseconds, a code and a latency."""
    fields = columns(head)
    return (
        len(fields) == 12
        and bool(_START.fullmatch(fields[0]))
        and fields[1].isdigit()
        and fields[2].isdigit()
    )


def is_vegeta_json(head: bytes) -> bool:
    """An object with its fields."""
    return {"attack", "code", "timestamp", "latency"} <= set(first_object(head))


def read_vegeta_csv(path: Path) -> Run:
    """One request a line."""
    layout = Layout(
        "vegeta_csv",
        numbers=("timestamp", "code", "latency"),
        texts=("error", "method", "url"),
        maybe=("bytes_in",),
        names=_NAMES,
        multiline=True,
    )
    found = read_columns(path, layout)
    rows = Rows(
        start_s=found.number("timestamp") / 1e9,
        duration_ms=found.number("latency") / 1e6,
        status=found.whole("code"),
        message=found.text("error"),
        endpoint=found.text("url"),
        method=found.text("method"),
        response_bytes=found.whole("bytes_in", -1),
    )
    return make_run(path, "vegeta_csv", rows, bad_lines=found.bad_lines)


def read_vegeta_json(path: Path) -> Run:
    """One request a line."""
    lines = JsonLines(path)
    start, took, status, size = array("d"), array("d"), array("q"), array("q")
    texts: tuple[dict[str, int], ...] = ({}, {}, {})
    codes = (array("i"), array("i"), array("i"))
    for line in lines:
        values = _values(line)
        if values is None:
            lines.bad()
            continue
        start.append(values[0])
        took.append(values[1])
        status.append(values[2])
        size.append(values[3])
        for column, known, name in zip(codes, texts, ("error", "url", "method"), strict=True):
            column.append(known.setdefault(str(line.get(name) or ""), len(known)))
    error, url, method = (
        Category(np.asarray(column, np.int32), tuple(known))
        for column, known in zip(codes, texts, strict=True)
    )
    rows = Rows(
        start_s=np.asarray(start),
        duration_ms=np.asarray(took),
        status=np.asarray(status, np.int64),
        message=error,
        endpoint=url,
        method=method,
        response_bytes=np.asarray(size, np.int64),
    )
    return make_run(path, "vegeta_json", rows, bad_lines=lines.bad_lines)


def _values(line: dict[str, Any]) -> tuple[float, float, int, int] | None:
    start = iso_s(str(line.get("timestamp")))
    code, latency, size = line.get("code"), line.get("latency"), line.get("bytes_in", -1)
    if not (is_number(code) and is_number(latency)) or math.isnan(start) or not 0 <= code < 1000:
        return None
    return start, latency / 1e6, int(code), int(size) if is_number(size) else -1
