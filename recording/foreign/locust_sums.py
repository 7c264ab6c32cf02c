"""Locust's own files of sums: stats_history.csv, stats.csv and the JSON summary.

The history's rates are smeared over ten seconds; only differences of its totals are exact. None of the files
has status codes; PREFIX_failures.csv beside the CSV files has the texts, and is used where its counts agree.
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recording.errors import UsageError
from recording.foreign.head import has_columns
from recording.foreign.json_lines import whole_object
from recording.foreign.outcomes import from_text
from recording.foreign.sums import Sum, sums_run
from recording.foreign.times import iso_s
from recording.json_values import is_number
from recording.run import Run

AGGREGATED = "Aggregated"
_FAILED = "failed, kind unknown"


def is_locust_history(head: bytes) -> bool:
    """By its columns."""
    return has_columns(head, "Timestamp", "User Count", "Total Request Count", "Total Failure Count")


def is_locust_stats(head: bytes) -> bool:
    """By its columns."""
    return has_columns(head, "Type", "Name", "Request Count", "Failure Count")


def is_locust_json(head: bytes) -> bool:
    """A list of objects with Locust's names, pretty-printed or not."""
    return head.lstrip()[:1] == b"[" and b'"num_requests"' in head and b'"num_none_requests"' in head


def read_locust_history(path: Path) -> Run:
    """Differences of the totals; a total that shrinks (a restart of the statistics) begins anew."""
    before: dict[tuple[str, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    sums: list[Sum] = []
    times: list[float] = []
    bad = 0
    for row in _rows(path):
        try:
            time_s, users = float(row["Timestamp"]), int(row["User Count"])
            requests, failures = int(row["Total Request Count"]), int(row["Total Failure Count"])
            kind, name = row["Type"] or "", row["Name"] or ""
            if not all(map(is_number, (time_s, users, requests, failures))):
                raise ValueError("a number without end")
        except (KeyError, TypeError, ValueError, OverflowError):
            bad += 1
            continue
        times.append(time_s)
        if name == AGGREGATED:
            continue
        key = (kind, name)
        had, lost = before[key]
        if requests < had or failures < lost:
            had, lost = 0, 0
        before[key] = (requests, failures)
        sums += _pair(requests - had, failures - lost, time_s, name, users)
    if not times and bad:
        raise UsageError(f"{path}, line 2: none of its {bad:,} lines can be read as Locust's stats history")
    sums, lacks = _with_texts(path, "_stats_history.csv", sums)
    length = max(times) - min(times) if times else 0.0
    return sums_run(path, "locust_history", sums, lacks, length_s=length, bad_lines=bad)


def read_locust_stats(path: Path) -> Run:
    """One line per endpoint; neither times nor length."""
    sums: list[Sum] = []
    bad = 0
    for row in _rows(path):
        try:
            if row["Name"] != AGGREGATED:
                sums += _pair(int(row["Request Count"]), int(row["Failure Count"]), 0.0, row["Name"])
        except (KeyError, TypeError, ValueError, OverflowError):
            bad += 1
    sums, lacks = _with_texts(path, "_stats.csv", sums)
    return sums_run(path, "locust_stats", sums, lacks, bad_lines=bad)


def read_locust_json(path: Path) -> Run:
    """Exact counts per second and endpoint, by the END of requests; durations are rounded, texts missing."""
    sums: list[Sum] = []
    starts, ends = [], []
    for entry in whole_object(path, "Locust"):
        try:
            requests, failures = int(entry["num_requests"]), int(entry["num_failures"])
            starts.append(float(entry["start_time"]))
            ends.append(float(entry["last_request_timestamp"] or entry["start_time"]))
            if not (is_number(starts[-1]) and is_number(ends[-1])):
                raise ValueError("a time without end")
            name = str(entry["name"])
            sums += _seconds(entry, name) or _pair(requests, failures, starts[-1], name)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise UsageError(f"{path}: an entry is not one of Locust's JSON summary ({error!r})") from error
    length = max(ends) - min(starts) if starts else 0.0
    return sums_run(path, "locust_json", sums, {"status"}, length_s=length)


def _seconds(entry: dict[str, Any], name: str) -> list[Sum]:
    """Sums per second, if they add up to the totals; else none."""
    requests = {int(t): int(n) for t, n in entry.get("num_reqs_per_sec", {}).items()}
    failures = {int(t): int(n) for t, n in entry.get("num_fail_per_sec", {}).items()}
    if (sum(requests.values()), sum(failures.values())) != (entry["num_requests"], entry["num_failures"]):
        return []
    return [one for t, n in sorted(requests.items()) for one in _pair(n, failures.get(t, 0), float(t), name)]


def _pair(requests: int, failures: int, time_s: float, name: str, users: int = -1) -> list[Sum]:
    good = Sum(requests - failures, start_s=time_s, endpoint=name, users=users)
    return [good, Sum(failures, 0, _FAILED, True, time_s, name, users)]


def _rows(path: Path) -> Iterator[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="replace") as stream:
            yield from csv.DictReader(stream, strict=False)
    except csv.Error as error:
        raise UsageError(f"{path}: {error}; expected a CSV of Locust") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error


def _with_texts(path: Path, ending: str, sums: list[Sum]) -> tuple[list[Sum], set[str]]:
    """Failures by text from PREFIX_failures.csv, if it lies there and counts as many; else `status` lacks."""
    beside = path.with_name(path.name.removesuffix(ending) + "_failures.csv")
    failures = sum(one.requests for one in sums if one.failed)
    if failures == 0:
        return sums, set()
    if not path.name.endswith(ending) or not beside.exists():
        return sums, {"status"}
    kinds: list[Sum] = []
    for row in _rows(beside):
        try:
            start = iso_s(row.get("First Seen") or "")
            judged = from_text(row["Error"])
            since = sums[0].start_s if math.isnan(start) or not sums[0].start_s else start
            kinds.append(Sum(int(row["Occurrences"]), judged.status, row["Error"], True, since, row["Name"]))
        except (KeyError, TypeError, ValueError, OverflowError):
            return sums, {"status"}
    if sum(kind.requests for kind in kinds) != failures:
        return sums, {"status"}
    return [one for one in sums if not one.failed] + kinds, set()
